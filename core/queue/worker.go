package queue

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/mtad/mtad/core/message"
)

// work is a worker's life: one connection's worth of batches.
func (l *lane) work() {
	defer l.q.running.Done()
	w := &worker{lane: l, q: l.q}
	if l.suspended() {
		w.rebind(l.q.hard)
	} else {
		l.q.Courier.Serve(l.q.hard, l.key, w)
	}
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	w.giveBack()
	if w.yields != nil {
		w.yields.yielding--
	}
	freed := l.shares
	l.count(-1)
	if l.workers == 0 {
		l.waits = nil // it is one of those without any now
	}
	for _, s := range freed {
		s.feed()
	}
	l.wake()
	l.tidy()
}

// tidy forgets a lane that is empty. The caller holds mu.
func (l *lane) tidy() {
	if l.empty() && l.q.lanes[l.key] == l {
		l.halt()
		delete(l.q.lanes, l.key)
	}
}

// worker is the Source of one Serve. Only that Serve's goroutine uses it.
type worker struct {
	q    *Queue
	lane *lane
	open map[string]*entry // taken and not settled

	batches int    // that it took
	yields  *share // whose place it gives up
}

// Next gives the next batch (Source).
func (w *worker) Next(ctx context.Context, idle time.Duration) *Batch {
	deadline := w.q.Clock.Now().Add(idle)
	for {
		taken, wait := w.take()
		if len(taken) > 0 {
			if b := w.load(taken); b != nil {
				w.attempting(b)
				return b
			}
			continue
		}
		if wait == nil || !w.await(ctx, wait, deadline.Sub(w.q.Clock.Now())) {
			return nil
		}
	}
}

// await waits for mail; false when the time is up, the connection is wanted
// elsewhere, or the queue stops.
func (w *worker) await(ctx context.Context, r *rest, d time.Duration) bool {
	if d > 0 {
		up := make(chan struct{})
		t := w.q.Clock.AfterFunc(d, func() { close(up) })
		defer t.Stop()
		select {
		case <-r.over:
			return !r.close && w.q.accept.Err() == nil
		case <-up:
		case <-ctx.Done():
		}
	}
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	r.forget()
	return false
}

// take takes the entries of one batch off the lane. Without any it gives the
// worker's rest, or nil to end the connection.
func (w *worker) take() ([]*entry, *rest) {
	l := w.lane
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	now := w.q.Clock.Now()
	l.ripen(now)
	o := l.opts()
	if w.q.accept.Err() != nil || o.Suspend || now.Before(l.blocked) {
		return nil, nil
	}
	from := l.front()
	if now.Before(l.held) {
		l.alarm(l.held.Sub(now))
		from = nil
	}
	if from == nil {
		if w.yield(0) {
			return nil, nil
		}
		return nil, l.rest()
	}
	if w.yield(turn) {
		return nil, nil
	}
	n := batchLength(from, int(o.MaxBatch))
	if wait, ok := o.Messages.Take(now, n); !ok {
		l.paced = now.Add(wait)
		l.alarm(wait)
		return nil, l.rest()
	}
	taken := make([]*entry, n)
	for i := range taken {
		taken[i] = from.pop()
	}
	l.taken += n
	w.batches++
	return taken, nil
}

// batchLength is how many entries at the front may share a transaction.
func batchLength(f *fifo, limit int) int {
	n := 1
	for n < limit && n < f.len() && f.items[f.head+n].batch == f.peek().batch {
		n++
	}
	return n
}

// batchKey is equal for messages of one transaction with the same content and
// sender, so that one DATA can serve them (reference/config-options.tsv,
// max_recipients_per_batch). An edited header section is a copy's own.
func batchKey(m *message.Message) uint64 {
	h := fnv.New64a()
	for _, s := range []string{m.BatchID, "\x00", string(m.Sender), "\x00", string(m.Content.Header)} {
		_, _ = h.Write([]byte(s))
	}
	ref := m.Content.Body
	return h.Sum64() ^ ref.Segment<<32 ^ uint64(ref.Offset)
}

// load reads the batch's metadata. What cannot be read is set aside; what has
// expired and is not to be tried again fails here.
func (w *worker) load(taken []*entry) *Batch {
	b := &Batch{}
	if w.open == nil {
		w.open = map[string]*entry{}
	}
	for _, e := range taken {
		w.open[e.id] = e
		m, err := w.q.read(e.id)
		switch {
		case err != nil:
			w.q.setAside(e.id, err)
			w.drop(e)
		case w.blackholed(m, e):
		case w.expired(e):
			w.Settle(m, Result{Verdict: PermanentFailure, Reply: replyNotAttempted})
		case len(b.Messages) > 0 && !sameTransaction(b.Messages[0], m):
			w.Settle(m, Result{Verdict: NotAttempted})
		default:
			b.Messages = append(b.Messages, m)
		}
	}
	if len(b.Messages) == 0 {
		return nil
	}
	return b
}

// sameTransaction makes sure of what batchKey's hash only makes likely.
func sameTransaction(a, b *message.Message) bool {
	return a.Sender == b.Sender && a.Content.Body == b.Content.Body &&
		a.Content.BodyOffset == b.Content.BodyOffset && string(a.Content.Header) == string(b.Content.Header) &&
		(a.Content.Header == nil) == (b.Content.Header == nil)
}

// expired reports a message past its lifetime that is not to be tried again.
func (w *worker) expired(e *entry) bool {
	o := w.lane.opts()
	return o.NeverExpired && !w.lane.suspended() && e.retries > 0 && w.q.age(e) >= o.Expiration
}

func (q *Queue) age(e *entry) time.Duration {
	return q.Clock.Now().Sub(time.Unix(e.received, 0))
}

func (q *Queue) read(id string) (*message.Message, error) {
	meta, ref, err := q.Spool.Meta(id)
	if err != nil {
		return nil, err
	}
	m, err := message.Decode(meta)
	if err != nil {
		return nil, err
	}
	m.Content.Body = ref
	return m, nil
}

// giveBack returns what a Serve took and never settled.
func (w *worker) giveBack() {
	for id, e := range w.open {
		delete(w.open, id)
		w.lane.taken--
		w.lane.putBack(e)
	}
}

// drop forgets an entry without a word to the spool.
func (w *worker) drop(e *entry) {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	delete(w.open, e.id)
	if w.q.entries[e.id] == e {
		w.q.ages.remove(e.received)
	}
	delete(w.q.entries, e.id)
	w.lane.taken--
}
