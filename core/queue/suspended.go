package queue

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// A suspended message is asked about again after these; a reload asks at once.
const (
	rebindFirst = 10 * time.Second
	rebindMost  = 10 * time.Minute
)

// laneOf is the lane a message belongs in. All suspended mail waits in one.
func laneOf(m *message.Message) Lane {
	if m.Suspended != "" {
		return Lane{Group: binding.Default, Binding: binding.Suspended, Domain: "*"}
	}
	return Lane{Group: m.BindingGroup, Binding: m.Binding, Domain: m.Domain()}
}

func (l *lane) suspended() bool { return l.key.Binding == binding.Suspended }

// hurry makes everything in the lane due.
func (l *lane) hurry() {
	for len(l.delayed) > 0 {
		e := heap.Pop(&l.delayed).(*entry)
		e.due = 0
		l.put(e)
	}
}

// rebind is the work on suspended mail: policy is asked for its binding again
// (design section 5: never dropped).
func (w *worker) rebind(ctx context.Context) {
	for b := w.Next(ctx, 0); b != nil; b = w.Next(ctx, 0) {
		for _, m := range b.Messages {
			w.rebindOne(ctx, m)
		}
	}
}

func (w *worker) rebindOne(ctx context.Context, m *message.Message) {
	e := w.open[m.ID]
	again, err := w.q.Rebind(ctx, m)
	switch {
	case ctx.Err() != nil && err != nil:
		w.release(e, (*lane).putBack)
	case err != nil:
		w.stayBack(e, m, err)
	case again == nil:
		w.finish(e)
	case again.ID != m.ID:
		w.finish(e)
		w.q.Insert(again)
	default:
		again.Retries = 0
		w.delay(e, again, time.Time{})
	}
}

// stayBack has a message wait longer.
func (w *worker) stayBack(e *entry, m *message.Message, err error) {
	pause := rebindFirst
	for i := 0; i < m.Retries && pause < rebindMost; i++ {
		pause *= 2
	}
	pause = min(pause, rebindMost)
	m.Retries++
	m.Suspended = err.Error()
	w.q.Log.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "queue",
		Text: fmt.Sprintf("message %s waits in a suspended binding, for %s now: %v", m.ID, pause, err)})
	w.delay(e, m, w.q.Clock.Now().Add(pause))
}
