package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// choosy refuses recipients that begin with "no" when the message is split.
func choosy() mtatest.Script {
	return script("choosy", `
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  if msg:rcptto():match("^no") then vctx:set_code(550, "not " .. msg:rcptto()); end
  return msys.core.VALIDATE_CONT;
end
`)
}

// TestSomeRecipientsRefused: all refused is that reply; some refused is 250,
// and the others are logged. Only who may relay is told by a bounce.
func TestSomeRecipientsRefused(t *testing.T) {
	t.Parallel()
	for _, relays := range []bool{false, true} {
		t.Run(fmt.Sprintf("may relay %v", relays), func(t *testing.T) {
			sink := mtatest.NewSink(t)
			config := mtatest.Config{Next: sink, Relay: []string{"example.com", "client.test"}, Scripts: []mtatest.Script{choosy()}}
			if relays {
				config.Global = `relay_hosts = ["127.0.0.1"]`
			}
			s := mtatest.Start(t, config)
			if err := s.Submit("me@client.test", content, "no1@example.com", "no2@example.com"); err == nil || !strings.Contains(err.Error(), "550 ") || !strings.Contains(err.Error(), "not no") {
				t.Errorf("all refused: %v", err)
			}
			submit(t, s, "me@client.test", "yes@example.com", "no3@example.com")
			sink.Wait(t, "yes@example.com")
			want := 1
			if relays {
				want = 2
				if got := sink.Wait(t, "me@client.test"); !strings.Contains(got.Data, "no3@example.com") || got.From != "" {
					t.Errorf("the bounce is %+v", got)
				}
			}
			s.Term()
			if got := len(sink.Messages()); got != want {
				t.Errorf("%d messages went out, not %d", got, want)
			}
			records, err := mtatest.RejectLog(s.Log("rejectlog.ec"))
			if err != nil {
				t.Fatal(err)
			}
			named := 0
			for _, r := range records {
				if r.Code == 550 && strings.Contains(r.Text, "not no3@example.com") {
					named++
				}
			}
			if named != 1 {
				t.Errorf("rejectlog: %+v", records)
			}
		})
	}
}

// TestNoBounceForABounce: mail from the null sender that fails is not answered
// (RFC 5321 §6.1).
func TestNoBounceForABounce(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("never@example.com", "550 5.1.1 no")
	s := mtatest.Start(t, mtatest.Config{Next: sink})
	submit(t, s, "", "never@example.com")
	s.Logged("mainlog.ec", "@P@")
	out, _ := s.Console("summary")
	if !strings.Contains(out, "\nTotal Queue Size: 0\n") || strings.Count(s.Log("mainlog.ec"), "@R@") != 1 {
		t.Errorf("something is queued:\n%s\n%s", out, s.Log("mainlog.ec"))
	}
}

// TestExpiration: what cannot be delivered in its time fails, and its sender is
// told.
func TestExpiration(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("later@example.com", "451 4.2.1 come back")
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "client.test"}, Global: "message_expiration = 2\n",
	})
	submit(t, s, "me@client.test", "later@example.com")
	if got := sink.Wait(t, "me@client.test"); !strings.Contains(got.Data, "later@example.com") {
		t.Errorf("the bounce is %s", got.Data)
	}
	s.Logged("mainlog.ec", "@554 5.4.7 [internal] exceeded max time without delivery")
}

// TestFullDisk: below min_free_space new mail gets 452 4.3.1, and the paniclog
// says so.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Global: "min_free_space = 1000000000000000"})
	if err := s.Submit("a@example.org", content, "b@example.com"); err == nil || !strings.Contains(err.Error(), "452 4.3.1") {
		t.Errorf("the client sees %v", err)
	}
	s.Logged("paniclog.ec", "spool: ")
}

// stamped marks mail with the script's version, at MAIL and when the message is
// split.
func stamped(version int) mtatest.Script {
	return script("stamped", fmt.Sprintf(`
local version = "v%d";
function mod:validate_mailfrom(str, ac, vctx)
  vctx:set(msys.core.VCTX_MESS, "stamp", version);
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  msg:header("X-Stamp", msg:context_get(msys.core.ECMESS_CTX_MESS, "stamp") .. " " .. version);
  return msys.core.VALIDATE_CONT;
end
`, version))
}

// TestReloadUnderTraffic: a dozen reloads while mail comes in disturb no
// session, and every message meets one generation only.
func TestReloadUnderTraffic(t *testing.T) {
	t.Parallel()
	const clients, each, reloads = 5, 60, 12
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{stamped(0)}})
	var wg sync.WaitGroup
	errs := make(chan error, clients*each)
	for k := range clients {
		wg.Go(func() {
			c, err := mtatest.Dial(s.SMTP)
			if err == nil {
				defer c.Close()
				err = c.Hello()
			}
			for i := 0; i < each && err == nil; i++ {
				err = c.Mail("a@example.org", content, fmt.Sprintf("u%d-%d@example.com", k, i))
			}
			errs <- err
		})
	}
	for v := 1; v <= reloads; v++ {
		switchTo(s, stamped(v))
		reload(t, s)
	}
	wg.Wait()
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s.Eventually("all mail", func() string {
		if got := len(sink.Messages()); got < clients*each {
			return fmt.Sprintf("%d of %d", got, clients*each)
		}
		return ""
	})
	seen := map[string]int{}
	for _, m := range sink.Messages() {
		at, then, _ := strings.Cut(m.Header("X-Stamp"), " ")
		if at == "" || at != then {
			t.Errorf("%v met generations %q", m.Rcpts, m.Header("X-Stamp"))
		}
		seen[at]++
	}
	t.Logf("messages by generation: %v", seen)
}

// TestLogHooksSeeTheHeader: the header section is there whether policy edited
// it or not.
func TestLogHooksSeeTheHeader(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Relay: []string{"example.com"}, Scripts: []mtatest.Script{script("seer", `
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  if msg:rcptto():match("^edited") then msg:header("Subject", "edited"); end
  return msys.core.VALIDATE_CONT;
end
function mod:core_log_reception_v1(ac, msg) print("received", msg:rcptto(), msg:header("Subject")[1]); end
function mod:core_log_delivery_v1(msg) print("delivered", msg:rcptto(), msg:header("Subject")[1]); end
`)}})
	submit(t, s, "me@client.test", "plain@example.com", "edited@example.com")
	sink.Wait(t, "plain@example.com")
	sink.Wait(t, "edited@example.com")
	for _, want := range []string{"received\tplain@example.com\ttest", "received\tedited@example.com\tedited", "delivered\tplain@example.com\ttest", "delivered\tedited@example.com\tedited"} {
		s.Logged("paniclog.ec", want)
	}
}
