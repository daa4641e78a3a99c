package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

var purged = smtp.NewReply(554, "5.7.0", "[internal] Message manually purged")

// waiting inserts messages that are due in an hour.
func (b *bench) waiting(ids ...string) {
	for i, id := range ids {
		b.Insert(b.message(id, func(m *message.Message) { m.Next = b.c.Now().Add(time.Hour + time.Duration(i)*time.Minute) }))
	}
}

func (b *bench) count() (active, delayed int) {
	active, delayed, _, _ = b.Totals()
	return active, delayed
}

func TestFailSelected(t *testing.T) {
	b := newBench(t)
	b.waiting("a", "b", "c")
	told := make(chan string, 3)
	b.OnFail = func(_ context.Context, a *logs.Attempt) error { told <- a.Message.ID + " " + a.Reply; return nil }
	s := &Selection{Domain: "Example.COM", Match: func(m *message.Message) (bool, error) { return m.ID != "b", nil }}
	n, err := b.Fail(context.Background(), s, purged, Bounce)
	if err != nil || n != (Swept{Done: 2}) || len(told) != 2 {
		t.Fatalf("%+v, %v, %d told", n, err, len(told))
	}
	if got := <-told; !strings.HasSuffix(got, "554 5.7.0 [internal] Message manually purged") {
		t.Errorf("told %q", got)
	}
	if _, delayed := b.count(); delayed != 1 || b.s.meta["b"] == nil || len(b.s.meta) != 1 {
		t.Errorf("%d delayed, spool %d", delayed, len(b.s.meta))
	}
	if n, err := b.Fail(context.Background(), &Selection{}, purged, Quiet); err != nil || n.Done != 1 || len(told) != 1 {
		t.Errorf("quietly: %+v, %v", n, err)
	}
	if len(b.lanes) != 0 || b.Counters.Failed.Load() != 3 {
		t.Errorf("%d lanes, %d failed", len(b.lanes), b.Counters.Failed.Load())
	}
}

// TestFailKeepsWhatCannotBounce: a message whose bounce is not durable stays.
func TestFailKeepsWhatCannotBounce(t *testing.T) {
	b := newBench(t)
	b.waiting("a")
	b.ok = errors.New("the spool is full")
	n, err := b.Fail(context.Background(), &Selection{}, purged, Bounce)
	if _, delayed := b.count(); err != nil || n != (Swept{Kept: 1}) || delayed != 1 || b.s.meta["a"] == nil {
		t.Errorf("%+v, %v, %d delayed", n, err, delayed)
	}
	if err := b.FailMessage("a", purged, Bounce); err == nil || !strings.Contains(err.Error(), "kept") {
		t.Errorf("one message: %v", err)
	}
}

// TestOrdersLeaveWhatIsDelivered: what a connection has is not touched.
func TestOrdersLeaveWhatIsDelivered(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("a"))
	<-b.cr.batches
	if n, err := b.Fail(context.Background(), &Selection{}, purged, Quiet); err != nil || n != (Swept{Busy: 1}) {
		t.Errorf("fail: %+v, %v", n, err)
	}
	if err := b.FailMessage("a", purged, Quiet); !errors.Is(err, ErrBusy) {
		t.Errorf("fail one: %v", err)
	}
	if _, err := b.Retry("a"); !errors.Is(err, ErrBusy) {
		t.Errorf("retry: %v", err)
	}
	if _, at, err := b.Find("a"); err != nil || at.State != StateDelivering {
		t.Errorf("find: %+v, %v", at, err)
	}
	b.cr.verdict <- Result{Verdict: Delivered}
	b.quiet()
	if err := b.FailMessage("a", purged, Quiet); !errors.Is(err, ErrNoMessage) {
		t.Errorf("gone: %v", err)
	}
}

