package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestOutboundLogin: by option, by a context variable, by the hook, and never two
// logins over one connection.
func TestOutboundLogin(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.OfferAuth()
	s := mtatest.Start(t, mtatest.Config{
		Next:   sink,
		Global: "outbound_smtp_auth {}\noutbound_smtp_auth_type = \"PLAIN\"\noutbound_smtp_auth_user = \"ours\"\noutbound_smtp_auth_pass = \"secret\"\n",
		Scripts: []mtatest.Script{script("login", `
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  if msg:rcptto():match("^context") then msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_user", "theirs"); end
  return msys.core.VALIDATE_CONT;
end
function mod:outbound_smtp_auth_config(msg, ac, vctx)
  if msg:rcptto():match("^hook") then
    msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_type", "LOGIN");
    msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_user", "me");
    msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_pass", "mine");
  elseif msg:rcptto():match("^wrong") then
    msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_pass", "wrong");
  elseif msg:rcptto():match("^broken") then
    error("no idea");
  end
end
`)}})
	submit(t, s, "from@example.org", "option@example.com", "context@example.com", "hook@example.com", "wrong@example.com", "broken@example.com")
	for rcpt, want := range map[string]string{"option": "PLAIN ours secret", "context": "PLAIN theirs secret", "hook": "LOGIN me mine"} {
		got := sink.Wait(t, rcpt+"@example.com")
		if got.Login != want || len(got.Rcpts) != 1 {
			t.Errorf("%v went out as %q, want %q", got.Rcpts, got.Login, want)
		}
	}
	s.Logged("mainlog.ec", "@535 5.7.8 authentication failed")
	s.Logged("mainlog.ec", "@451 4.3.0 [internal] policy could not say how to authenticate")
	s.Logged("paniclog.ec", "no idea")
	if strings.Contains(s.Log("mainlog.ec"), "@P@") {
		t.Errorf("a message failed for good:\n%s", s.Log("mainlog.ec"))
	}
}

// TestNoPasswordInClear: where TLS is wanted and is not there, mail waits.
func TestNoPasswordInClear(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.OfferAuth()
	s := mtatest.Start(t, mtatest.Config{Next: sink,
		Global: "tls = \"ifavailable\"\noutbound_smtp_auth_type = \"LOGIN\"\noutbound_smtp_auth_user = \"u\"\noutbound_smtp_auth_pass = \"p\"\n"})
	submit(t, s, "from@example.org", "a@example.com")
	s.Logged("mainlog.ec", "@451 4.7.11 [internal] no password is sent without TLS")
	if got := len(sink.Messages()); got != 0 {
		t.Errorf("%d messages went out", got)
	}
}

// TestSuspendedUntilPolicyCanSay: an injected message whose binding policy fails
// survives a crash in a suspended binding, and goes out bound once the policy is
// mended.
func TestSuspendedUntilPolicyCanSay(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	policy := func(fail string) mtatest.Script {
		return script("binder", `
function mod:validate_data(msg, ac, vctx)
  local copy = msg:copy();
  copy:header("X-Copy", "yes");
  copy:inject("from@example.org", "copy@example.com");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg)
  if msg:header("X-Copy")[1] then `+fail+` end
  msg:binding("b1");
  return msys.core.VALIDATE_CONT;
end
`)
	}
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: bindings, Scripts: []mtatest.Script{policy(`error("no binding today");`)}})
	submit(t, s, "from@example.org", "first@example.com")
	if got := sink.Wait(t, "first@example.com"); got.Helo != "b1.test" {
		t.Errorf("the message itself went out through %s", got.Helo)
	}
	s.Logged("paniclog.ec", "waits in a suspended binding: policy failed")
	s.Eventually("only the copy is in the queue", func() string {
		if out, _ := s.Console("summary"); !strings.Contains(out, "\nTotal Queue Size: 1\n") {
			return out
		}
		return ""
	})
	s.Kill9()
	s.Launch()
	out, _ := s.Console("summary")
	if !strings.Contains(out, "\nTotal Queue Size: 1\n") || len(sink.Messages()) != 1 {
		t.Fatalf("%d went out, and the queue is\n%s", len(sink.Messages()), out)
	}
	if out, _ := s.Console("mailq"); !strings.Contains(out, "*suspended*") {
		t.Errorf("mailq says %s", out)
	}
	switchTo(s, policy(""))
	reload(t, s)
	if got := sink.Wait(t, "copy@example.com"); got.Helo != "b1.test" {
		t.Errorf("the injected message went out through %s", got.Helo)
	}
}
