package queue

import (
	"fmt"
	"testing"
	"time"
)

// TestRamp: a start opens so many connections a second, twice as many in the
// next one, and no bound in the end.
func TestRamp(t *testing.T) {
	var r ramp
	now := time.Unix(1000, 0)
	if _, ok := r.take(now); !ok {
		t.Error("there is a bound without a ramp")
	}
	r.start(now)
	count := func() (n int) {
		for {
			wait, ok := r.take(now)
			if !ok {
				if wait <= 0 || wait > time.Second {
					t.Errorf("wait %v", wait)
				}
				return n
			}
			if n++; n > rampFirst<<rampSeconds {
				return -1
			}
		}
	}
	for second, want := range []int{rampFirst, 2 * rampFirst, 4 * rampFirst} {
		if got := count(); got != want {
			t.Errorf("second %d: %d connections, want %d", second, got, want)
		}
		now = now.Add(time.Second)
	}
	now = now.Add(rampSeconds * time.Second)
	if got := count(); got != -1 {
		t.Errorf("at the end: %d connections", got)
	}
}

// TestOutage: while a next hop cannot be reached one connection tries it; when
// it answers there may be more; and when it does not for long, all its mail is
// delayed.
func TestOutage(t *testing.T) {
	b := newBench(t)
	b.opt.MaxConnections, b.opt.MaxBatch, b.opt.UnreachedToDelay = 4, 1, 15*time.Minute
	for i := range 100 {
		b.Insert(b.message(fmt.Sprintf("m%03d", i)))
	}
	b.until(b.busy(4))
	for range 4 {
		<-b.cr.batches
		b.cr.verdict <- Result{Verdict: TransientFailure, Unreached: true}
	}
	b.quiet()
	b.c.advance(2 * time.Minute)
	b.until(b.busy(1))
	<-b.cr.batches
	b.cr.verdict <- Result{Verdict: Delivered, ConnID: "c"}
	b.until(b.busy(4))
	for range 4 {
		<-b.cr.batches
		b.cr.verdict <- Result{Verdict: TransientFailure, Unreached: true}
	}
	b.quiet()
	for range 8 {
		b.c.advance(2 * time.Minute)
		if _, delayed, _, _ := b.Totals(); delayed == 99 {
			break
		}
		<-b.cr.batches
		b.cr.verdict <- Result{Verdict: TransientFailure, Unreached: true}
		b.quiet()
	}
	if active, delayed, _, _ := b.Totals(); active != 0 || delayed != 99 {
		t.Errorf("%d due, %d delayed", active, delayed)
	}
}

// busy says that connections have so many messages.
func (b *bench) busy(n int) func() bool {
	return func() bool {
		taken := 0
		for _, l := range b.lanes {
			taken += l.taken
		}
		return taken == n
	}
}