func TestOrdersEndWithTheirContext(t *testing.T) {
	b := newBench(t)
	b.waiting("a", "b")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n, err := b.Fail(ctx, &Selection{}, purged, Quiet)
	if _, delayed := b.count(); !errors.Is(err, context.Canceled) || n.Done != 0 || delayed != 2 {
		t.Errorf("%+v, %v, %d delayed", n, err, delayed)
	}
	if done, worked := b.sweepBatch(ctx, b.claim([]*entry{b.entries["a"], b.entries["b"]}), nil); done+worked != 0 {
		t.Errorf("%d worked on after the end", worked)
	}
	if _, delayed := b.count(); delayed != 2 {
		t.Errorf("%d delayed: what was claimed is not back", delayed)
	}
}

func TestRerouteMovesTheQueue(t *testing.T) {
	b := newBench(t)
	b.waiting("a", "b")
	n, err := b.Reroute(context.Background(), &Selection{Domain: "example.com"}, "other.test")
	if err != nil || n.Done != 2 {
		t.Fatalf("%+v, %v", n, err)
	}
	m, at, err := b.Find("a")
	if err != nil || at.Lane.Domain != "other.test" || m.RoutingDomain != "other.test" || !at.Due.Equal(b.c.Now().Add(time.Hour)) {
		t.Errorf("%+v %+v %v", m, at, err)
	}
	if len(b.lanes) != 1 {
		t.Errorf("%d lanes", len(b.lanes))
	}
}

func TestRebindMail(t *testing.T) {
	b := newBench(t)
	b.waiting("fails", "keeps", "moves", "new", "taken")
	b.Rebind = func(_ context.Context, m *message.Message) (*message.Message, error) {
		if m.Binding != "" {
			t.Errorf("%s: policy sees the binding %q", m.ID, m.Binding)
		}
		again := *m
		again.Binding, again.BindingGroup, again.Retries = "fast", "default", 0
		switch m.ID {
		case "fails":
			return nil, errors.New("policy failed")
		case "taken":
			return nil, nil
		case "keeps":
			again.Binding = "default"
		case "new":
			return b.message("newer", func(n *message.Message) { n.Binding, n.Next = "fast", m.Next }), nil
		}
		return &again, nil
	}
	n, err := b.RebindMail(context.Background(), &Selection{Binding: "default"})
	if err != nil || n != (Swept{Done: 4, Kept: 1}) {
		t.Fatalf("%+v, %v", n, err)
	}
	for id, want := range map[string]string{"fails": "default", "keeps": "default", "moves": "fast", "newer": "fast"} {
		m, at, err := b.Find(id)
		if err != nil || at.Lane.Binding != want || at.State != StateDelayed || m.Binding != want {
			t.Errorf("%s: %+v, %v", id, at, err)
		}
	}
	if _, delayed := b.count(); delayed != 4 || b.s.meta["taken"] != nil || b.s.meta["new"] != nil {
		t.Errorf("%d delayed", delayed)
	}
}

