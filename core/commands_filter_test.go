package core

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

func TestParseFilter(t *testing.T) {
	f, rest, err := parseFilter(strings.Fields("--meta k v --sender a@* example.com a note --dry-run of mine"))
	if err != nil || !f.dryRun || f.meta != [2]string{"k", "v"} || f.sender != "a@*" || strings.Join(rest, " ") != "example.com a note of mine" {
		t.Errorf("%+v %q %v", f, rest, err)
	}
	for _, bad := range []string{"--meta k", "--header a b --meta c d x", "--recipient", "--nonsense x y"} {
		if _, _, err := parseFilter(strings.Fields(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestFilterMatches(t *testing.T) {
	m := &message.Message{Sender: "News@Example.org", Recipient: "bob@example.com",
		Context: sdk.Dict{{Key: "k", Value: "mess"}}, ConnContext: sdk.Dict{{Key: "k", Value: "conn"}, {Key: "c", Value: "conn"}}}
	for text, want := range map[string]bool{
		"--sender news@*": true, "--sender *@example.org": true, "--sender news": false, "--recipient b*b@e*.com": true, "--recipient b*bb@*": false,
		"--meta k mess": true, "--meta k conn": false, "--context c conn": true, "--meta none x": false, "--sender * --meta k mess": true,
	} {
		f, _, err := parseFilter(strings.Fields(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (&Core{}).matches(&f, m); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// TestHasLine: physical lines only (manual, fail domain quiet).
func TestHasLine(t *testing.T) {
	section := []byte("Subject: one\r\nX-Long: first\r\n\tsecond part\r\n third\r\nx-pick:alpha\r\nEmpty:\r\n")
	for _, c := range []struct {
		name, line string
		want       bool
	}{
		{"subject", "one", true}, {"X-Long", "first", true}, {"x-long", "\tsecond part", true}, {"X-Long", "second part", true},
		{"X-Long", "first second part", false}, {"Subject", "third", false}, {"X-Pick", "alpha", true}, {"X-Pick", "Alpha", false},
		{"Empty", "", true}, {"Missing", "", false},
	} {
		if got := hasLine(section, c.name, c.line); got != c.want {
			t.Errorf("%s %q: %v", c.name, c.line, got)
		}
	}
}

func FuzzLike(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("*", "")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !strings.Contains(pattern, "*") && like(pattern, text) != (strings.ToLower(pattern) == strings.ToLower(text)) {
			t.Errorf("%q is not compared as it stands with %q", pattern, text)
		}
		if !like("*"+text, text) || !like(text+"*", text) {
			t.Errorf("%q is not like itself", text)
		}
	})
}

func TestFailReply(t *testing.T) {
	for note, want := range map[string]string{
		"": "554 5.7.0 [internal] Message manually purged", "554 Campaign withdrawn": "554 Campaign withdrawn",
		"550 5.1.1 gone": "550 5.1.1 gone", "asked by Bob": "554 5.7.0 [internal] asked by Bob",
	} {
		if r, err := failReply(strings.Fields(note)); err != nil || r.String() != want {
			t.Errorf("%q: %v, %v", note, r, err)
		}
	}
	for _, bad := range []string{"450 later", "250 fine", "554 a\r\nb"} {
		if r, err := failReply([]string{bad}); err == nil {
			t.Errorf("%q: %v", bad, r)
		}
	}
}

func TestWordsOfCommands(t *testing.T) {
	if _, _, err := parsePage("9000,2000"); err == nil {
		t.Error("a page over 10000")
	}
	if limit, offset, err := parsePage("5,7"); limit != 5 || offset != 7 || err != nil {
		t.Error(limit, offset, err)
	}
	if rest, limit, err := cutLimit([]string{"a", "--limit", "3", "b"}); len(rest) != 2 || limit != 3 || err != nil {
		t.Error(rest, limit, err)
	}
	for _, bad := range []string{"", "0", "x", "10", "10 --dry-run --domain a", "10 --domain a more"} {
		if _, _, _, _, err := delayArgs(strings.Fields(bad)); err == nil {
			t.Errorf("delay %q was taken", bad)
		}
	}
	seconds, domain, binding, f, err := delayArgs(strings.Fields("60 --domain a.test --meta k v --binding b"))
	if seconds != 60 || domain != "a.test" || binding != "b" || f.meta[1] != "v" || err != nil {
		t.Error(seconds, domain, binding, f, err)
	}
}
