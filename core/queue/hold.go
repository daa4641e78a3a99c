package queue

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Hold is an operator's order to stop deliveries. It lives in memory: a restart
// ends it, a reload does not.
type Hold struct {
	Lane            // what it stops; "" in a field: any
	Since time.Time // when it was given
	Until time.Time // when it ends by itself; zero: never
	Why   string    // the operator's note
	By    string    // the part of the server that gave it; "" for an operator
}

// covers reports whether a hold stops a lane. Suspended mail is not stopped:
// nothing of it goes out.
func (h *Hold) covers(key Lane, now time.Time) bool {
	return (h.Binding == "" || h.Binding == key.Binding) && (h.Group == "" || h.Group == key.Group) &&
		(h.Domain == "" || strings.EqualFold(h.Domain, key.Domain)) && (h.Until.IsZero() || now.Before(h.Until))
}

// maxHolds bounds the holds that are in force at once.
const maxHolds = 1000

// ErrHolds is the answer to one hold too many.
var ErrHolds = errors.New("too many suspensions are in force")

// holdTable is the holds in force. Lanes ask it while their options are
// resolved, with or without the queue's lock, so it has its own.
type holdTable struct {
	mu   sync.Mutex
	list []Hold
}

// Suspend stops deliveries for d, or until Resume where d is 0. An order for
// the same lanes takes the place of the one before. What is under way is
// finished.
func (q *Queue) Suspend(h Hold, d time.Duration) error {
	now := q.Clock.Now()
	h.Since = now
	if d > 0 {
		h.Until = now.Add(d)
	}
	if err := q.holds.put(h, now); err != nil {
		return err
	}
	q.refresh()
	if d > 0 {
		q.Clock.AfterFunc(d+time.Millisecond, q.refresh)
	}
	return nil
}

func (t *holdTable) put(h Hold, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o Hold) bool {
		return o.Lane == h.Lane || !o.Until.IsZero() && !now.Before(o.Until)
	})
	if len(t.list) >= maxHolds {
		return ErrHolds
	}
	t.list = append(t.list, h)
	return nil
}

// Resume ends the holds that were given for exactly these lanes, and says how
// many there were.
func (q *Queue) Resume(key Lane) int {
	n := len(q.Holds())
	q.holds.mu.Lock()
	q.holds.list = slices.DeleteFunc(q.holds.list, func(h Hold) bool { return h.Lane == key })
	q.holds.mu.Unlock()
	q.refresh()
	return n - len(q.Holds())
}

// Holds are the holds in force, the oldest first.
func (q *Queue) Holds() []Hold {
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	now := q.Clock.Now()
	return slices.DeleteFunc(slices.Clone(q.holds.list), func(h Hold) bool { return !h.Until.IsZero() && !now.Before(h.Until) })
}

// holdOf is the hold that stops a lane the longest, nil where there is none.
func (q *Queue) holdOf(key Lane) *Hold {
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	now := q.Clock.Now()
	var found *Hold
	for _, h := range q.holds.list {
		if h.covers(key, now) && (found == nil || h.Until.IsZero() || !found.Until.IsZero() && h.Until.After(found.Until)) {
			found = &h
		}
	}
	return found
}

// underHolds are a lane's options as the holds leave them.
func (q *Queue) underHolds(key Lane, o *Options) *Options {
	if q.holdOf(key) == nil {
		return o
	}
	held := *o
	held.Suspend = true
	return &held
}

// Reshape has one lane take its options anew.
func (q *Queue) Reshape(key Lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.lanes[key]; l != nil && q.accept != nil {
		l.options.Store(nil)
		l.wake()
	}
}

// refresh has the lanes take their options anew.
func (q *Queue) refresh() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.options.Store(nil)
		l.wake()
	}
}
