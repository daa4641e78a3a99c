package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestAdaptiveDelivery: a script's rules rewrite a reply, lower a limit and
// suspend a domain; the console, why, the logs and a mail say so, and it
// outlasts a restart.
func TestAdaptiveDelivery(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("block@example.com", "421 4.7.0 [TS01] deferred due to user complaints")
	sink.AtRcpt("slow@client.test", "421 too many connections from your host")
	sink.AtRcpt("stop@example.com", "450 4.2.1 stop it")
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "client.test", "ops.test"}, Retry: 600,
		Scripts: []mtatest.Script{{Name: "rules", Text: `
require("msys.adaptive")
msys.adaptive.registerRules({
  ["example.com"] = { responses = {
    { code = "^421 4\\.7\\.0 \\[TS01\\]", trigger = "1", action = { "transcode", "554 Dynamic block in place", "throttle", "down" }, phase = "connect" },
    { code = "stop it", trigger = "1", action = { "suspend", "8 hours" }, message = "told to stop" },
  } },
}, "augment")
`}},
		Global: `adaptive_enabled = true
adaptive_alert_email_destination = ["watch@ops.test"]
adaptive_notification_events     = ["suspension"]
outbound_throttle_messages       = "1000/1"
adaptive {
  log_base = "@DIR@/adaptive"
}
adaptive_backstore_leveldb {
  path = "@DIR@/state"
}
`})
	submit(t, s, "me@client.test", "block@example.com")
	s.Logged("mainlog.ec", "@554 Dynamic block in place")
	s.Logged("paniclog.ec", "adaptive: default example.com: outbound_throttle_messages 3600000 -> 2880000")
	submit(t, s, "me@client.test", "slow@client.test")
	s.Logged("paniclog.ec", "adaptive: default client.test: max_outbound_connections 32 -> 31")
	submit(t, s, "me@client.test", "stop@example.com")
	s.Logged("adaptive/adaptive.log", "@1@G@default@example.com@NOTICE@ suspension for 8h0m0s")
	if got := sink.Wait(t, "watch@ops.test"); !strings.Contains(got.Data, "told to stop") {
		t.Errorf("the mail is %s", got.Data)
	}
	says := func(want string, words ...string) {
		t.Helper()
		if out, exit := s.Console(words...); exit != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d, %s; want %q", words, exit, out, want)
		}
	}
	suspended := func() {
		t.Helper()
		says("adaptive delivery suspended deliveries of binding default, domain example.com", "why", "example.com")
		says("Adaptive: default suspension until ", "domain", "example.com")
		says("example.com     28", "adaptive", "suspensions", "--all")
	}
	suspended()
	says("max_outbound_connections      31", "adaptive", "list", "--domain", "client.test")
	says("codes         => bc:10 bc:24", "adaptive", "rules", "--binding", "default", "--domain", "example.com")
	if exit := s.Term(); exit != 0 {
		t.Fatalf("exit %d", exit)
	}
	s.Launch()
	suspended()
	sink.Accept("stop@example.com")
	says("Overrode 1 entries", "adaptive", "override", "--binding", "default", "--domain", "example.com")
	says("", "flush", "domain", "example.com")
	sink.Wait(t, "stop@example.com")
	says("Reset ", "adaptive", "reset")
	if out, _ := s.Console("adaptive", "list"); strings.Contains(out, "31") {
		t.Errorf("after the reset: %s", out)
	}
}
