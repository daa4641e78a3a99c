package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// A message that modules are asked about is settled beside its lane, which goes
// on meanwhile, and waits with what they changed.
func TestSettledBesideItsLane(t *testing.T) {
	b := newBench(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	var attempts []string
	b.Attempting = func(m *message.Message) { attempts = append(attempts, m.ID) }
	b.Asks = func(v Verdict) bool { return v == TransientFailure }
	b.BeforeRetry = func(_ context.Context, m *message.Message) {
		close(asked)
		<-answer
		m.Context.Set("k", "v")
	}
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "", "later")}, "a")
	<-asked
	b.Insert(b.message("b"))
	b.deliver(Result{Verdict: Delivered}, "b")
	close(answer)
	b.quiet()
	m, err := b.read("a")
	if err != nil || m.Retries != 1 || m.LastReply != "451 later" {
		t.Fatalf("%v %+v", err, m)
	}
	if v, _ := m.Context.Get("k"); v != "v" {
		t.Errorf("the change is lost: %v", m.Context)
	}
	if active, delayed, _, _ := b.Totals(); active != 0 || delayed != 1 {
		t.Errorf("%d active, %d delayed", active, delayed)
	}
	if got := strings.Join(attempts, " "); got != "a b" {
		t.Errorf("attempts: %s", got)
	}
}

// A message that policy routes elsewhere before its retry changes its lane, and
// the lane that is left empty is forgotten.
func TestAnotherLaneBeforeARetry(t *testing.T) {
	b := newBench(t)
	b.Asks = func(Verdict) bool { return true }
	b.BeforeRetry = func(_ context.Context, m *message.Message) { m.RoutingDomain = "gate.test" }
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "", "later")}, "a")
	b.quiet()
	if sizes := b.Sizes(); len(sizes) != 1 || sizes[0].Domain != "gate.test" || sizes[0].Delayed != 1 {
		t.Fatalf("%+v", sizes)
	}
	b.mu.Lock()
	lanes := len(b.lanes)
	b.mu.Unlock()
	if lanes != 1 {
		t.Errorf("%d lanes", lanes)
	}
	b.c.advance(20 * time.Minute)
	b.deliver(Result{Verdict: PermanentFailure, Reply: smtp.NewReply(550, "", "no")}, "a")
	b.quiet()
	if got := b.l.all(); !strings.HasSuffix(got, "P a 1 550 no") || len(b.entries) != 0 || len(b.lanes) != 0 {
		t.Errorf("log %q, %d entries, %d lanes", got, len(b.entries), len(b.lanes))
	}
}

// Suspended mail is never attempted: policy is asked again after a while, and at
// a reload; it does not expire.
func TestSuspendedMail(t *testing.T) {
	b := newBench(t)
	why := errors.New("policy failed: boom")
	asked := 0
	b.opt.Expiration, b.opt.NeverExpired = time.Second, true
	b.Rebind = func(_ context.Context, m *message.Message) (*message.Message, error) {
		if asked++; why != nil {
			return nil, why
		}
		bound := *m
		bound.Suspended, bound.Binding, bound.BindingGroup = "", "b1", "g"
		return &bound, nil
	}
	b.Insert(b.message("a", func(m *message.Message) { m.Suspended, m.Binding, m.BindingGroup = "x", "", "" }))
	b.quiet()
	for i, pause := range []time.Duration{10 * time.Second, 20 * time.Second} {
		b.c.advance(pause - time.Second)
		b.quiet()
		if asked != i+1 {
			t.Fatalf("asked %d times before %s", asked, pause)
		}
		b.c.advance(time.Second)
		b.quiet()
	}
	if m, err := b.read("a"); asked != 3 || err != nil || m.Suspended != why.Error() || !strings.Contains(b.l.all(), "message a waits in a suspended binding, for 40s now: policy failed: boom") {
		t.Fatalf("asked %d times, %v, log %q", asked, err, b.l.all())
	}
	why = nil
	b.opt.Expiration = time.Hour
	b.Reconfigured()
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	if got := b.l.all(); !strings.HasSuffix(got, "D a 0") || len(b.lanes) != 0 {
		t.Errorf("log %q, %d lanes", got, len(b.lanes))
	}
}

// What policy takes, or replaces by a new message, leaves the queue.
func TestSuspendedMailThatIsDealtWith(t *testing.T) {
	b := newBench(t)
	replacement := b.message("new")
	for id, again := range map[string]*message.Message{"taken": nil, "replaced": replacement} {
		b.Rebind = func(context.Context, *message.Message) (*message.Message, error) { return again, nil }
		b.Insert(b.message(id, func(m *message.Message) { m.Suspended = "x" }))
		if again != nil {
			b.deliver(Result{Verdict: Delivered}, "new")
		}
		b.quiet()
		if _, err := b.read(id); err == nil {
			t.Errorf("%s is still there", id)
		}
	}
}
