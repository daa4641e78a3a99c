package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// receiver keeps what webhooks POST, and fails the first time.
type receiver struct {
	mu    sync.Mutex
	posts []map[string]any
	tries int
}

// ServeHTTP is part of http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var post map[string]any
	err := json.NewDecoder(q.Body).Decode(&post)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tries++; r.tries == 1 || err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.posts = append(r.posts, post)
}

// has says what is missing: a notice of this rule, state and key.
func (r *receiver) has(rule, state, key string) func() string {
	return func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range r.posts {
			if p["rule"] == rule && p["state"] == state && p["key"] == key {
				return ""
			}
		}
		return fmt.Sprintf("no %s %s %s in %v", rule, state, key, r.posts)
	}
}

func alertingRules(webhook, syslog string) string {
	return fmt.Sprintf(`
  to             = ["ops@example.com"]
  check_interval = 1
  recovery       = 1
  webhook "chat" {
    url = %q
  }
  syslog "noc" {
    url = "udp://%s"
  }
  rule "refusals" {
    event  = "rejection"
    per    = "peer"
    count  = 3
    window = 2
  }
  rule "counted" {
    metric = "rejections_total{code=\"55*\"}"
    above  = 2
  }
  rule "script" {
    counter = "alerts/spam"
    above   = 0
  }
  rule "audit" {
    audit   = "rejections"
    monitor = "60,2"
    above   = 2
  }
  rule "wrong" {
    metric = "no_such_metric"
    above  = 1
  }
`, webhook, syslog)
}

// TestAlertsReachPeople: events, metrics, inbound_audit and a script's counter
// raise alerts, that go out by mail, webhook and syslog, and end.
func TestAlertsReachPeople(t *testing.T) {
	t.Parallel()
	hook := &receiver{}
	web := httptest.NewServer(hook)
	defer web.Close()
	syslog, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer syslog.Close()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{script("alerts", `
require("msys.counter");
function mod:validate_mailfrom(str, ac, vctx)
  if vctx:get(msys.core.VCTX_MESS, "mailfrom_localpart") == "spam" then
    msys.counter.add("alerts/spam", 1);
  end
  return msys.core.VALIDATE_CONT;
end
`)},
		Global:   "inbound_audit {\n monitors = [\"60,2\"]\n}\n",
		Alerting: alertingRules(web.URL, syslog.LocalAddr().String()),
	})
	// The first look at a figure that grows is what its growth is counted from.
	s.Eventually("the rules look", func() string {
		if text, _ := s.Console("alerting"); !strings.Contains(text, "no_such_metric") || !strings.Contains(text, "counted: mtad") && !strings.Contains(text, "by more than 2\n  now 0") {
			return text
		}
		return ""
	})
	c := open(t, s)
	say(t, c, "MAIL FROM:<spam@example.org>", "250")
	for range 4 {
		say(t, c, "RCPT TO:<x@elsewhere.test>", "550")
	}
	for _, rule := range []string{"refusals", "counted", "script", "audit"} {
		key := ""
		if rule == "refusals" {
			key = "127.0.0.1"
		}
		s.Eventually("a webhook for "+rule, hook.has(rule, "raised", key))
	}
	s.Eventually("its end", hook.has("refusals", "recovered", "127.0.0.1"))
	if m := sink.Wait(t, "ops@example.com"); !strings.HasPrefix(m.Header("Subject"), "mx.test: raised: ") || m.Header("Auto-Submitted") != "auto-generated" {
		t.Errorf("alert mail %q", m.Header("Subject"))
	}
	buf := make([]byte, 2000)
	if n, _, err := syslog.ReadFrom(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "<19>1 ") || !strings.Contains(string(buf[:n]), " mx.test mtad - alert - alert raised: ") {
		t.Errorf("syslog %v %q", err, buf[:n])
	}
	text, _ := s.Console("alerting", "show")
	for _, want := range []string{"raised 20", "webhook chat: ", "syslog noc: ", "mail to ops@example.com: ", "cannot be read: there is no metric"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the console:\n%s", want, text)
		}
	}
	if text, exit := s.Console("alerting", "silence", "nothing", "1"); exit == 0 {
		t.Errorf("an unknown rule: %s", text)
	}
}
