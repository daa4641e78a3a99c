package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// to sends a message to a domain.
func to(domain string) func(*message.Message) {
	return func(m *message.Message) { m.Recipient = smtp.Address("r@" + domain) }
}

// shareBench has one limit of two connections for domains that begin with "s".
func shareBench(t *testing.T) *bench {
	b := newBench(t)
	b.OptionsFor = func(l Lane) *Options {
		o := b.opt
		if l.Domain[0] == 's' {
			o.Shares = []Share{{ShareKey: ShareKey{"scope_max_outbound_connections", "domain /^s/"}, Limit: 2}}
		}
		return &o
	}
	return b
}

// TestShareIsNeverExceeded: what shares a limit has so many connections and no
// more, others are not held, and each gets its turn.
func TestShareIsNeverExceeded(t *testing.T) {
	b := shareBench(t)
	for i := range 5 {
		b.Insert(b.message(fmt.Sprint("s", i), to(fmt.Sprintf("s%d.test", i))))
	}
	b.Insert(b.message("other", to("other.test")))
	b.until(b.busy(3))
	b.mu.Lock()
	open := b.share(Share{ShareKey: ShareKey{"scope_max_outbound_connections", "domain /^s/"}, Limit: 2}).open
	b.mu.Unlock()
	if open != 2 {
		t.Errorf("%d connections in the scope, want 2", open)
	}
	v := b.Explain(Lane{"default", "default", "s4.test"}, 0)
	if len(v.Gates) != 1 || v.Gates[0].Kind != GateShare || v.Gates[0].Share.Scope != "domain /^s/" {
		t.Errorf("gates %+v", v.Gates)
	}
	seen := map[string]bool{}
	for range 6 {
		seen[(<-b.cr.batches)[0]] = true
		b.cr.verdict <- Result{Verdict: Delivered}
	}
	if len(seen) != 6 {
		t.Errorf("delivered %v", seen)
	}
	b.until(func() bool { return b.workers == 0 })
}

// TestBusyLaneGivesWay: a lane that always has mail keeps no other from the last
// connection.
func TestBusyLaneGivesWay(t *testing.T) {
	b := newBench(t)
	b.MaxConnections = func() int { return 1 }
	b.opt.MaxBatch = 1
	for i := range 3 * turn {
		b.Insert(b.message(fmt.Sprintf("big%03d", i), to("big.test")))
	}
	b.Insert(b.message("small", to("small.test")))
	at := -1
	for i := range 3*turn + 1 {
		if (<-b.cr.batches)[0] == "small" {
			at = i
		}
		b.cr.verdict <- Result{Verdict: Delivered}
	}
	if at != turn {
		t.Errorf("the other lane came after %d batches, want %d", at, turn)
	}
	b.until(func() bool { return b.workers == 0 })
}

// TestReserve: a lane without a connection may use the reserve; one with some
// may not.
func TestReserve(t *testing.T) {
	b := newBench(t)
	b.MaxConnections, b.Reserve = func() int { return 1 }, func() int { return 1 }
	b.opt.MaxConnections, b.opt.MaxBatch = 5, 1
	for i := range 30 {
		b.Insert(b.message(fmt.Sprintf("big%03d", i), to("big.test")))
	}
	b.Insert(b.message("small", to("small.test")))
	b.until(b.busy(2))
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, l := range b.lanes {
		if l.workers != 1 {
			t.Errorf("%s has %d connections", key.Domain, l.workers)
		}
	}
}

// TestReloadKeepsCounts: connections count in the limits of the configuration
// that is in force, wherever they were opened.
func TestReloadKeepsCounts(t *testing.T) {
	b := shareBench(t)
	before := b.OptionsFor
	b.OptionsFor = func(Lane) *Options { return &b.opt }
	for i := range 3 {
		b.Insert(b.message(fmt.Sprint("s", i), to(fmt.Sprintf("s%d.test", i))))
	}
	b.until(b.busy(3))
	b.OptionsFor = before
	b.Reconfigured()
	b.Insert(b.message("s9", to("s9.test")))
	if v := b.Explain(Lane{"default", "default", "s9.test"}, 0); len(v.Gates) != 1 || v.Gates[0].Kind != GateShare {
		t.Errorf("gates %+v", v.Gates)
	}
	for range 4 {
		<-b.cr.batches
		b.cr.verdict <- Result{Verdict: Delivered}
	}
	b.until(func() bool { return b.workers == 0 })
}

// TestEarliestAlarm: a rate that opens soon does not wait for a retry that is
// due later.
func TestEarliestAlarm(t *testing.T) {
	b := newBench(t)
	l := &lane{q: b.Queue, key: Lane{"default", "default", "x.test"}}
	b.mu.Lock()
	l.alarm(time.Second)
	l.alarm(time.Hour)
	rings := l.rings
	b.mu.Unlock()
	if want := b.c.Now().Add(time.Second); !rings.Equal(want) {
		t.Errorf("it rings at %v, want %v", rings, want)
	}
}
