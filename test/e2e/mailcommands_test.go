package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// asked is a console command, its exit status, and what it must print.
type asked struct {
	words  string
	exit   int
	prints []string // regular expressions
}

// ask runs console commands in order.
func ask(t *testing.T, s *mtatest.Server, list []asked) {
	t.Helper()
	for _, c := range list {
		out, exit := s.Console(strings.Fields(c.words)...)
		if exit != c.exit {
			t.Errorf("%s: exit status %d\n%s", c.words, exit, out)
		}
		for _, want := range c.prints {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%s: no %s in\n%s", c.words, want, out)
			}
		}
	}
}

// idOf finds a delayed message's id by its recipient.
func idOf(t *testing.T, s *mtatest.Server, domain, recipient string) string {
	t.Helper()
	out, exit := s.Console("showqueue", "binding", "all", domain)
	m := regexp.MustCompile(`\] (\S+) Created: \d+\n  From: <[^>]*> To: <` + regexp.QuoteMeta(recipient) + `>`).FindStringSubmatch(out)
	if exit != 0 || m == nil {
		t.Fatalf("%s is not in the queue of %s: %d\n%s", recipient, domain, exit, out)
	}
	return m[1]
}

// later has the sink put off recipients, and waits until their mail is delayed.
func later(t *testing.T, s *mtatest.Server, sink *mtatest.Sink, from string, recipients ...string) {
	t.Helper()
	for _, r := range recipients {
		sink.AtRcpt(r, "451 4.2.1 come back")
	}
	for _, r := range recipients {
		submit(t, s, from, r)
	}
	s.Eventually("mail to be delayed", func() string {
		out, _ := s.Console("summary")
		if !strings.Contains(out, fmt.Sprintf("\nDelayed Queue Size: %d\n", len(recipients))) {
			return out
		}
		return ""
	})
}

// TestQueuedMailOnTheConsole: mail that waits is listed, explained, retried and
// failed.
func TestQueuedMailOnTheConsole(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Retry: 600, Relay: []string{"example.com", "client.test"}})
	submit(t, s, "me@client.test", "good@example.com")
	sink.Wait(t, "good@example.com")
	later(t, s, sink, "me@client.test", "one@example.com", "two@example.com")
	one, two := idOf(t, s, "example.com", "one@example.com"), idOf(t, s, "example.com", "two@example.com")
	ask(t, s, []asked{
		{"delayed 1", 0, []string{`(?m)^Domain: +example\.com  C:  \d  A:      0  D:     2  S:     1$`, `(?m)^ +Total:  C: +\d  A:      0  D:     2  S:     1$`}},
		{"delayed 2", 0, []string{`^ +Total: `}},
		{"active 0", 0, []string{`^ +Total: `}},
		{"binding delayed default 0 --json", 0, []string{`"domain": "example.com"`, `"delayed": 2`}},
		{"binding delayed nowhere 0", 1, []string{`there is no binding "nowhere"`}},
		{"domain all", 0, []string{`^Domain summary:\n`, `(?m)^Totals: C: `}},
		{"domain example.com", 0, []string{`^Domain "example.com" \{\n  Gateway = "127\.0\.0\.1"`, `has 1 MXs`, `=>     \[127\.0\.0\.1\]:\d+ IPv4`, `Delayed: +2`, `Deliveries: +1\n`}},
		{"binding summary", 0, []string{`^Summary Statistics For Binding default\n`, `Total Queue Size: +2\n`, `Successfully Delivered Messages: +1\n`, `Received Messages: +3\n`}},
		{"binding summary 7", 1, []string{`there is no binding "7"`}},
		{"message details full " + one, 0, []string{`^Message: ` + one + `\nMessage Type: full message\n`, `Retries: 1\n`, `Sender: me@client\.test\n`, `Code: 451 4\.2\.1 come back\n`, `(?m)^Subject: `}},
		{"message details 00/00-00001-00000000", 1, []string{`no such message`}},
		{"message details nonsense", 1, []string{`usage: message details`}},
		{"why " + one, 0, []string{`is delayed: default/default example\.com`, `back-off: 1 attempts failed, the last with "451 4\.2\.1 come back"`,
			`Retry_Interval = 600 \(mtad\.conf:5\)`, `Max_Retry_Interval = 43200 \(default\)`, `next attempt: .* \(in (10m0s|9m\d+s)\)`, `expires: .*Message_Expiration = 86400 \(default\)`}},
		{"why example.com --json", 0, []string{`"gate": "back-off"`, `"where": "mtad.conf:5"`}},
		{"why default", 0, []string{`0 active, 2 delayed`}},
		{"why binding nowhere", 1, []string{`there is no binding`}},
		{"fail domain --dry-run --recipient one@* example.com", 0, []string{`^  ` + one + `  domain=example\.com from=<me@client\.test> to=<one@example\.com>\n\[dry-run\] example\.com: 1 messages would be failed\.\n$`}},
		{"fail domain --header Subject nothing example.com", 0, []string{`^example\.com purged, 0 messages failed\.\n$`}},
		{"fail all", 1, []string{`say which mail`}},
		{"fail domain --meta a", 1, []string{`usage: fail domain`}},
		{"help message retry", 0, []string{`e\.g\. message retry `}},
		{"message fail " + one, 0, []string{`^Message failed\n$`}},
		{"message fail " + one, 1, []string{`no such message`}},
	})
	if bounce := sink.Wait(t, "me@client.test"); !strings.Contains(bounce.Data, "manually failed") || bounce.From != "" {
		t.Errorf("the bounce is %+v", bounce)
	}
	s.Logged("mainlog.ec", "[internal] manually failed")
	sink.Accept("two@example.com")
	ask(t, s, []asked{{"message retry " + two, 0, []string{`^Message requeued for delivery\n$`}}})
	sink.Wait(t, "two@example.com")
}

