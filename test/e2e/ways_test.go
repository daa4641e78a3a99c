package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestRolledUp: domains that share their exchangers share a limit of
// connections, and the console says so.
func TestRolledUp(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	zone := "mx1.big.test. 60 IN A 127.0.0.1\nmx2.big.test. 60 IN A 127.0.0.1\n"
	var relay, rcpts []string
	for i := range 5 {
		domain := fmt.Sprintf("d%d.test", i)
		zone += domain + ". 60 IN MX 10 mx1.big.test.\n" + domain + ". 60 IN MX 10 mx2.big.test.\n"
		relay = append(relay, domain)
		for n := range 8 {
			rcpts = append(rcpts, fmt.Sprintf("u%d@%s", n, domain))
		}
	}
	s := mtatest.Start(t, mtatest.Config{Relay: relay, DNS: mtatest.NewDNS(t, mtatest.Zone{Text: zone}), Global: fmt.Sprintf(`
remote_smtp_port         = %d
max_recipients_per_batch = 1
host "/^mx[0-9]\\.big\\.test$/" {
  rollup_mx      = true
  rollup_mx_name = "big.test"
}
domain "big.test" {
  max_outbound_connections = 2
}`, sink.Port)})
	sink.AtRcpt("hold@d0.test", mtatest.Hang)
	sink.AtRcpt("hold@d1.test", mtatest.Hang)
	submit(t, s, "a@example.org", "hold@d0.test", "hold@d1.test")
	s.Eventually("two that hang", func() string {
		if n := sink.Hanging(); n < 2 {
			return fmt.Sprint(n)
		}
		return ""
	})
	submit(t, s, "a@example.org", rcpts...)
	ask(t, s, []asked{{"domain d0.test", 0, []string{`Rolled up under 'big\.test'`}}})
	s.Eventually("why", func() string {
		out, _ := s.Console("why", "d4.test")
		if !strings.Contains(out, `binding "default" domain "big.test" (rolled up)`) || !strings.Contains(out, "rolled up under big.test") {
			return out
		}
		return ""
	})
	sink.Accept("hold@d0.test")
	sink.Accept("hold@d1.test")
	s.Eventually("all mail", func() string {
		if n := len(sink.Messages()); n < len(rcpts)+2 {
			return fmt.Sprint(n)
		}
		return ""
	})
	if n := sink.PeakConnections(); n > 2 {
		t.Errorf("%d connections at once", n)
	}
}

// TestBindingsThatCannotBeUsed: a binding without its address is not used; one
// with mail is not taken away without a word; a suspension outlives the process.
func TestBindingsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	const policy = `
function mod:validate_set_binding(msg)
  local user = string.match(tostring(msg:rcptto()), "^(%a+)");
  if user == "lost" or user == "stay" then
    msg:binding(user);
  end
  return msys.core.VALIDATE_CONT;
end
`
	const stay = "binding \"stay\" {}\n"
	const lost = "binding \"lost\" {\n  bind_address = \"192.0.2.1\"\n}\n"
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: stay + lost, Scripts: []mtatest.Script{script("bind", policy)}})
	ask(t, s, []asked{{"binding suspend stay all keep it", 0, []string{`^Suspended binding stay until binding resume\.\n$`}}})
	submit(t, s, "a@example.org", "lost@example.com", "stay@example.com", "plain@example.com")
	sink.Wait(t, "plain@example.com")
	s.Logged("paniclog.ec", `binding "lost" is suspended: its address 192.0.2.1 is not on this machine`)
	ask(t, s, []asked{{"why lost", 0, []string{`binding: .*its address 192\.0\.2\.1 is not on this machine`, `Bind_Address = "192\.0\.2\.1" \(mtad\.conf:\d+\)`}}})

	s.Kill9()
	s.Launch()
	ask(t, s, []asked{{"why stay", 0, []string{`suspension: an operator suspended deliveries of binding stay at .*: keep it`}}})

	s.Configure(func(c *mtatest.Config) { c.Global = stay })
	ask(t, s, []asked{
		{"config reload", 1, []string{`binding "lost" is gone, and 1 messages are queued for it`, `Reconfigure failed`}},
		{"config reload drop", 1, []string{`rebind or suspend`}},
		{"config reload suspend", 0, []string{`binding "lost" is gone; its 1 messages wait`}},
		{"why lost", 0, []string{`there is no binding "lost" in the configuration`}},
		{"rebind lost", 0, []string{`^Rebound 1 messages\.`}},
	})
	sink.Wait(t, "lost@example.com") // policy names what is not there: the default binding

	s.Configure(func(c *mtatest.Config) { c.Global = "" })
	ask(t, s, []asked{
		{"binding resume stay", 0, []string{`^Resumed binding stay\.\n$`}},
	})
	sink.Wait(t, "stay@example.com")
	ask(t, s, []asked{{"config reload", 0, []string{`Configuration reloaded`}}})
}
