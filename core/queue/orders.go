package queue

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// ErrNoMessage is an order about a message that is not in the queue.
var ErrNoMessage = errors.New("no such message in the queue")

// ErrBusy is an order about a message that a connection has at this moment.
var ErrBusy = errors.New("the message is being delivered at this moment")

// Fail ends the selected mail for good: its senders get a bounce that says
// reply, unless quietly. What was done is durable when it returns, with an
// error too: that of ctx, or of the spool.
func (q *Queue) Fail(ctx context.Context, s *Selection, reply *smtp.Reply, quietly Disclosure) (Swept, error) {
	return q.sweep(ctx, s, func(w *worker, e *entry) bool { return w.failNow(e, reply, quietly) })
}

// Disclosure says whether senders are told of mail that is failed by hand.
type Disclosure uint8

// The disclosures.
const (
	Bounce Disclosure = iota
	Quiet
)

// FailMessage ends one message. It is ErrNoMessage or ErrBusy where it cannot.
func (q *Queue) FailMessage(id string, reply *smtp.Reply, quietly Disclosure) error {
	e, err := q.claimOne(id)
	if err != nil {
		return err
	}
	w := &worker{q: q, lane: e.lane}
	done := w.failNow(e, reply, quietly)
	q.settled(&Selection{Binding: e.lane.key.Binding, Domain: e.lane.key.Domain})
	if !done {
		return fmt.Errorf("message %s was kept; the paniclog says why", id)
	}
	return q.sync()
}

func (q *Queue) claimOne(id string) (*entry, error) {
	q.mu.Lock()
	e := q.entries[id]
	q.mu.Unlock()
	if e == nil {
		return nil, ErrNoMessage
	}
	if len(q.claim([]*entry{e})) == 0 {
		return nil, ErrBusy
	}
	return e, nil
}

// failNow ends a claimed message. The bounce is durable before the message goes.
func (w *worker) failNow(e *entry, reply *smtp.Reply, quietly Disclosure) bool {
	m := w.claimed(e)
	if m == nil {
		return false
	}
	a := w.attempt(m, Result{Reply: reply, Stage: logs.StageNotConnected})
	a.Domain = m.Domain() // the lane's is none where the message is suspended
	w.failing(PermanentFailure, a)
	if quietly == Bounce {
		if err := w.q.OnFail(w.q.hard, a); err != nil {
			w.trouble(e, "was to fail, but its bounce could not be queued; it is kept", err)
			w.release(e, (*lane).put)
			return false
		}
	}
	if err := w.q.Spool.Done(e.id); err != nil {
		w.trouble(e, "cannot be removed from the spool; it is kept", err)
		w.release(e, (*lane).put)
		return false
	}
	w.failed(a)
	w.drop(e)
	return true
}

// Reroute moves the selected mail to another domain's queues. Its times stay.
func (q *Queue) Reroute(ctx context.Context, s *Selection, domain string) (Swept, error) {
	return q.sweep(ctx, s, func(w *worker, e *entry) bool {
		m := w.claimed(e)
		if m == nil {
			return false
		}
		m.RoutingDomain = domain
		return w.keep(e, m, m.Next)
	})
}

// keep writes a claimed message's new state, and files it by it. Where it cannot
// be written the message stays as it was.
func (w *worker) keep(e *entry, m *message.Message, next time.Time) bool {
	m.Next = next
	if err := w.q.Spool.Change(m.ID, message.Encode(m)); err != nil {
		w.trouble(e, "keeps its old state", err)
		w.release(e, (*lane).put)
		return false
	}
	w.drop(e)
	w.q.Insert(m)
	return true
}

// RebindMail asks policy again for the binding of the selected mail; mail that
// policy fails on, or puts off, keeps the binding it has.
func (q *Queue) RebindMail(ctx context.Context, s *Selection) (Swept, error) {
	return q.sweep(ctx, s, func(w *worker, e *entry) bool { return w.rebindNow(ctx, e) })
}

func (w *worker) rebindNow(ctx context.Context, e *entry) bool {
	m := w.claimed(e)
	if m == nil {
		return false
	}
	unbound := *m
	unbound.Binding, unbound.BindingGroup = "", ""
	again, err := w.q.Rebind(ctx, &unbound)
	switch {
	case err != nil:
		w.q.Log.Panic(sdk.LogRecord{Level: sdk.LevelWarning, Source: "queue",
			Text: fmt.Sprintf("message %s keeps binding %q: %v", m.ID, m.Binding, err)})
		w.release(e, (*lane).put)
		return false
	case again == nil: // policy has it now
		w.finish(e)
		return true
	case again.ID != m.ID:
		w.finish(e)
		w.q.Insert(again)
		return true
	}
	again.Retries, again.LastReply = m.Retries, m.LastReply
	next := m.Next
	if m.Suspended != "" {
		again.Retries, next = 0, time.Time{}
	}
	return w.keep(e, again, next)
}

// Delay puts off what is due of the selected mail; it is no attempt.
func (q *Queue) Delay(ctx context.Context, s *Selection, d time.Duration) (Swept, error) {
	due := *s
	due.due = true
	return q.sweep(ctx, &due, func(w *worker, e *entry) bool {
		m := w.claimed(e)
		return m != nil && w.keep(e, m, w.q.Clock.Now().Add(d))
	})
}

// flushBatch is how many messages become due with the lock held.
const flushBatch = 10_000

// Flush makes the delayed mail of the selected lanes due, and forgets that
// their next hop could not be reached. Match is not looked at. A restart forgets
// a flush.
func (q *Queue) Flush(ctx context.Context, s *Selection) (int, error) {
	q.mu.Lock()
	left := map[*lane]int{}
	for key, l := range q.lanes {
		if s.covers(key, s.Domain == "" && l.suspended()) {
			left[l] = len(l.delayed)
		}
	}
	q.mu.Unlock()
	total := 0
	for l, n := range left {
		for first := true; n > 0 || first; first = false {
			if err := ctx.Err(); err != nil {
				return total, err
			}
			moved := l.flush(min(n, flushBatch))
			total += moved
			if n -= flushBatch; moved == 0 {
				break
			}
		}
	}
	return total, nil
}

// flush makes up to most delayed entries due.
func (l *lane) flush(most int) int {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	n := 0
	for ; n < most && len(l.delayed) > 0; n++ {
		e := heap.Pop(&l.delayed).(*entry)
		e.due = 0
		l.put(e)
	}
	l.forgive()
	l.wake()
	return n
}

// Retry makes one message due. False: it was already. ErrBusy: a connection has
// it.
func (q *Queue) Retry(id string) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[id]
	if e == nil {
		return false, ErrNoMessage
	}
	l := e.lane
	l.forgive()
	defer l.wake()
	if i := slices.Index(l.delayed, e); i >= 0 {
		heap.Remove(&l.delayed, i)
		e.due = 0
		l.put(e)
		return true, nil
	}
	if l.high.index(e) < 0 && l.normal.index(e) < 0 {
		return false, ErrBusy
	}
	return false, nil
}

// index is an entry's place in the queue, -1 where it is not in it.
func (f *fifo) index(e *entry) int { return slices.Index(f.items[f.head:], e) }
