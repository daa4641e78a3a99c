package crash

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// slow sleeps in MAIL when the sender says so.
func slow() mtatest.Script {
	return mtatest.Script{Name: "slow", Text: `require("msys.core");
require("msys.extended.message");
local mod = {};
function mod:init() print("init"); return true; end
function mod:deinit() print("deinit"); return true; end
function mod:validate_ehlo(str, ac, vctx) self.who = tostring(str):match("EHLO (%S+)"); return msys.core.VALIDATE_CONT; end
function mod:validate_mailfrom(str, ac, vctx)
  if tostring(str):match("<slow") then print("sleeping"); msys.sleep(1); end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_dealloc() print("gone " .. tostring(self.who)); end
msys.registerModule("slow", mod);
`}
}

// session says EHLO under a name.
func session(t *testing.T, s *mtatest.Server, name string) *mtatest.Conn {
	t.Helper()
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if r, err := c.Reply(); err != nil || r.Code != 220 {
		t.Fatalf("banner %q, %v", r, err)
	}
	if err := c.Want(250, "EHLO "+name); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDrain: SIGTERM lets nobody in any more; who waits gets 421, who is in a
// message finishes it; scripts are told of the end of their sessions and of
// theirs.
func TestDrain(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{slow()}})
	idle, sending, waiting := session(t, s, "idle"), session(t, s, "sending"), session(t, s, "waiting")
	for _, line := range []string{"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>"} {
		if err := sending.Want(250, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := sending.Want(354, "DATA"); err != nil {
		t.Fatal(err)
	}
	if err := waiting.Send("MAIL FROM:<slow@example.org>"); err != nil {
		t.Fatal(err)
	}
	s.Logged("paniclog.ec", "sleeping")
	s.Signal(syscall.SIGTERM)

	if r, err := idle.Reply(); err != nil || !strings.HasPrefix(r.String(), "421 4.3.2") {
		t.Errorf("the idle session sees %q, %v", r, err)
	}
	if c, err := net.DialTimeout("tcp", s.SMTP, time.Second); err == nil {
		c.Close()
		t.Error("a new session is let in")
	}
	if r, err := sending.Cmd("Subject: late\r\n\r\nlast words\r\n."); err != nil || r.Code != 250 {
		t.Errorf("the message under way: %q, %v", r, err)
	}
	if r, err := waiting.Reply(); err != nil || r.Code != 250 && r.Code != 421 {
		t.Errorf("the session in a callout sees %q, %v", r, err)
	}
	waiting.Close()
	if exit := s.Wait(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	printed := strings.Join(s.Printed(), "\n")
	for _, line := range []string{"gone idle", "gone sending", "gone waiting", "deinit"} {
		if strings.Count(printed, line) != 1 {
			t.Errorf("%q is there %d times:\n%s", line, strings.Count(printed, line), printed)
		}
	}
	if !strings.HasSuffix(printed, "deinit") {
		t.Errorf("deinit is not the last:\n%s", printed)
	}
	s.Launch()
	sink.Wait(t, "b@example.com")
}

// TestShutdownCommand: the console's shutdown is the same.
func TestShutdownCommand(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{slow()}})
	if out, exit := s.Console("shutdown"); exit != 0 {
		t.Errorf("shutdown: %d %q", exit, out)
	}
	if exit := s.Wait(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	if got := strings.Join(s.Printed(), " "); got != "init deinit" {
		t.Errorf("printed %q", got)
	}
}

// TestDrainIsBounded: a session that never ends its message holds the shutdown
// up for shutdown_timeout, not longer.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Global: "shutdown_timeout = 1"})
	c := session(t, s, "stubborn")
	if err := c.Want(250, "MAIL FROM:<a@example.org>"); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGTERM)
	if r, err := c.Reply(); err != nil || r.Code != 421 {
		t.Errorf("got %q, %v", r, err)
	}
	if exit := s.Wait(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
}

// observer counts what it is told of after the fact.
func observer() mtatest.Script {
	return mtatest.Script{Name: "observer", Text: `require("msys.core");
require("msys.extended.message");
local mod = {};
function mod:core_log_reception_v1(ac, msg, now, note, len) print("reception " .. msg:rcptto()); end
function mod:core_log_delivery_v1(msg, dr, now, note, len) print("delivery " .. msg:rcptto()); end
msys.registerModule("observer", mod);
`}
}

// TestDrainUnderLoad: SIGTERM in the middle of a load, again and again: nothing
// that was answered with 250 is lost, and nothing comes twice: an orderly end
// leaves no doubt. Scripts are told of every reception and delivery, once.
func TestDrainUnderLoad(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{policy(), observer()}})
	l := &ledger{fates: map[string]fate{}}
	for round := range 3 {
		stop := make(chan struct{})
		clients := load(s, l, fmt.Sprintf("t%d", round), 10, 1000, stop)
		accepts(t, s, l, 150*(round+1))
		if exit := s.Term(); exit != 0 {
			t.Errorf("exit status %d", exit)
		}
		close(stop)
		clients.Wait()
		s.Launch()
	}
	arrives(t, s, l, sink)
	s.Term()
	if doubles := verdict(t, l, sink); doubles > 0 {
		t.Errorf("%d messages came twice", doubles)
	}
	told := map[string]int{}
	for _, line := range s.Printed() {
		told[line]++
	}
	missing := 0
	for id, f := range l.fates {
		for _, what := range []string{"reception ", "delivery "} {
			if n := told[what+id+"@example.com"]; f == accepted && n != 1 {
				missing++
				t.Logf("%s%s was told %d times", what, id, n)
			}
		}
	}
	if missing > 0 {
		t.Errorf("of %d accepted messages %d events were not told once", l.accepted(), missing)
	}
}
