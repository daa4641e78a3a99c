package queue

import (
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// TestIdleConnectionMakesRoom: where every connection that is allowed is open,
// those without mail give way to a lane that has some.
func TestIdleConnectionMakesRoom(t *testing.T) {
	b := newBench(t)
	b.cr.idle = time.Hour
	b.Queue.MaxConnections = func() int { return 2 }
	to := func(domain string) func(*message.Message) {
		return func(m *message.Message) { m.Recipient = smtp.Address("r@" + domain) }
	}
	for _, id := range []string{"a", "b"} {
		b.Insert(b.message(id, to(id+".test")))
		b.deliver(Result{Verdict: Delivered}, id)
	}
	b.until(func() bool { return b.resting.Len() == 2 })
	for _, id := range []string{"c", "d", "e"} { // the clock stands still
		b.Insert(b.message(id, to(id+".test")))
		b.deliver(Result{Verdict: Delivered}, id)
	}
	b.until(func() bool { return b.server().none.first() == nil && b.resting.Len() == b.workers })
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.workers == 0 || len(b.lanes) != b.workers {
		t.Errorf("%d connections of %d lanes", b.workers, len(b.lanes))
	}
}

// until waits until the queue is as it should be.
func (b *bench) until(as func() bool) {
	for {
		b.mu.Lock()
		ok := as()
		b.mu.Unlock()
		if ok {
			return
		}
	}
}
