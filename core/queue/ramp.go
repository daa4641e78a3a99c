package queue

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// After a start, a reload, and the end of a suspension much mail may be due at
// once. New connections of all lanes together are paced then: rampFirst in the
// first second, and twice as many in each one after it, until there is no bound.
const (
	rampFirst   = 1000
	rampSeconds = 6
)

// ramp counts the new connections of the present second. Queue.mu guards it.
type ramp struct {
	since  time.Time // when it began; zero: there is none
	second int
	begun  int
}

func (r *ramp) start(now time.Time) {
	if r.since.IsZero() || now.Sub(r.since) >= rampSeconds*time.Second {
		*r = ramp{since: now}
	}
}

// take takes one connection, or says how long to wait.
func (r *ramp) take(now time.Time) (wait time.Duration, ok bool) {
	since := now.Sub(r.since)
	if r.since.IsZero() || since >= rampSeconds*time.Second || since < 0 {
		return 0, true
	}
	if second := int(since / time.Second); second != r.second {
		r.second, r.begun = second, 0
	}
	if r.begun >= rampFirst<<r.second {
		return time.Duration(r.second+1)*time.Second - since, false
	}
	r.begun++
	return 0, true
}

// outage is what a lane knows of a next hop that cannot be reached. One
// connection at a time tries it then, and in the end all its mail is delayed, so
// that a dead domain costs little however much mail it has. Queue.mu guards it.
type outage struct {
	since    time.Time // of the first failure in a row; zero: none
	failures int64
}

// unreached takes note of a connection that could not be made.
func (l *lane) unreached(until time.Time) {
	now := l.q.Clock.Now()
	l.blocked = until
	l.down.Store(true)
	if l.outage.since.IsZero() {
		l.outage.since = now
	}
	l.outage.failures++
	o := l.opts()
	if now.Sub(l.outage.since) >= o.UnreachedToDelay && o.UnreachedToDelay > 0 || o.FailuresToDelay > 0 && l.outage.failures >= o.FailuresToDelay {
		l.delayAll(now, o)
		l.outage = outage{since: now}
	}
}

// reached ends an outage: whatever the peer said, it is there.
func (w *worker) reached() {
	l := w.lane
	if !l.down.Load() {
		return
	}
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.forgive()
	l.wake()
}

// forgive forgets that the next hop could not be reached.
func (l *lane) forgive() {
	l.down.Store(false)
	l.outage, l.blocked = outage{}, time.Time{}
}

// probing reports that one connection is enough.
func (l *lane) probing() bool { return !l.outage.since.IsZero() && l.workers > 0 }

// delayAll moves what is due to the delayed queue, for what its next retry would
// wait and a quarter more at most, so that it does not all come back at once. It
// is no attempt, and a restart forgets it.
func (l *lane) delayAll(now time.Time, o *Options) {
	for _, f := range []*fifo{&l.high, &l.normal} {
		for _, e := range f.items[f.head:] {
			d := backoff(o, int(e.retries))
			e.due = now.Add(d + rand.N(d/4+1)).UnixMilli()
			l.delayed = append(l.delayed, e)
		}
		*f = fifo{}
	}
	heap.Init(&l.delayed)
}
