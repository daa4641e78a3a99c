package crash

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// scriptlet gives the process that runs policy.
func scriptlet(t *testing.T, s *mtatest.Server) mtatest.Process {
	t.Helper()
	p, ok := s.Module("scriptlet")
	if !ok {
		t.Fatalf("there is no scriptlet process: %v", s.Processes())
	}
	return p
}

// back waits for another process than old, and for it to answer a session.
func back(t *testing.T, s *mtatest.Server, old mtatest.Process, began time.Time) time.Duration {
	t.Helper()
	s.Eventually("the module to be back", func() string {
		if p, ok := s.Module("scriptlet"); !ok || p.PID == old.PID {
			return "it is not"
		}
		return ""
	})
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	if err := c.Want(250, "MAIL FROM:<a@example.org>"); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// said waits for the paniclog to tell of a module's death and return.
func said(t *testing.T, s *mtatest.Server, old mtatest.Process) {
	t.Helper()
	s.Logged("paniclog.ec", fmt.Sprintf("module died (pid %d", old.PID))
	s.Logged("paniclog.ec", "module is back (pid ")
	for _, e := range mtatest.Panics(s.Log("paniclog.ec")) {
		if strings.HasPrefix(e.Text, "module died") && e.Source != "scriptlet" {
			t.Errorf("the entry's source is %q: %s", e.Source, e.Text)
		}
	}
}

// accepts waits for a number of accepted messages.
func accepts(t *testing.T, s *mtatest.Server, l *ledger, n int) {
	t.Helper()
	s.Eventually(fmt.Sprintf("%d accepted messages", n), func() string {
		if got := l.accepted(); got < n {
			return fmt.Sprintf("%d, %v", got, l.worst)
		}
		return ""
	})
}

// TestModuleKilled: kill -9 of the policy's process in the middle of a
// thousand messages loses none and doubles none; clients see 4xx at worst, and
// the module is back within a second.
func TestModuleKilled(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{policy()}})
	l := &ledger{fates: map[string]fate{}}
	stop := make(chan struct{})
	clients := load(s, l, "m", 10, 100, stop)
	var worst time.Duration
	for kill := range 3 {
		accepts(t, s, l, 150+kill*250)
		old := scriptlet(t, s)
		began := time.Now()
		if err := syscall.Kill(old.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, back(t, s, old, began))
		said(t, s, old)
	}
	clients.Wait()
	close(stop)
	arrives(t, s, l, sink)
	doubles := verdict(t, l, sink)
	if l.accepted() != 1000 || doubles > 0 {
		t.Errorf("%d of 1000 accepted, %d doubled", l.accepted(), doubles)
	}
	if len(l.worst) > 0 {
		t.Errorf("clients saw worse than 4xx: %q", l.worst)
	}
	t.Logf("back after %s at worst; %d attempts for 1000 messages", worst, len(l.fates))
	if worst > time.Second && !mtatest.Race {
		t.Errorf("the module took %s to be back", worst)
	}
}

// TestModuleStuck: a module that does not answer is given up after its
// heartbeat; who waited for it gets 4xx.
func TestModuleStuck(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{policy()}})
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	old := scriptlet(t, s)
	if err := syscall.Kill(old.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r, err := c.Cmd("MAIL FROM:<a@example.org>")
	if err != nil || r.Code != 421 {
		t.Errorf("got %q, %v", r, err)
	}
	back(t, s, old, time.Now())
	said(t, s, old)
	s.Logged("paniclog.ec", "no heartbeat")
}

// TestServerKilled: kill -9 of the server itself, again and again under load.
// After a restart every message that was answered with 250 is delivered, whole.
// What was on its way out at that moment may come twice, nothing else.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	const connections = 8
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{policy()},
		Global: fmt.Sprintf("max_outbound_connections = %d\nmax_recipients_per_batch = 1\n", connections),
	})
	l := &ledger{fates: map[string]fate{}}
	const kills = 3
	for kill := range kills {
		stop := make(chan struct{})
		clients := load(s, l, fmt.Sprintf("s%d", kill), 10, 1000, stop)
		accepts(t, s, l, 150*(kill+1))
		s.Kill9()
		close(stop)
		clients.Wait()
		s.Launch()
	}
	arrives(t, s, l, sink)
	doubles := verdict(t, l, sink)
	t.Logf("%d accepted, %d arrived, %d doubled", l.accepted(), len(sink.Messages()), doubles)
	if doubles > kills*connections {
		t.Errorf("%d messages came twice; at most %d were on their way", doubles, kills*connections)
	}
}

// TestServerKilledWhileTheNextHopIsDown: nothing of a queue that could not be
// delivered is lost, and nothing comes twice.
func TestServerKilledWhileTheNextHopIsDown(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.Down()
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{policy()}, Global: "host_failure_retry = 1\nmax_retry_interval = 1\n",
	})
	l := &ledger{fates: map[string]fate{}}
	stop := make(chan struct{})
	clients := load(s, l, "d", 5, 40, stop)
	clients.Wait()
	close(stop)
	s.Kill9()
	s.Launch()
	s.Kill9()
	s.Launch()
	sink.Up(t)
	arrives(t, s, l, sink)
	if doubles := verdict(t, l, sink); l.accepted() != 200 || doubles > 0 {
		t.Errorf("%d of 200 accepted, %d came twice", l.accepted(), doubles)
	}
}
