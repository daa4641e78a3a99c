package queue

import (
	"container/heap"
	"context"
	"strings"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// Selection says which queued messages an order is about. The zero Selection
// is all of them.
type Selection struct {
	Domain  string // the domain whose queue they are in; "": any
	Binding string // "": any
	Group   string // binding group; "": any
	// Match looks at each message that the rest selects; nil: all are meant.
	// What cannot be told is an error, and the message is left alone.
	Match func(m *message.Message) (bool, error)

	due bool // only what is due
}

// covers reports whether the lane may hold selected mail. All suspended mail is
// in one lane, so there each message is looked at.
func (s *Selection) covers(key Lane, suspended bool) bool {
	if s.Binding != "" && s.Binding != key.Binding || s.Group != "" && s.Group != key.Group {
		return false
	}
	return s.Domain == "" || suspended || strings.EqualFold(s.Domain, key.Domain)
}

// candidates copies what waits in the lanes that a selection covers: 8 bytes a
// message, so that the lock is held for milliseconds where there are a million.
// busy is how many more a connection has at this moment.
func (q *Queue) candidates(s *Selection) (found []*entry, busy int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var lanes []*lane
	now, n := q.Clock.Now(), 0
	for key, l := range q.lanes {
		if s.covers(key, l.suspended()) {
			l.ripen(now)
			lanes = append(lanes, l)
			n += l.active() + len(l.delayed)
			busy += l.taken
		}
	}
	found = make([]*entry, 0, n)
	for _, l := range lanes {
		found = append(found, l.high.items[l.high.head:]...)
		found = append(found, l.normal.items[l.normal.head:]...)
		if !s.due {
			found = append(found, l.delayed...)
		}
	}
	return found, busy
}

// selected are the entries that a selection means, and how many a connection
// has at this moment. An error is that of ctx.
func (q *Queue) selected(ctx context.Context, s *Selection) (found []*entry, busy int, err error) {
	all, busy := q.candidates(s)
	found = all[:0]
	for _, e := range all {
		if err := ctx.Err(); err != nil {
			return nil, busy, err
		}
		if s.Match == nil && (s.Domain == "" || !e.lane.suspended()) || q.matches(s, e) {
			found = append(found, e)
		}
	}
	return found, busy, nil
}

// matches looks at one message. One that has gone meanwhile is not meant.
func (q *Queue) matches(s *Selection, e *entry) bool {
	m, err := q.read(e.id)
	if err != nil || s.Domain != "" && !strings.EqualFold(s.Domain, m.Domain()) {
		return false
	}
	if s.Match == nil {
		return true
	}
	ok, err := s.Match(m)
	if err != nil {
		q.Log.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "queue", Text: "message " + e.id + " is left out: " + err.Error()})
	}
	return ok && err == nil
}

// claim takes those of the entries off their lanes that still wait there.
func (q *Queue) claim(wanted []*entry) []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	lanes := map[*lane]bool{}
	for _, e := range wanted {
		e.taken, lanes[e.lane] = true, true
	}
	var got []*entry
	for l := range lanes {
		got = l.pull(got)
	}
	for _, e := range wanted {
		e.taken = false
	}
	return got
}

// pull moves the marked entries out of the lane, behind out.
func (l *lane) pull(out []*entry) []*entry {
	before := len(out)
	out = l.normal.pull(l.high.pull(out))
	kept := l.delayed[:0]
	for _, e := range l.delayed {
		if e.taken {
			out = append(out, e)
			continue
		}
		kept = append(kept, e)
	}
	if len(kept) < len(l.delayed) {
		clear(l.delayed[len(kept):])
		l.delayed = kept
		heap.Init(&l.delayed)
	}
	l.taken += len(out) - before
	return out
}

// pull moves the marked entries out of the queue, behind out.
func (f *fifo) pull(out []*entry) []*entry {
	kept := f.items[:0]
	for _, e := range f.items[f.head:] {
		if e.taken {
			out = append(out, e)
			continue
		}
		kept = append(kept, e)
	}
	clear(f.items[len(kept):])
	f.items, f.head = kept, 0
	return out
}
