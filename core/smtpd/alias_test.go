package smtpd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/core/alias"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestValidAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"a@example.com": true, `"a b"@example.com`: true, "a@[127.0.0.1]": true, "a": false, "": false, "a@b>": false, "a@b c": false,
		"@r:a@b": true, "a@b@c": false, "é@example.com": false, "a@b\r\nX": false,
	} {
		if _, ok := ValidAddress(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

// TestAliases: what becomes of a recipient that stands for others, for itself
// alone, for too many, and of one that cannot be looked up.
func TestAliases(t *testing.T) {
	o := options()
	o.MaxRcpts = 4
	r := start(t, o, nil)
	r.srv.Aliases = func(_ context.Context, _ *Profile, to smtp.Address, seen map[smtp.Address]bool) ([]smtp.Address, error) {
		switch local, _ := to.Split(); local {
		case "team":
			seen[to] = true
			return []smtp.Address{"b@relay.test", "far@elsewhere.test"}, nil
		case "loop":
			return nil, alias.ErrLoop
		case "down":
			return nil, errors.New("gone")
		case "many":
			return []smtp.Address{"1@x", "2@x", "3@x"}, nil
		}
		return []smtp.Address{to}, nil
	}
	var mu sync.Mutex
	var problems []string
	r.srv.Problem = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, text)
	}
	r.dial().talk(hello + `
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: RCPT TO:<b@relay.test>
		S: ^250
		C: RCPT TO:<team@relay.test>
		S: ^250
		C: RCPT TO:<team@relay.test>
		S: ^250
		C: RCPT TO:<loop@relay.test>
		S: ^550 5\.4\.6
		C: RCPT TO:<down@relay.test>
		S: ^451 4\.3\.0
		C: RCPT TO:<many@relay.test>
		S: ^452
		C: DATA
		S: ^354
		C: .
		S: ^250`)
	if got := r.only().to; !slices.Equal(got, []smtp.Address{"b@relay.test", "far@elsewhere.test"}) {
		t.Errorf("delivered to %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := strings.Join(problems, "|"); text != "alias: down@relay.test: gone" {
		t.Errorf("the operator was told %q", text)
	}
}