// TestFailedByHandIsDurable: what a command has failed is not back after the
// process was killed; what it has moved is where it was moved to.
func TestFailedByHandIsDurable(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Retry: 600, Relay: []string{"example.com", "other.test"}})
	later(t, s, sink, "a@example.org", "x1@example.com", "x2@example.com", "keep@example.com")
	ask(t, s, []asked{
		{"fail domain quiet --recipient x*@example.com example.com", 0, []string{`^example\.com purged, 2 messages failed\.\n$`}},
		{"reroute queue example.com other.test", 0, []string{`^Moved 1 messages from 'example\.com' to 'other\.test'\n$`}},
	})
	s.Kill9()
	s.Launch()
	ask(t, s, []asked{
		{"summary", 0, []string{`\nTotal Queue Size: 1\n`}},
		{"showqueue other.test", 0, []string{`^\[delayed/default\] \S+ Created: \d+\n  From: <a@example\.org> To: <keep@example\.com>\n$`}},
	})
	sink.Accept("keep@example.com")
	ask(t, s, []asked{{"flush domain other.test", 0, []string{`^other\.test flushed\.  1 messages requeued\.\n$`}}})
	sink.Wait(t, "keep@example.com")
}

// TestSuspendedByHand: nothing goes out of a suspended binding, why says so, and
// resume lets it go.
func TestSuspendedByHand(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink})
	ask(t, s, []asked{
		{"binding suspend default example.com they asked", 0, []string{`^Suspended binding default, domain example\.com until binding resume\.\n$`}},
		{"binding suspensions", 0, []string{`binding default, domain example\.com since .*: they asked`}},
	})
	submit(t, s, "a@example.org", "b@example.com")
	ask(t, s, []asked{
		{"why example.com", 0, []string{`suspension: an operator suspended deliveries of binding default, domain example\.com at .*: they asked`, `next attempt: when that ends`, `1 active`}},
		{"config set suspend_delivery true", 0, []string{`^Suspend_Delivery = true\n$`}},
		{"binding resume default example.com", 0, []string{`^Resumed binding default, domain example\.com\.\n$`}},
		{"binding resume default example.com", 1, []string{`is not suspended`}},
		{"why example.com", 0, []string{`Suspend_Delivery = true \(console\)`}},
		{"config show", 0, []string{`(?m)^Suspend_Delivery = true$`, `(?m)^ESMTP_Listener \{ \.\.\. \}$`}},
		{"config showrecurse domain example.com", 0, []string{`(?m)^Gateway = "127\.0\.0\.1"$`}},
		{"config set suspend_delivry true", 1, []string{`suspend_delivery`}},
		{"config set max_outbound_connections many", 1, []string{`nothing has changed`}},
	})
	if n := len(sink.Messages()); n != 0 {
		t.Errorf("%d messages went out of a suspended binding", n)
	}
	ask(t, s, []asked{{"config unset suspend_delivery", 0, []string{`^"Suspend_Delivery" has been unset\. Effective value is now:\n        Suspend_Delivery = 0\n$`}}})
	sink.Wait(t, "b@example.com")
}

