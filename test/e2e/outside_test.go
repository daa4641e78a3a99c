package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestBadReloadBySignal: a SIGHUP with a broken script changes nothing and says
// so, with the place, in the paniclog.
func TestBadReloadBySignal(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{versioned("v1")}})
	switchTo(s, script("versioned", "function mod:validate_mailfrom(str, ac, vctx)\n  return = 1\nend\n"))
	s.Signal(syscall.SIGHUP)
	s.Logged("paniclog.ec", "Reconfigure failed")
	if log := s.Log("paniclog.ec"); !strings.Contains(log, "versioned.lua:") {
		t.Errorf("the paniclog does not name the place:\n%s", log)
	}
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.com>\nS: 550.*v1 says no")
}

// TestConsoleOverTCP: the console answers on a TCP address where that is
// allowed in so many words, and is refused at the start where not.
func TestConsoleOverTCP(t *testing.T) {
	t.Parallel()
	addr := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	s := mtatest.Start(t, mtatest.Config{Global: fmt.Sprintf("control_listener \"net\" {\n listen %q {\n always_allow = true\n}\n}", addr)})
	out, err := exec.Command(mtatest.Binary(t), "console", addr, "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "mtad") {
		t.Errorf("version over TCP: %v\n%s", err, out)
	}
	s.Configure(func(c *mtatest.Config) { c.Global = strings.Replace(c.Global, "always_allow = true", "", 1) })
	if out, exit := s.Console("config", "reload"); exit == 0 || !strings.Contains(out, "always_allow") {
		t.Errorf("a TCP console for everybody was accepted: exit %d\n%s", exit, out)
	}
}

// TestMetrics: Prometheus finds what happened, by name.
func TestMetrics(t *testing.T) {
	t.Parallel()
	addr := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: fmt.Sprintf("metrics_listen = %q", addr)})
	if err := s.Submit("a@example.org", content, "b@example.com"); err != nil {
		t.Fatal(err)
	}
	sink.Wait(t, "b@example.com")
	s.In(t).Eventually("one reception and one delivery", func() string {
		r, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err.Error()
		}
		for _, want := range []string{`mtad_received_messages_total{protocol="esmtp"} 1`, "mtad_delivered_messages_total 1"} {
			if !strings.Contains(string(b), want) {
				return "no " + want + " in\n" + string(b)
			}
		}
		return ""
	})
}

// TestAlertMail: a rule that is met sends one mail to whom it may concern,
// through the queue.
func TestAlertMail(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink,
		Alerting: `to = ["postmaster@example.com"]
  rule "refused" {
    event = "rejection"
    count = 2
  }`,
		Scripts: []mtatest.Script{versioned("v1")},
	})
	for range 4 {
		if err := s.Submit("a@example.org", content, "b@example.com"); err == nil {
			t.Fatal("not refused")
		}
	}
	mail := sink.Wait(t, "postmaster@example.com")
	if !strings.Contains(mail.Data, "refused") || !strings.Contains(mail.Data, "Subject:") {
		t.Errorf("the alert says\n%s", mail.Data)
	}
	if got := len(sink.For("postmaster@example.com")); got != 1 {
		t.Errorf("%d alerts", got)
	}
}
