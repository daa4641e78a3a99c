package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestFailureHooksChangeWhatIsLogged: what core_log_transient_failure_v1 keeps
// with a message is there at its last attempt, over a restart too; the code that
// core_log_permanent_failure_v1 sets is in the log and in the bounce.
func TestFailureHooksChangeWhatIsLogged(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("later@example.com", "451 4.2.1 mailbox busy")
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "client.test"}, Retry: 600,
		Scripts: []mtatest.Script{script("reasons", `
function mod:core_log_transient_failure_v1(msg, dr, now, note, len)
  msg:context_set(msys.core.ECMESS_CTX_MESS, "last", msg:get_code());
  msg:set_code(451, "4.2.1 seen by policy");
end
function mod:core_log_permanent_failure_v1(msg, dr, now, note, len)
  local there, last = msg:context_exists_and_get(msys.core.ECMESS_CTX_MESS, "last");
  msg:set_code(554, "5.4.7 timeout (last: " .. tostring(last) .. "; " .. note .. ")");
end
`)},
	})
	submit(t, s, "me@client.test", "later@example.com")
	s.Logged("mainlog.ec", "@451 4.2.1 seen by policy")
	s.Eventually("the message is put off", func() string {
		if out, _ := s.Console("mailq"); !strings.Contains(out, "example.com") {
			return out
		}
		return ""
	})
	if exit := s.Term(); exit != 0 {
		t.Fatalf("exit %d", exit)
	}
	s.Launch()
	if out, exit := s.Console("fail", "domain", "example.com"); exit != 0 {
		t.Fatal(out)
	}
	const want = "554 5.4.7 timeout (last: 451 4.2.1 mailbox busy; "
	s.Logged("mainlog.ec", "@"+want)
	if got := sink.Wait(t, "me@client.test"); !strings.Contains(got.Data, "timeout (last: 451 4.2.1 mailbox busy") {
		t.Errorf("the bounce is %s", got.Data)
	}
}
