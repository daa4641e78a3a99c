package queue

import (
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// TestUsedUpRateStartsNobody: a lane whose rate is used up starts no worker
// until its time, where no connection is kept open.
func TestUsedUpRateStartsNobody(t *testing.T) {
	b := newBench(t)
	b.opt.Messages = throttle.New(option.Throttle{Count: 1, Seconds: 10})
	b.Insert(b.message("a"))
	b.Insert(b.message("b"))
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	b.Insert(b.message("c"))
	b.quiet()
	if active, _, _, connections := b.Totals(); active != 2 || connections != 0 {
		t.Errorf("%d active, %d connections", active, connections)
	}
	b.c.advance(10 * time.Second)
	b.deliver(Result{Verdict: Delivered}, "b")
}

// TestSoonestAlarmRings: mail that waits for the rate of connections does not
// wait for the mail that is delayed.
func TestSoonestAlarmRings(t *testing.T) {
	b := newBench(t)
	b.opt.Connections = throttle.New(option.Throttle{Count: 1, Seconds: 10})
	b.Insert(b.message("later", func(m *message.Message) { m.Next = b.c.Now().Add(time.Hour) }))
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	b.Insert(b.message("b"))
	b.c.advance(10 * time.Second)
	b.deliver(Result{Verdict: Delivered}, "b")
}

// TestStarvedLaneGoesFirst: a connection that ends goes to the lane that has
// waited for one, before its own lane gets another.
func TestStarvedLaneGoesFirst(t *testing.T) {
	b := newBench(t)
	b.cr.once, b.opt.MaxBatch = true, 1
	b.Queue.MaxConnections = func() int { return 1 }
	b.Insert(b.message("a"))
	first := <-b.cr.batches
	b.Insert(b.message("another"))
	b.Insert(b.message("starved", func(m *message.Message) { m.Recipient = smtp.Address("r@other.test") }))
	b.cr.verdict <- Result{Verdict: Delivered}
	b.deliver(Result{Verdict: Delivered}, "starved")
	b.deliver(Result{Verdict: Delivered}, "another")
	if len(first) != 1 || first[0] != "a" {
		t.Errorf("first %v", first)
	}
}

// TestRateIsToldByTheBatch: the gate of a message says when the batch goes that it
// is in.
func TestRateIsToldByTheBatch(t *testing.T) {
	b := newBench(t)
	b.opt.Messages = throttle.New(option.Throttle{Count: 2, Seconds: 20})
	b.opt.Suspend = true
	together := func(m *message.Message) { m.BatchID = "one" }
	for _, id := range []string{"a", "b"} {
		b.Insert(b.message(id, together))
	}
	b.Insert(b.message("c"))
	b.opt.Messages.Take(b.c.Now(), 1)
	lane := Lane{"default", "default", "example.com"}
	for ahead, want := range []time.Duration{10 * time.Second, 10 * time.Second, 20 * time.Second} {
		gates := b.Explain(lane, ahead).Gates
		last := gates[len(gates)-1]
		if got := last.Until.Sub(b.c.Now()); last.Kind != GateMessageRate || got != want {
			t.Errorf("%d ahead: kind %d, in %s, want %s", ahead, last.Kind, got, want)
		}
	}
}

// TestBusyConnectionIsAReason: due mail behind a connection that has some.
func TestBusyConnectionIsAReason(t *testing.T) {
	b := newBench(t)
	b.opt.MaxConnections = 5
	b.Insert(b.message("a"))
	<-b.cr.batches
	b.Insert(b.message("b"))
	gates := b.Explain(Lane{"default", "default", "example.com"}, 0).Gates
	if len(gates) != 1 || gates[0].Kind != GateBusy || !gates[0].Until.IsZero() {
		t.Errorf("gates %+v", gates)
	}
	b.cr.verdict <- Result{Verdict: Delivered}
	b.deliver(Result{Verdict: Delivered}, "b")
}

// TestPlaceOfWhatIsDelayed: what is due before a message goes before it.
func TestPlaceOfWhatIsDelayed(t *testing.T) {
	b := newBench(t)
	b.opt.Suspend = true
	for i, id := range []string{"a", "b", "c"} {
		b.Insert(b.message(id, func(m *message.Message) { m.Next = b.c.Now().Add(time.Duration(3-i) * time.Minute) }))
	}
	b.Insert(b.message("due"))
	for id, want := range map[string]int{"a": 3, "b": 2, "c": 1, "due": 0} {
		if _, at, err := b.Find(id); err != nil || at.Ahead != want {
			t.Errorf("%s: %d ahead, want %d, %v", id, at.Ahead, want, err)
		}
	}
}
