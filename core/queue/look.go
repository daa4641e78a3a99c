package queue

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core/message"
)

// LaneView is a lane as it is at a moment.
type LaneView struct {
	Lane
	Active      int // due, those that connections have included
	Delayed     int
	Delivering  int // that connections have
	Connections int
	Figures     Figures
	Gates       []Gate // what holds the lane, the first first; set by Explain
}

// Lanes are the selected lanes that hold mail or have figures, by binding and
// domain. Match is not looked at.
func (q *Queue) Lanes(s *Selection) []LaneView {
	views := map[Lane]*LaneView{}
	q.figures.each(func(key Lane, n Figures) {
		if s.covers(key, false) {
			views[key] = &LaneView{Lane: key, Figures: n}
		}
	})
	q.mu.Lock()
	for key, l := range q.lanes {
		if !s.covers(key, false) {
			continue
		}
		v := views[key]
		if v == nil {
			v = &LaneView{Lane: key}
			views[key] = v
		}
		v.Active, v.Delayed, v.Delivering, v.Connections = l.active()+l.taken, len(l.delayed), l.taken, l.workers
	}
	q.mu.Unlock()
	out := make([]LaneView, 0, len(views))
	for _, v := range views {
		out = append(out, *v)
	}
	slices.SortFunc(out, func(a, b LaneView) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Binding, b.Binding), strings.Compare(a.Domain, b.Domain))
	})
	return out
}

// State is where in its lane a message is.
type State uint8

// The states.
const (
	StateActive State = iota
	StateDelayed
	StateDelivering
)

var stateNames = [...]string{StateActive: "active", StateDelayed: "delayed", StateDelivering: "delivering"}

// String is the console's word.
func (s State) String() string { return stateNames[s] }

// Item is a queued message in a list.
type Item struct {
	*message.Message
	State State
	Lane  Lane
}

// listed is an entry with its state.
type listed struct {
	e     *entry
	state State
}

// maxPage bounds what one page looks at.
const maxPage = 10_000

// Page lists selected messages from offset on, at most limit: what is due in
// the order it goes out, then what is delayed, the soonest first, lane by lane.
// total is how many there are. Match is not looked at. What a connection has at
// this moment is not listed. offset and limit together are at most 10,000.
func (q *Queue) Page(s *Selection, offset, limit int) (items []Item, total int) {
	offset = max(0, min(offset, maxPage))
	limit = max(0, min(limit, maxPage-offset))
	found, total := q.page(s, offset+limit)
	for _, f := range found[min(offset, len(found)):] {
		if m, err := q.read(f.e.id); err == nil {
			items = append(items, Item{m, f.state, f.e.lane.key})
		}
	}
	return items, total
}

func (q *Queue) page(s *Selection, most int) (out []listed, total int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var keys []Lane
	for key := range q.lanes {
		if s.covers(key, false) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Lane) int {
		return cmp.Or(strings.Compare(a.Binding, b.Binding), strings.Compare(a.Domain, b.Domain), strings.Compare(a.Group, b.Group))
	})
	for _, key := range keys {
		l := q.lanes[key]
		total += l.active() + len(l.delayed)
		for _, f := range []*fifo{&l.high, &l.normal} {
			for _, e := range f.items[f.head:min(len(f.items), f.head+most-len(out))] {
				out = append(out, listed{e, StateActive})
			}
		}
		for _, e := range l.delayed.soonest(most - len(out)) {
			out = append(out, listed{e, StateDelayed})
		}
	}
	return out, total
}

// before counts the entries that are due no later than e.
func (h dueHeap) before(e *entry) (n int) {
	for _, other := range h {
		if other != e && other.due <= e.due {
			n++
		}
	}
	return n
}

// soonest are the n entries that are due first, in order. It walks the heap
// from its top, so that its cost depends on n alone.
func (h dueHeap) soonest(n int) []*entry {
	var out []*entry
	if n <= 0 || len(h) == 0 {
		return out
	}
	edge := &frontier{heap: h, at: []int{0}}
	for len(out) < n && len(edge.at) > 0 {
		i := heap.Pop(edge).(int)
		out = append(out, h[i])
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			heap.Push(edge, child)
		}
	}
	return out
}

// frontier orders places in a dueHeap as it orders its entries.
type frontier struct {
	heap dueHeap
	at   []int
}

func (f *frontier) Len() int           { return len(f.at) }
func (f *frontier) Less(i, j int) bool { return f.heap.Less(f.at[i], f.at[j]) }
func (f *frontier) Swap(i, j int)      { f.at[i], f.at[j] = f.at[j], f.at[i] }

// Push is part of heap.Interface.
func (f *frontier) Push(x any) { f.at = append(f.at, x.(int)) }

// Pop is part of heap.Interface.
func (f *frontier) Pop() any {
	last := len(f.at) - 1
	x := f.at[last]
	f.at = f.at[:last]
	return x
}

// Place is where a message waits.
type Place struct {
	State State
	Lane  Lane
	Ahead int       // messages of its lane that are due before it
	Due   time.Time // of what is delayed; zero: now
}

// Find gives a queued message and where it waits. ErrNoMessage: it is not in the
// queue.
func (q *Queue) Find(id string) (*message.Message, Place, error) {
	p, ok := q.place(id)
	if !ok {
		return nil, p, ErrNoMessage
	}
	m, err := q.read(id)
	return m, p, err
}

func (q *Queue) place(id string) (Place, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[id]
	if e == nil {
		return Place{}, false
	}
	l := e.lane
	p := Place{State: StateDelivering, Lane: l.key}
	if i := l.high.index(e); i >= 0 {
		p.State, p.Ahead = StateActive, i
	} else if i := l.normal.index(e); i >= 0 {
		p.State, p.Ahead = StateActive, l.high.len()+i
	} else if slices.Contains(l.delayed, e) {
		p.State, p.Due = StateDelayed, time.UnixMilli(e.due)
		p.Ahead = l.active() + l.delayed.before(e)
		if !p.Due.After(q.Clock.Now()) {
			p.State, p.Due = StateActive, time.Time{} // it ripens when the lane looks next
		}
	}
	return p, true
}
