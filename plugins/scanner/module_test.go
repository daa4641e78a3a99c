package scanner

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clamd answers each stream with a word that is in it: BAD, BIG, or none; at
// BROKEN it hangs up.
func clamd(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

func serve(c net.Conn) {
	defer c.Close()
	var text strings.Builder
	r := bufio.NewReader(c)
	switch command, err := r.ReadString(0); {
	case err != nil:
		return
	case command == "zVERSION\x00":
		_, _ = io.WriteString(c, "ClamAV 1.4\x00") // the console says what it got
		return
	}
	for !strings.HasSuffix(text.String(), "\x00\x00\x00\x00") {
		b, err := r.ReadByte()
		if err != nil {
			return
		}
		text.WriteByte(b)
	}
	reply := "stream: OK\x00"
	switch {
	case strings.Contains(text.String(), "BAD"):
		reply = "stream: Some.Virus FOUND\x00"
	case strings.Contains(text.String(), "BIG"):
		reply = "INSTREAM size limit exceeded. ERROR\x00"
	case strings.Contains(text.String(), "BROKEN"):
		return
	}
	_, _ = io.WriteString(c, reply) // the client says what it got
}

// antivirus is an antivirus scope with one clamav of these options.
func antivirus(pairs ...any) option.Scope {
	return option.Scope{Name: "antivirus", Instance: "a", Scopes: []option.Scope{sdktest.Scope("clamav", "c", pairs...)}}
}

func prepare(t *testing.T, h *sdktest.Host, scopes ...option.Scope) (sdk.Module, sdk.Subscription, error) {
	t.Helper()
	m := New()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	sub, err := m.Prepare(context.Background(), h, sdk.Config{Generation: 1, Scopes: scopes})
	return m, sub, err
}

// scanned runs validate_data on a message, and gives the state as the core has
// it afterwards, and the reply.
func scanned(t *testing.T, m sdk.Module, body string) (*sdk.State, *smtp.Reply) {
	t.Helper()
	s := &sdk.State{
		Conn: sdk.Conn{Session: 3, Peer: netip.MustParseAddrPort("192.0.2.1:4711")},
		Message: &sdk.Message{ID: "id", Sender: "a@b.test", Recipients: []smtp.Address{"u@example.com"},
			Header: []byte("Subject: s\r\n"), Body: sdk.Body{Size: int64(len(body)), Inline: []byte(body)}},
	}
	if strings.Contains(body, "SKIP") {
		s.Message.Context.Set("skip_virus_check", "1")
	}
	own := s.Clone()
	p := sdk.Phase{Hook: sdk.ValidateData}
	ans, err := m.Call(context.Background(), &sdk.Call{Generation: 1, Transaction: 1, State: own, Phases: []sdk.Phase{p}})
	if err != nil {
		t.Fatal(err)
	}
	s.Enter(p, nil)
	for i := range ans.Results[0].Changes {
		if err := sdk.Apply(s, &ans.Results[0].Changes[i]); err != nil {
			t.Fatal(err)
		}
	}
	return s, ans.Results[0].Reply
}

func TestScan(t *testing.T) {
	addr := clamd(t)
	for _, c := range []struct {
		options            []any
		body               string
		code               int
		variable, val, why string
	}{
		{nil, "nothing", 0, "clamav_status", "", ""},
		{nil, "BAD", 550, "clamav_status", "infected", "Some.Virus"},
		{nil, "BIG", 550, "clamav_status", "unscannable", "INSTREAM size limit exceeded"},
		{nil, "BROKEN", 451, "clamav_status", "error", "EOF"},
		{[]any{"error_code", "554"}, "BROKEN", 554, "clamav_status", "error", "EOF"},
		{nil, "BAD SKIP", 0, "clamav_status", "", ""},
		{[]any{"action", "pass", "context_variable", "virus"}, "BAD", 0, "virus", "infected", "Some.Virus"},
		{[]any{"action", "pass"}, "BROKEN", 0, "clamav_status", "error", "EOF"},
	} {
		h := &sdktest.Host{}
		m, sub, err := prepare(t, h, antivirus(append([]any{"daemon", addr}, c.options...)...))
		if err != nil || !sub.Hooks.Has(sdk.ValidateData) {
			t.Fatal(err)
		}
		s, reply := scanned(t, m, c.body)
		if code := replyCode(reply); code != c.code {
			t.Errorf("%v %s: %v", c.options, c.body, reply)
		}
		val, _ := s.Message.Context.Get(c.variable)
		why, _ := s.Message.Context.Get(c.variable + "_info")
		if val != c.val || why != c.why {
			t.Errorf("%v %s: %s is %q, %q", c.options, c.body, c.variable, val, why)
		}
		if logged := len(h.Logs()) > 0; logged != (c.val == "error") {
			t.Errorf("%v %s: logged %v", c.options, c.body, h.Logs())
		}
	}
}

func replyCode(r *smtp.Reply) int {
	if r == nil {
		return 0
	}
	return r.Code
}

func TestControl(t *testing.T) {
	m, sub, err := prepare(t, &sdktest.Host{}, antivirus("daemon", clamd(t)))
	if err != nil || strings.Join(sub.Controls, ", ") != "antivirus:a stats, antivirus:a version" {
		t.Fatal(sub.Controls, err)
	}
	m.Commit(1)
	ask := func(words ...string) string {
		out, err := m.(sdk.Controller).Control(context.Background(), words)
		if err != nil {
			return err.Error()
		}
		return out
	}
	if got := ask("antivirus:a", "stats"); !strings.HasPrefix(got, "clamav\n  Messages checked:   0\n") || !strings.Contains(got, "nanms") {
		t.Error(got)
	}
	scanned(t, m, "BAD")
	scanned(t, m, "nothing")
	if got := ask("antivirus:a", "stats"); !strings.Contains(got, "checked:   2\n") || !strings.Contains(got, "detected:   1\n") || strings.Contains(got, "message   nan") {
		t.Error(got)
	}
	for want, words := range map[string][]string{
		"clamav: ClamAV 1.4\n": {"antivirus:a", "version"}, `there is no antivirus "b"`: {"antivirus:b", "stats"}, "usage: antivirus:NAME stats|version": {"antivirus:a"},
	} {
		if got := ask(words...); got != want {
			t.Errorf("%v: %q", words, got)
		}
	}
}

func TestConfiguration(t *testing.T) {
	if _, sub, err := prepare(t, &sdktest.Host{}, antivirus("enabled", "false"), sdktest.Scope("spamassassin", ""), sdktest.Scope("rspamd", ""), sdktest.Scope("clamav", "")); err != nil || sub.Hooks.Has(sdk.ValidateData) {
		t.Errorf("what is not enabled scans: %v", err)
	}
	for part, scope := range map[string]option.Scope{
		"is no daemon":                    antivirus("daemon", "nowhere"),
		"timeout must be":                 sdktest.Scope("spamassassin", "", "timeout", "0"),
		"error_code must be":              antivirus("error_code", "250"),
		`"nowhere:" is no daemon`:         sdktest.Scope("rspamd", "", "daemon", "nowhere:"),
		`unknown option "demon" in scope`: sdktest.Scope("spamassassin", "", "demon", "x:1"),
	} {
		var refused *sdk.PrepareError
		if _, _, err := prepare(t, &sdktest.Host{}, scope); !errors.As(err, &refused) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}