// TestEveryMailCommandSpeaksJSON: --json gives one JSON value.
func TestEveryMailCommandSpeaksJSON(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Next: mtatest.NewSink(t)})
	for _, words := range []string{
		"why example.com", "active 0", "delayed 0", "binding active default 0", "binding summary group:default", "binding suspensions",
		"domain example.com", "domain all", "showqueue example.com", "fail domain example.com", "fail all --sender x@y.test", "flush domain all",
		"binding fail domain default all", "binding flush domain default all", "delay 10 --domain example.com", "reroute queue a.test b.test",
		"rebind all", "refresh domain all", "dig localhost", "dns_cache lookup localhost A", "dns_cache stats", "show outbound", "show inbound", "pid",
		"config show", "config showrecurse esmtp_listener", "config get hostname", "config eval retry_interval", "mailq", "summary",
	} {
		out, exit := s.Console(append(strings.Fields(words), "--json")...)
		if exit != 0 || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: %d %q", words, exit, out)
		}
	}
}

// TestRebind: policy that has changed is asked again about mail that is queued.
func TestRebind(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	policy := func(name string) mtatest.Script {
		return script("bind", `
function mod:validate_set_binding(msg)
  msg:binding("`+name+`");
  return msys.core.VALIDATE_CONT;
end
`)
	}
	s := mtatest.Start(t, mtatest.Config{Next: sink, Retry: 600, Scripts: []mtatest.Script{policy("slow")},
		Global: "binding \"slow\" {}\nbinding \"fast\" {}"})
	later(t, s, sink, "a@example.org", "b@example.com")
	ask(t, s, []asked{
		{"binding summary slow", 0, []string{`^Summary Statistics For Binding slow\n`, `Total Queue Size: +1\n`}},
		{"binding flush domain fast all", 0, []string{`^All domains flushed\.  0 messages requeued\.\n$`}},
	})
	s.Write("bind.lua", policy("fast").Text)
	ask(t, s, []asked{
		{"config reload", 0, nil},
		{"rebind slow example.com", 0, []string{`^Rebound 1 messages\.\n$`}},
		{"showqueue binding fast example.com", 0, []string{`^\[delayed/fast\] `}},
		{"binding fail domain slow all", 0, []string{`^All domains purged\.  0 messages failed\.\n$`}},
		{"binding suspend fast --for 3600", 0, []string{`^Suspended binding fast until \d{4}-`}},
		{"flush domain all", 0, []string{`1 messages requeued`}},
		{"why fast", 0, []string{`suspension: .*binding fast`, `next attempt: \d{4}-.*\(in (1h0m0s|59m\d+s)\)`}},
		{"delay 300 --binding fast", 0, []string{`^Delayed 1 messages\.\n$`}},
		{"delay 300 --domain example.com", 0, []string{`^No messages for example\.com found\.\n$`}},
	})
}

// TestDNSOnTheConsole: what is looked up is shown, for a domain and a name, and
// forgotten on request.
func TestDNSOnTheConsole(t *testing.T) {
	t.Parallel()
	zone := mtatest.NewDNS(t, mtatest.Zone{Text: "good.test. 60 IN MX 10 mx.good.test.\nmx.good.test. 60 IN A 127.0.0.9\n"})
	s := mtatest.Start(t, mtatest.Config{DNS: zone})
	ask(t, s, []asked{
		{"dns_cache lookup good.test MX", 0, []string{`^Cached result not found, try a submit\.\n$`}},
		{"dig good.test", 0, []string{`^submitted\n$`}},
		{"dns_cache submit mx.good.test A", 0, []string{`^Submitted\n$`}},
	})
	s.Eventually("the answers to be cached", func() string {
		out, _ := s.Console("domain", "good.test")
		if !regexp.MustCompile(`\[10 mx\.good\.test TTL:\d+\]\n => +\[127\.0\.0\.9\] IPv4\n`).MatchString(out) {
			return out
		}
		return ""
	})
	ask(t, s, []asked{
		{"dns_cache lookup good.test MX", 0, []string{`;; ANSWER SECTION:\ngood\.test\t\t\d+\tIN\tMX\t10 mx\.good\.test\n`}},
		{"dns_cache stats", 0, []string{`(?m)^ +MX: 1$`, `Hit Rate: `}},
		{"refresh domain good.test", 0, []string{`^good\.test refreshed\.\n$`}},
		{"dns_cache lookup mx.good.test A", 0, []string{`not found`}},
		{"dns_cache lookup good.test NAPTR", 1, []string{`usage: dns_cache lookup`}},
	})
}
