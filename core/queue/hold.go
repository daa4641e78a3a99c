package queue

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/sdk"
)

// HoldStore keeps the holds over a restart. Save is durable when it returns nil,
// and leaves what was saved before where it does not.
type HoldStore interface {
	Load() ([]Hold, error)
	Save(holds []Hold) error
}

// Hold is an operator's order to stop deliveries. A reload does not end it, nor
// does a restart.
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
	mu     sync.Mutex
	list   []Hold
	saving sync.Mutex
}

// Suspend stops deliveries for d, or until Resume where d is 0. An order for
// the same lanes takes the place of the one before. What is under way is
// finished. ErrNotSaved: it is in force, and a restart would end it.
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
	q.endOf(&h, now)
	return q.saveHolds()
}

// endOf has the lanes of a hold go on when it ends.
func (q *Queue) endOf(h *Hold, now time.Time) {
	if !h.Until.IsZero() {
		q.Clock.AfterFunc(h.Until.Sub(now)+time.Millisecond, q.refresh)
	}
}

// ErrNotSaved is an order that counts now and would not survive a restart.
var ErrNotSaved = errors.New("in force, but not saved: a restart would undo it")

func (q *Queue) saveHolds() error {
	if q.HoldStore == nil {
		return nil
	}
	q.holds.saving.Lock() // so that the last order is what is saved last
	defer q.holds.saving.Unlock()
	if err := q.HoldStore.Save(q.Holds()); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSaved, err)
	}
	return nil
}

// loadHolds takes up the holds of before a restart. Where they cannot be read
// there are none, and the paniclog says so.
func (q *Queue) loadHolds() {
	if q.HoldStore == nil {
		return
	}
	list, err := q.HoldStore.Load()
	if err != nil {
		q.Log.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "queue", Text: "suspensions of before the restart are lost: " + err.Error()})
		return
	}
	now := q.Clock.Now()
	q.holds.mu.Lock()
	q.holds.list = list[:min(len(list), maxHolds)]
	q.holds.mu.Unlock()
	for _, h := range q.Holds() {
		q.endOf(&h, now)
	}
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
// many there were. ErrNotSaved: a restart would bring them back.
func (q *Queue) Resume(key Lane) (int, error) {
	n := len(q.Holds())
	q.holds.mu.Lock()
	q.holds.list = slices.DeleteFunc(q.holds.list, func(h Hold) bool { return h.Lane == key })
	q.holds.mu.Unlock()
	q.refresh()
	return n - len(q.Holds()), q.saveHolds()
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
	if q.holdOf(key) == nil && q.closed(key) == "" {
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

func (q *Queue) closed(key Lane) string {
	if q.Closed == nil || key.Binding == binding.Suspended {
		return ""
	}
	return q.Closed(key)
}

// Refresh has the lanes take their options anew.
func (q *Queue) Refresh() { q.refresh() }

// refresh has the lanes take their options anew.
func (q *Queue) refresh() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.renew()
}
