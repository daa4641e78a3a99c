package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// page gets one; status 0 where nobody answers.
func page(t *testing.T, url string) (status int, text string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(b)
}

func measured() mtatest.Script {
	return script("measured", `
function mod:validate_rcptto(msg, str, ac, vctx)
  local to = vctx:get(msys.core.VCTX_MESS, "rcptto_localpart");
  if to == "no" then vctx:set_code(550, "5.1.1 no such user"); end
  if to == "boom" then error("boom"); end
  return msys.core.VALIDATE_CONT;
end
`)
}

// TestMetricsHealthAndJSON: what a server that took, refused and failed says in
// its metrics and in the JSON stream, and when it says that it is ready.
func TestMetricsHealthAndJSON(t *testing.T) {
	t.Parallel()
	base := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{measured()},
		Global: fmt.Sprintf("metrics_listen = %q\nec_logger \"json\" {\n jsonlog = \"@DIR@/log.json\"\n}\n", base),
	})
	base = "http://" + base
	if status, text := page(t, base+"/readyz"); status != 200 || strings.Count(text, ": ok\n") != 3 {
		t.Errorf("readyz %d %q", status, text)
	}
	if status, text := page(t, base+"/healthz"); status != 200 || text != "ok\n" {
		t.Errorf("healthz %d %q", status, text)
	}
	submit(t, s, "a@example.org", "b@example.com")
	c := open(t, s)
	say(t, c, "MAIL FROM:<a@example.org>", "250")
	say(t, c, "RCPT TO:<no@example.com>", "550")
	say(t, c, "RCPT TO:<x@elsewhere.test>", "550")
	boom := open(t, s)
	say(t, boom, "MAIL FROM:<a@example.org>", "250")
	say(t, boom, "RCPT TO:<boom@example.com>", "421")
	sink.Wait(t, "b@example.com")
	want := []string{
		`mtad_received_messages_total{protocol="esmtp"} 1`, `mtad_rejections_total{code="550",phase="awaiting rcptto"} 1`,
		`mtad_rejections_total{code="550",phase="relaying denied"} 1`, `mtad_script_errors_total{hook="validate_rcptto",script="measured"} 1`,
		`mtad_script_seconds_count{hook="validate_rcptto",script="measured"} 3`, `mtad_delivery_attempts_total{binding="default",outcome="delivered"} 1`,
		`mtad_spool_commit_seconds_count 1`, `mtad_module_restarts_total{module="scriptlet"} 0`, `mtad_module_up{module="scriptlet"} 1`, "mtad_ready 1",
		"mtad_queue_oldest_message_seconds 0", "mtad_delivery_seconds_count 1", `mtad_queue_age_messages{age="older"} 0`,
	}
	var text string
	s.Eventually("the metrics", func() string {
		_, text = page(t, base+"/metrics")
		for _, line := range want {
			if !strings.Contains(text, line+"\n") {
				return "no " + line + " in\n" + text
			}
		}
		return ""
	})
	documentedOnly(t, text)
	jsonRecords(t, s)

	// A session in a transaction keeps the server up, and it is not ready.
	s.Signal(syscall.SIGTERM)
	s.Eventually("not to be ready", func() string {
		if status, text := page(t, base+"/readyz"); status != 503 || !strings.Contains(text, "listeners: draining\n") {
			return fmt.Sprintf("%d %q", status, text)
		}
		return ""
	})
	if status, _ := page(t, base+"/healthz"); status != 200 {
		t.Errorf("healthz %d while draining", status)
	}
	c.Close()
	if exit := s.Wait(); exit != 0 {
		t.Errorf("exit %d", exit)
	}
}

// documentedOnly: no metric is served that docs/metrics.md does not have.
func documentedOnly(t *testing.T, text string) {
	t.Helper()
	b, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^# TYPE (mtad_\w+) (\w+)$`).FindAllStringSubmatch(text, -1)
	if len(found) < 25 {
		t.Errorf("%d metrics only", len(found))
	}
	for _, m := range found {
		if !strings.Contains(string(b), "| `"+m[1]+"` | "+m[2]+" |") {
			t.Errorf("docs/metrics.md has no %s %s", m[2], m[1])
		}
	}
}

// jsonRecords: the stream has what the other logs have.
func jsonRecords(t *testing.T, s *mtatest.Server) {
	t.Helper()
	kinds := map[string]int{}
	for line := range strings.Lines(s.Log("log.json")) {
		var r struct{ Log, Type, Recipient, Phase, Time string }
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Time == "" {
			t.Errorf("%q: %v", line, err)
		}
		kinds[r.Log+" "+r.Type+" "+r.Recipient+r.Phase]++
	}
	for _, want := range []string{"mainlog R b@example.com", "mainlog D b@example.com", "rejectlog reject awaiting rcptto", "rejectlog reject relaying denied"} {
		if kinds[want] == 0 {
			t.Errorf("no %q in %v", want, kinds)
		}
	}
}
