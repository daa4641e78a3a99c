package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// prioritize gives recipients that begin with "high" priority 1.
func prioritize() mtatest.Script {
	return script("priority", `
function mod:validate_set_binding(msg)
  print("began " .. tostring(msg.priority));
  if msg:rcptto():match("^high") then
    msg.priority = 1;
    print("now " .. tostring(msg.priority));
  end
  if msg:rcptto():match("^wrong") then
    msg.priority = 2;
    print("2 was taken");
  end
  return msys.core.VALIDATE_CONT;
end
`)
}

// one has mail go out one message at a time over one connection, so that the
// order is the queue's.
const one = "max_outbound_connections = 1\nmax_recipients_per_batch = 1\nhost_failure_retry = 1\nmax_retry_interval = 1\n"

func order(sink *mtatest.Sink) (out []string) {
	for _, m := range sink.Messages() {
		local, _, _ := strings.Cut(m.Rcpts[0], "@")
		out = append(out, local)
	}
	return out
}

// highFirst checks that all of n came, and the high ones before the normal ones.
func highFirst(t *testing.T, s *mtatest.Server, sink *mtatest.Sink, n int) {
	t.Helper()
	s.Eventually("all mail", func() string {
		if got := order(sink); len(got) < n {
			return fmt.Sprint(got)
		}
		return ""
	})
	normal := false
	for _, local := range order(sink) {
		if strings.HasPrefix(local, "normal") {
			normal = true
		} else if strings.HasPrefix(local, "high") && normal {
			t.Errorf("order %v", order(sink))
			return
		}
	}
}

// TestPriorityInTheActiveQueue: while one message holds the only connection,
// what comes in later and is urgent overtakes what waits.
func TestPriorityInTheActiveQueue(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("blocker@example.com", mtatest.Hang)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: one, Scripts: []mtatest.Script{prioritize()}})
	submit(t, s, "a@example.org", "blocker@example.com")
	s.Eventually("the connection to be busy", func() string {
		if sink.Hanging() == 0 {
			return "it is not"
		}
		return ""
	})
	for i := range 8 {
		submit(t, s, "a@example.org", fmt.Sprintf("normal%d@example.com", i))
	}
	for i := range 3 {
		submit(t, s, "a@example.org", fmt.Sprintf("high%d@example.com", i))
	}
	sink.Accept("blocker@example.com")
	highFirst(t, s, sink, 12)
	if got := s.Printed(); count(got, "began 0") != 12 || count(got, "now 1") != 3 {
		t.Errorf("printed %q", got)
	}
}

// TestPriorityInTheDelayedQueue: with the next hop down all is delayed; what is
// urgent stays so over a crash and goes first when the hop is up.
func TestPriorityInTheDelayedQueue(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.Down()
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: one, Scripts: []mtatest.Script{prioritize()}})
	for i := range 6 {
		submit(t, s, "a@example.org", fmt.Sprintf("normal%d@example.com", i))
	}
	for i := range 3 {
		submit(t, s, "a@example.org", fmt.Sprintf("high%d@example.com", i))
	}
	s.Logged("mainlog.ec", "@T@")
	s.Kill9()
	s.Launch()
	s.Eventually("the delayed queue", func() string {
		out, _ := s.Console("summary")
		if !strings.Contains(out, "\nTotal Queue Size: 9\n") {
			return out
		}
		return ""
	})
	sink.Up(t)
	highFirst(t, s, sink, 9)
	if n := len(sink.Messages()); n != 9 {
		t.Errorf("%d deliveries of 9 messages: %v", n, order(sink))
	}
}

// TestPriorityIsOneBit: 2 is refused as an error that names the line; the
// message waits and is not lost.
func TestPriorityIsOneBit(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{prioritize()}})
	err := s.Submit("a@example.org", content, "wrong@example.com")
	if err == nil || !strings.Contains(err.Error(), "451 4.3.0") {
		t.Errorf("the client sees %v", err)
	}
	s.Logged("paniclog.ec", "priority.lua:13: ")
	if got := s.Printed(); count(got, "2 was taken") > 0 {
		t.Errorf("printed %q", got)
	}
}
