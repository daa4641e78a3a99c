package queue

import (
	"sync"
	"time"

	"github.com/mtad/mtad/core/message"
)

// Event is what Figures count.
type Event uint8

// The events.
const (
	EventReceived Event = iota
	EventDelivered
	EventTransient
	EventFailed
	eventCount
)

// Figures are what a lane has seen since the start, or since they were reset.
type Figures [eventCount]int64

// maxFigures bounds the lanes that are counted on their own; what others see is
// counted for their binding as a whole.
const maxFigures = 50_000

// figures count by lane. The zero value counts from the first event on.
type figures struct {
	mu    sync.Mutex
	since time.Time
	lanes map[Lane]*Figures
}

func (f *figures) add(key Lane, what Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.lanes[key]
	if n == nil && len(f.lanes) >= maxFigures {
		key.Domain = ""
		n = f.lanes[key]
	}
	if n == nil {
		if f.lanes == nil {
			f.lanes = map[Lane]*Figures{}
		}
		n = &Figures{}
		f.lanes[key] = n
	}
	n[what]++
}

func (f *figures) reset(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lanes, f.since = nil, now
}

// each calls do for every lane that has figures.
func (f *figures) each(do func(key Lane, n Figures)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, n := range f.lanes {
		do(key, *n)
	}
}

// Received counts a message that was accepted, for the figures of its lane.
func (q *Queue) Received(m *message.Message) { q.figures.add(laneOf(m), EventReceived) }

// ResetFigures sets the lanes' figures to zero.
func (q *Queue) ResetFigures() { q.figures.reset(q.Clock.Now()) }

// FiguresSince is how long the lanes' figures have been counted.
func (q *Queue) FiguresSince() time.Duration {
	q.figures.mu.Lock()
	defer q.figures.mu.Unlock()
	return q.Clock.Now().Sub(q.figures.since)
}