func TestFlushAndRetry(t *testing.T) {
	b := newBench(t)
	b.waiting("a", "b", "c")
	if moved, err := b.Retry("b"); !moved || err != nil {
		t.Fatal(moved, err)
	}
	b.deliver(Result{Verdict: Delivered}, "b")
	b.quiet()
	if _, err := b.Retry("b"); !errors.Is(err, ErrNoMessage) {
		t.Errorf("gone: %v", err)
	}
	if n, err := b.Flush(context.Background(), &Selection{Domain: "other.test"}); n != 0 || err != nil {
		t.Errorf("another domain: %d, %v", n, err)
	}
	if n, err := b.Flush(context.Background(), &Selection{Domain: "example.com"}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	b.deliver(Result{Verdict: Delivered}, "a")
	b.deliver(Result{Verdict: Delivered}, "c")
}

func TestDelayPutsDueMailOff(t *testing.T) {
	b := newBench(t)
	if err := b.Suspend(Hold{Why: "test"}, 0); err != nil {
		t.Fatal(err)
	}
	b.Insert(b.message("due"))
	b.waiting("later")
	n, err := b.Delay(context.Background(), &Selection{Domain: "example.com"}, 5*time.Minute)
	if err != nil || n.Done != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	if m, at, err := b.Find("due"); err != nil || !at.Due.Equal(b.c.Now().Add(5*time.Minute)) || m.Retries != 0 {
		t.Errorf("%+v %v", at, err)
	}
}

func TestSuspendedUntil(t *testing.T) {
	b := newBench(t)
	if err := b.Suspend(Hold{Lane: Lane{Binding: "default", Domain: "example.com"}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := b.Suspend(Hold{Lane: Lane{Group: "bulk"}}, 0); err != nil {
		t.Fatal(err)
	}
	b.Insert(b.message("a"))
	b.Insert(b.message("free", func(m *message.Message) { m.Recipient = "r@other.test" }))
	b.deliver(Result{Verdict: Delivered}, "free")
	v := b.Explain(Lane{"default", "default", "example.com"}, 0)
	if len(v.Gates) != 1 || v.Gates[0].Kind != GateHeld || !v.Gates[0].Until.Equal(b.c.Now().Add(time.Minute)) {
		t.Fatalf("gates %+v", v.Gates)
	}
	b.c.advance(time.Minute + time.Second)
	b.deliver(Result{Verdict: Delivered}, "a")
	if n := len(b.Holds()); n != 1 {
		t.Errorf("%d holds", n)
	}
	for _, want := range []int{1, 0} {
		if n, err := b.Resume(Lane{Group: "bulk"}); n != want || err != nil {
			t.Errorf("%d resumed, %v", n, err)
		}
	}
}

// TestExplainForetells compares what Explain says of the next attempt with when
// it comes.
func TestExplainForetells(t *testing.T) {
	key := Lane{"default", "default", "example.com"}
	b := newBench(t)
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: TransientFailure, Unreached: true, Reply: smtp.NewReply(451, "", "no")}, "a")
	b.quiet()
	b.Insert(b.message("b"))
	v := b.Explain(key, 0)
	if len(v.Gates) != 1 || v.Gates[0].Kind != GateUnreached || v.Delayed != 1 || v.Active != 1 {
		t.Fatalf("unreached: %+v", v)
	}
	b.c.advance(v.Gates[0].Until.Sub(b.c.Now()) - time.Millisecond)
	if _, _, _, connections := b.Totals(); connections != 0 {
		t.Error("an attempt before its time")
	}
	b.c.advance(time.Millisecond)
	b.deliver(Result{Verdict: Delivered}, "b")
	b.quiet()
	v = b.Explain(key, 0)
	if len(v.Gates) != 1 || v.Gates[0].Kind != GateDelayed {
		t.Fatalf("delayed: %+v", v)
	}
	b.c.advance(v.Gates[0].Until.Sub(b.c.Now()))
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	b.opt.Messages, b.opt.Suspend = throttle.New(option.Throttle{Count: 1, Seconds: 10}), true
	b.opt.Messages.Take(b.c.Now(), 1)
	b.Reconfigured()
	v = b.Explain(key, 2)
	if len(v.Gates) != 2 || v.Gates[0].Kind != GateSuspended || v.Gates[1].Kind != GateMessageRate || !v.Gates[1].Until.Equal(b.c.Now().Add(30*time.Second)) {
		t.Errorf("throttled: %+v", v.Gates)
	}
}

func TestExplainLimits(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("a"))
	<-b.cr.batches
	b.Insert(b.message("b"))
	v := b.Explain(Lane{"default", "default", "example.com"}, 0)
	if len(v.Gates) != 1 || v.Gates[0].Kind != GateConnections || v.Delivering != 1 {
		t.Errorf("all connections busy: %+v", v)
	}
	b.MaxConnections = func() int { return 1 }
	b.opt.Connections = throttle.New(option.Throttle{Count: 1, Seconds: 10})
	b.opt.Connections.Take(b.c.Now(), 1)
	v = b.Explain(Lane{"default", "default", "other.test"}, 0)
	if len(v.Gates) != 2 || v.Gates[0].Kind != GateServer || v.Gates[1].Kind != GateConnectRate {
		t.Errorf("no connection left: %+v", v)
	}
	v = b.Explain(Lane{"default", binding.Suspended, "*"}, 0)
	if len(v.Gates) == 0 || v.Gates[0].Kind != GatePolicy {
		t.Errorf("suspended: %+v", v)
	}
	b.cr.verdict <- Result{Verdict: Delivered}
}

