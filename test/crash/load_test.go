package crash

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

func TestMain(m *testing.M) { os.Exit(mtatest.Main(m)) }

// policy has callouts before and after DATA and prints nothing.
func policy() mtatest.Script {
	return mtatest.Script{Name: "policy", Text: `require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");
local mod = {};
function mod:validate_mailfrom(str, ac, vctx)
  vctx:set(msys.core.VCTX_MESS, "seen", "yes");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  msg:header("X-Policy", "ran for " .. msg:rcptto());
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("policy", mod);
`}
}

// fate is what a client knows of a message.
type fate int

// The fates.
const (
	refused  fate = iota // it was told that the message was not taken
	unknown              // the connection was lost after the final dot
	accepted             // 250
)

// ledger is what clients know of all messages.
type ledger struct {
	mu    sync.Mutex
	fates map[string]fate // by id
	worst []string        // replies that a client should not see
	count int             // accepted
}

func (l *ledger) note(id string, f fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[id] = f
	if f == accepted {
		l.count++
	}
}

func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.worst = append(l.worst, fmt.Sprintf(format, args...))
}

func (l *ledger) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// letter makes a message that carries its own checksum. Sizes differ: some
// cross to the module inline, some on demand, some have a file of their own in
// the spool.
func letter(id string, n int) string {
	line := strings.Repeat(id+" ", 8) + "\r\n"
	size := []int{1, 10, 300, 2000}[n%4]
	if n%50 == 49 {
		size = 12000 // more than a megabyte
	}
	body := strings.Repeat(line, size)
	return fmt.Sprintf("Subject: %s\r\nX-Sum: %x\r\n\r\n%s", id, sha256.Sum256([]byte(body)), body)
}

// intact reports a message that arrived as it was sent.
func intact(m *mtatest.Received) bool {
	return m.Header("X-Sum") == fmt.Sprintf("%x", sha256.Sum256([]byte(m.Body()))) && strings.HasPrefix(m.Header("X-Policy"), "ran for ")
}

// client sends messages over connections of its own, one after the other: after
// a refusal or a loss it connects anew.
type client struct {
	addr   string
	ledger *ledger
	conn   *mtatest.Conn
}

// send sends one message, and tells its fate.
func (c *client) send(id string, n int) (fate, error) {
	if c.conn == nil {
		conn, err := mtatest.Dial(c.addr)
		if err != nil {
			return refused, err
		}
		c.conn = conn
		if err := c.conn.Hello(); err != nil {
			return c.lost(refused, err)
		}
	}
	for _, step := range []struct {
		line string
		code int
	}{{"MAIL FROM:<load@example.org>", 250}, {"RCPT TO:<" + id + "@example.com>", 250}, {"DATA", 354}} {
		if err := c.conn.Want(step.code, step.line); err != nil {
			return c.lost(refused, err)
		}
	}
	err := c.conn.Want(250, mtatest.Stuff(letter(id, n))+".")
	var no *mtatest.Refusal
	switch {
	case err == nil:
		return accepted, nil
	case errors.As(err, &no):
		return c.lost(refused, err)
	}
	return c.lost(unknown, err)
}

// lost drops the connection after an error. A refusal that is not temporary is
// one too many.
func (c *client) lost(f fate, err error) (fate, error) {
	var no *mtatest.Refusal
	if errors.As(err, &no) && (no.Code < 400 || no.Code > 499) {
		c.ledger.complain("%v", err)
	}
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	return f, err
}

// load has clients send messages until stop is closed or each has sent its
// share; every message has an id of its own, a second attempt too.
func load(s *mtatest.Server, l *ledger, round string, clients, each int, stop <-chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for k := range clients {
		wg.Go(func() {
			c := &client{addr: s.SMTP, ledger: l}
			defer c.lost(refused, nil)
			for n := range each {
				for try := 0; try < 100; try++ {
					select {
					case <-stop:
						return
					default:
					}
					id := fmt.Sprintf("%s-%d-%d-%d", round, k, n, try)
					f, err := c.send(id, n)
					l.note(id, f)
					var no *mtatest.Refusal
					if err != nil && !errors.As(err, &no) {
						l.complain("connection: %v", err)
					}
					if f != refused {
						break
					}
				}
			}
		})
	}
	return &wg
}

// verdict compares what clients know with what the next hop got: all that was
// accepted came, whole, and nothing that was refused. It gives the number of
// messages that came more than once.
func verdict(t *testing.T, l *ledger, sink *mtatest.Sink) (doubles int) {
	t.Helper()
	arrived := map[string]int{}
	for _, m := range sink.Messages() {
		id := strings.TrimSuffix(m.Rcpts[0], "@example.com")
		arrived[id]++
		if !intact(m) || m.Header("Subject") != id {
			t.Errorf("%s arrived damaged: %d bytes, policy %q", id, len(m.Data), m.Header("X-Policy"))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.fates {
		if f == accepted && arrived[id] == 0 {
			t.Errorf("%s was answered with 250 and is lost", id)
		}
		if f == refused && arrived[id] > 0 {
			t.Errorf("%s was refused and arrived", id)
		}
		if arrived[id] > 1 {
			doubles++
		}
	}
	return doubles
}

// arrives waits until everything that was accepted is there, or nothing is
// queued any more.
func arrives(t *testing.T, s *mtatest.Server, l *ledger, sink *mtatest.Sink) {
	t.Helper()
	s.Eventually("the queue to be empty", func() string {
		out, exit := s.Console("summary")
		if exit != 0 || !strings.Contains(out, "\nTotal Queue Size: 0\n") {
			return fmt.Sprintf("%d accepted, %d arrived\n%s", l.accepted(), len(sink.Messages()), out)
		}
		return ""
	})
}
