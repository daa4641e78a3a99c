package queue

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mtad/mtad/core/message"
)

// Bounds of an order over many messages: how many are taken off the lanes at a
// time, and how many are worked on at once, so that the spool's group commit
// has something to group. Each time costs a walk over the lanes with the lock
// held: 60 ms for a million messages.
const (
	sweepBatch   = 100_000
	sweepWorkers = 64
)

// Swept is what became of an order over many messages.
type Swept struct {
	Done int // carried out and durable
	Kept int // left as they were: the paniclog says why
	Busy int // not touched: a connection had them
}

// syncer is what a Spool may be able to do beside: to make all that was written
// so far durable.
type syncer interface{ Sync() error }

// sync makes what was ordered durable.
func (q *Queue) sync() error {
	if s, ok := q.Spool.(syncer); ok {
		return s.Sync()
	}
	return nil
}

// sweep runs do on each selected message. do has the message off its lane and
// settles it; false says that it was left as it was. When ctx ends, the rest
// stays where it is, and the error is that of ctx.
func (q *Queue) sweep(ctx context.Context, s *Selection, do func(w *worker, e *entry) bool) (Swept, error) {
	found, busy, err := q.selected(ctx, s)
	out := Swept{Busy: busy}
	for len(found) > 0 && err == nil {
		n := min(len(found), sweepBatch)
		claimed := q.claim(found[:n])
		out.Busy += n - len(claimed)
		done, worked := q.sweepBatch(ctx, claimed, do)
		out.Done += done
		out.Kept += worked - done
		found, err = found[n:], ctx.Err()
	}
	q.settled(s)
	if failed := q.sync(); failed != nil {
		return out, failed
	}
	return out, err
}

// sweepBatch works on claimed entries. Those that ctx leaves no time for go
// back.
func (q *Queue) sweepBatch(ctx context.Context, claimed []*entry, do func(w *worker, e *entry) bool) (done, worked int) {
	var next, good, tried atomic.Int64
	var wg sync.WaitGroup
	for range min(sweepWorkers, len(claimed)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(claimed)); i = next.Add(1) - 1 {
				e := claimed[i]
				w := &worker{q: q, lane: e.lane}
				if ctx.Err() != nil {
					w.release(e, (*lane).put)
					continue
				}
				tried.Add(1)
				if do(w, e) {
					good.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return int(good.Load()), int(tried.Load())
}

// settled lets the lanes of a selection go on.
func (q *Queue) settled(s *Selection) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, l := range q.lanes {
		if s.covers(key, l.suspended()) {
			l.wake()
			l.tidy()
		}
	}
}

// claimed reads a claimed message. One that cannot be read is set aside.
func (w *worker) claimed(e *entry) *message.Message {
	m, err := w.q.read(e.id)
	if err != nil {
		w.q.setAside(e.id, err)
		w.drop(e)
		return nil
	}
	return m
}