// TestPages: a page is in the order in which mail goes out, without holes or
// repetitions.
func TestPages(t *testing.T) {
	b := newBench(t)
	if err := b.Suspend(Hold{}, 0); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 50 {
		id := fmt.Sprintf("d%02d", i*7%50)
		b.Insert(b.message(id, func(m *message.Message) { m.Next = b.c.Now().Add(time.Duration(1+i*7%50) * time.Minute) }))
	}
	b.Insert(b.message("low"))
	b.Insert(b.message("high", func(m *message.Message) { m.Priority = 1 }))
	want = append(want, "high", "low")
	for i := range 50 {
		want = append(want, fmt.Sprintf("d%02d", i))
	}
	var got []string
	for offset := 0; offset < 60; offset += 7 {
		items, total := b.Page(&Selection{Domain: "example.com"}, offset, 7)
		if total != 52 {
			t.Fatalf("total %d", total)
		}
		for _, m := range items {
			got = append(got, m.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages %v", got)
	}
	if items, _ := b.Page(&Selection{}, -5, maxPage*2); len(items) != 52 {
		t.Errorf("%d on a page without bounds", len(items))
	}
	items, total, busy, err := b.Preview(context.Background(), &Selection{}, 3)
	if len(items) != 3 || total != 52 || busy != 0 || err != nil {
		t.Errorf("preview: %d of %d, %d, %v", len(items), total, busy, err)
	}
}

func TestFigures(t *testing.T) {
	b := newBench(t)
	m := b.message("a")
	b.Received(m)
	b.Insert(m)
	b.deliver(Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "", "no")}, "a")
	b.quiet()
	b.c.advance(20 * time.Minute)
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	lanes := b.Lanes(&Selection{Binding: "default"})
	if len(lanes) != 1 || lanes[0].Figures != (Figures{EventReceived: 1, EventDelivered: 1, EventTransient: 1}) || b.FiguresSince() != 20*time.Minute {
		t.Errorf("%+v since %s", lanes, b.FiguresSince())
	}
	b.ResetFigures()
	if lanes := b.Lanes(&Selection{}); len(lanes) != 0 {
		t.Errorf("after a reset: %+v", lanes)
	}
}

func TestFiguresAreBounded(t *testing.T) {
	var f figures
	for i := range maxFigures + 100 {
		f.add(Lane{Binding: "b", Domain: fmt.Sprint(i)}, EventFailed)
	}
	if n := f.lanes[Lane{Binding: "b"}]; len(f.lanes) > maxFigures+1 || n == nil || n[EventFailed] != 100 {
		t.Errorf("%d lanes, the rest %v", len(f.lanes), n)
	}
}

// syncing is a spool that can be told to make all durable.
type syncing struct {
	*spool
	err    error
	synced []int // how many messages were gone at each sync
}

func (s *syncing) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced = append(s.synced, len(s.done))
	return s.err
}

// TestOrdersAreDurable: an order answers behind the sync of all it has done, and
// says so where that failed.
func TestOrdersAreDurable(t *testing.T) {
	b := newBench(t)
	sp := &syncing{spool: b.s}
	b.Spool = sp
	b.waiting("a", "b", "c")
	if n, err := b.Fail(context.Background(), &Selection{Match: func(m *message.Message) (bool, error) { return m.ID != "c", nil }}, purged, Quiet); err != nil || n.Done != 2 {
		t.Fatalf("%+v, %v", n, err)
	}
	sp.err = errors.New("the disk is gone")
	if err := b.FailMessage("c", purged, Quiet); !errors.Is(err, sp.err) {
		t.Errorf("one message: %v", err)
	}
	if !slices.Equal(sp.synced, []int{2, 3}) {
		t.Errorf("synced after %v messages", sp.synced)
	}
}
