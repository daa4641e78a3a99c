package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// delayBatch is how many messages are taken off the lanes at a time.
const delayBatch = 1000

// DelayDomain puts off all mail that is due in a domain's lanes, by what the
// next retry would wait; it is no attempt, so nobody's retries go up. note
// becomes the messages' last reply (reference/lua-api.tsv,
// msys.core.mail_queue_delay_domain). Mail that is being delivered at this
// moment, or comes in later, is not put off. It returns how many were; an error
// is that of ctx, which ended before all were.
func (q *Queue) DelayDomain(ctx context.Context, domain, note string) (int, error) {
	n := 0
	for _, l := range q.lanesOf(domain) {
		for {
			if err := ctx.Err(); err != nil {
				return n, err
			}
			taken := l.takeDue(delayBatch)
			for _, e := range taken {
				l.putOff(e, note)
			}
			if n += len(taken); len(taken) < delayBatch {
				break
			}
		}
	}
	return n, nil
}

func (q *Queue) lanesOf(domain string) []*lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*lane
	for key, l := range q.lanes {
		if key.Domain == domain {
			out = append(out, l)
		}
	}
	return out
}

// takeDue takes up to most entries that are due.
func (l *lane) takeDue(most int) []*entry {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.ripen(l.q.Clock.Now())
	var out []*entry
	for len(out) < most {
		from := l.front()
		if from == nil {
			break
		}
		out = append(out, from.pop())
	}
	l.taken += len(out)
	return out
}

// putOff gives an entry back as delayed. What cannot be written is delayed in
// memory only.
func (l *lane) putOff(e *entry, note string) {
	q := l.q
	next := q.Clock.Now().Add(q.backoffOf(l, e) + rand.N(l.opts().Fuzz+1))
	if m, err := q.read(e.id); err == nil {
		m.Next, m.LastReply = next, note
		err = q.Spool.Change(e.id, message.Encode(m))
		if err != nil {
			q.Log.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "queue",
				Text: fmt.Sprintf("message %s keeps its old state in the spool: %v", e.id, err)})
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e.due = next.UnixMilli()
	l.taken--
	l.put(e)
	l.wake()
}

func (q *Queue) backoffOf(l *lane, e *entry) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return backoff(l.opts(), int(e.retries))
}
