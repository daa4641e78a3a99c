package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestTraceSMTP: dialogues of both directions in files and live, without what the
// message says.
func TestTraceSMTP(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink})
	order := func(want string, words ...string) {
		t.Helper()
		if out, exit := s.Console(words...); exit != 0 || !strings.Contains(out, want) {
			t.Errorf("%q: %d %s", words, exit, out)
		}
	}
	order("Registered smtp tracer #1", "trace", "smtp", "add", "*", "example.com", filepath.Join(s.Dir, "out.trace"))
	order("Registered smtp tracer #2", "trace", "smtp", "inbound", "127.0.0.0/8", filepath.Join(s.Dir, "in.trace"))
	order("Registered smtp tracer #3", "trace", "smtp", "add", "*", "other.example", filepath.Join(s.Dir, "no.trace"))
	live := make(chan string)
	go func() {
		out, _ := s.Console("trace", "smtp", "live", "inbound", "*", "--for", "600", "--json")
		live <- out
	}()
	s.Eventually("the live tracer", func() string {
		out, _ := s.Console("trace", "smtp", "list")
		if strings.Contains(out, "[     4]  direction: inbound") {
			return ""
		}
		return out
	})
	if err := s.Submit("me@example.org", "Subject: hidden\r\n\r\nsecret body\r\n", "you@example.com"); err != nil {
		t.Fatal(err)
	}
	sink.Wait(t, "you@example.com")
	s.Logged("out.trace", " 127.0.0.1:")
	s.Logged("out.trace", " C: MAIL FROM:<me@example.org>")
	s.Logged("out.trace", " octets of content)")
	s.Logged("in.trace", " S: 220 ")
	s.Logged("in.trace", " C: RCPT TO:<you@example.com>")
	s.Logged("in.trace", " C: .")
	for _, name := range []string{"out.trace", "in.trace"} {
		if text := s.Log(name); strings.Contains(text, "secret") || strings.Contains(text, "hidden") {
			t.Errorf("%s has the content:\n%s", name, text)
		}
	}
	if text := s.Log("no.trace"); text != "" {
		t.Errorf("another domain's dialogue:\n%s", text)
	}
	order("Removed smtp tracer #4", "trace", "smtp", "remove", "4")
	if out := <-live; !strings.Contains(out, `"direction":"in",`) || !strings.Contains(out, `"side":"C","text":"MAIL FROM:<me@example.org>"`) {
		t.Errorf("live: %s", out)
	}
	if out, exit := s.Console("trace", "smtp", "remove", "4"); exit != 1 || !strings.Contains(out, "there is no smtp tracer #4") {
		t.Errorf("removed twice: %d %s", exit, out)
	}
	if out, exit := s.Console("trace", "smtp", "add", "*", "*", "/dev/null"); exit != 1 {
		t.Errorf("a device: %s", out)
	}
}
