package queue

import (
	"container/heap"
	"sync/atomic"
	"time"
)

// lane is one queue: what is due now, in order, and what waits for its time.
// All of it is guarded by Queue.mu.
type lane struct {
	q       *Queue
	key     Lane
	high    fifo // due, priority 1
	normal  fifo // due, priority 0
	delayed dueHeap
	taken   int // entries that workers have
	workers int
	idle    []*rest // workers that wait for mail
	timer   Timer
	rings   time.Time // when timer does; zero: it is not set
	options atomic.Pointer[Options]
	blocked time.Time // no connection before this
	paced   time.Time // no message before this: the rate is used up
	outage  outage
	down    atomic.Bool // there is an outage; for a look without the lock
	held    time.Time   // likewise, by a limit of the host
	heldBy  Share
	shares  []*share // that its connections count in; set by counted
	waits   *waiting // for a place in a share
}

// opts are the lane's options, resolved once a configuration.
func (l *lane) opts() *Options {
	o := l.options.Load()
	if o == nil {
		o = l.q.underHolds(l.key, l.q.OptionsFor(l.key))
		l.options.Store(o)
	}
	return o
}

func (l *lane) active() int { return l.high.len() + l.normal.len() }

func (l *lane) empty() bool {
	return l.active() == 0 && len(l.delayed) == 0 && l.taken == 0 && l.workers == 0
}

// put files an entry by its time and priority.
func (l *lane) put(e *entry) {
	switch {
	case e.due > l.q.Clock.Now().UnixMilli():
		heap.Push(&l.delayed, e)
	case e.high:
		l.high.push(e)
	default:
		l.normal.push(e)
	}
}

// putBack returns an entry that was taken and not attempted to the front.
func (l *lane) putBack(e *entry) {
	if e.high {
		l.high.unshift(e)
		return
	}
	l.normal.unshift(e)
}

// ripen moves what has become due from the delayed to the active queue.
func (l *lane) ripen(now time.Time) {
	for len(l.delayed) > 0 && l.delayed[0].due <= now.UnixMilli() {
		l.put(heap.Pop(&l.delayed).(*entry))
	}
}

// front is the queue to take from next: priority 1 first, from the active and
// so also from the delayed queue, whose due entries ripened into it.
func (l *lane) front() *fifo {
	if l.high.len() > 0 {
		return &l.high
	}
	if l.normal.len() > 0 {
		return &l.normal
	}
	return nil
}

// perWorker is how many due messages justify another connection.
const perWorker = 10

// wake gives due mail to idle workers, starts further ones, and sets the timer
// for what is not due yet.
func (l *lane) wake() {
	if l.q.accept.Err() != nil {
		return
	}
	now := l.q.Clock.Now()
	l.ripen(now)
	o := l.opts()
	if o.Suspend {
		return
	}
	if now.Before(l.held) {
		l.alarm(l.held.Sub(now))
		return
	}
	if now.Before(l.paced) {
		l.alarm(l.paced.Sub(now))
		return
	}
	waiting := l.active()
	for waiting > 0 && len(l.idle) > 0 {
		l.idle[len(l.idle)-1].end()
		waiting -= perWorker
	}
	if now.Before(l.blocked) {
		l.alarm(l.blocked.Sub(now))
		return
	}
	for l.mayStart(now) && l.start(now) {
	}
	if len(l.delayed) > 0 {
		l.alarm(time.UnixMilli(l.delayed[0].due).Sub(now))
	}
}

// mayStart reports that the lane has mail for a further connection, and that
// nothing of its own holds it.
func (l *lane) mayStart(now time.Time) bool {
	o := l.opts()
	return l.q.accept.Err() == nil && !l.probing() && !o.Suspend && !now.Before(l.blocked) && !now.Before(l.held) &&
		l.workers < int(o.MaxConnections) && l.workers*perWorker < l.active()
}

// start begins one worker if the connection limits allow it.
func (l *lane) start(now time.Time) bool {
	if full := l.full(); full != nil {
		full.queue(l)
		return false
	}
	return l.begin(now)
}

// begin begins one worker if the rate of connections allows it.
func (l *lane) begin(now time.Time) bool {
	if wait, ok := l.q.ramp.take(now); !ok {
		l.alarm(wait)
		return false
	}
	if wait, ok := l.opts().Connections.Take(now, 1); !ok {
		l.alarm(wait)
		return false
	}
	l.count(+1)
	l.q.running.Add(1)
	go l.work()
	return true
}

// alarm has the lane look again after d, or before where it is to already: a
// rate that opens soon must not wait for a retry that is due later.
func (l *lane) alarm(d time.Duration) {
	d = max(d, time.Millisecond)
	at := l.q.Clock.Now().Add(d)
	if !l.rings.IsZero() && !l.rings.After(at) {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.rings = at
	l.timer = l.q.Clock.AfterFunc(d, func() {
		l.q.mu.Lock()
		defer l.q.mu.Unlock()
		if l.rings.Equal(at) {
			l.rings = time.Time{}
		}
		l.wake()
	})
}

// halt ends what waits in the lane: its timer and its idle workers.
func (l *lane) halt() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	for len(l.idle) > 0 {
		l.idle[len(l.idle)-1].end()
	}
}

// fifo is a queue of entries that can also be pushed back at the front.
type fifo struct {
	items []*entry
	head  int
}

func (f *fifo) len() int { return len(f.items) - f.head }

func (f *fifo) peek() *entry { return f.items[f.head] }

func (f *fifo) push(e *entry) {
	if f.head > 64 && f.head*2 > len(f.items) {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, e)
}

func (f *fifo) pop() *entry {
	e := f.items[f.head]
	f.items[f.head] = nil
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	return e
}

func (f *fifo) unshift(e *entry) {
	if f.head > 0 {
		f.head--
		f.items[f.head] = e
		return
	}
	f.items = append([]*entry{e}, f.items...)
}

// dueHeap orders entries by time, priority 1 first among equals.
type dueHeap []*entry

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].high && !h[j].high
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is part of heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(*entry)) }

// Pop is part of heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
