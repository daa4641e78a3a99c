package core

import (
	"context"
	"time"

	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// suppressionList takes the suppression_list scope; the last one counts.
func (s *settings) suppressionList(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, scope := range root.Children("suppression_list") {
		o := &bounce.SuppressionOptions{}
		bad = append(bad, option.Decode(scope, o)...)
		bad = append(bad, o.Check(instances(root, "datasource"))...)
		if o.Complaints && (s.returned.fbl == nil || s.returned.fbl.Options.HeaderKey == "") {
			bad = append(bad, option.Problem{Pos: posOf(scope, "complaints"), Text: "complaints needs an fbl scope with header_key: without its digest anybody could put addresses on the list"})
		}
		s.suppression = o
	}
	return bad
}

func (c *Core) newSuppression() *bounce.Suppression {
	return &bounce.Suppression{
		Query:   func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) { return c.modules.Query(ctx, q) },
		Problem: c.problem("suppression_list"),
	}
}

// suppressionTick is how often the list is looked after.
const suppressionTick = time.Second

// startSuppression reads the list, and again when it is due.
func (c *Core) startSuppression(ctx context.Context) error {
	c.suppression.Use(ctx, c.settings.Load().suppression, time.Now())
	life, cancel := context.WithCancel(context.Background())
	c.suppressing = caretaker{cancel, make(chan struct{})}
	go func() {
		defer close(c.suppressing.done)
		used := c.settings.Load()
		tick := time.NewTicker(suppressionTick)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				if s := c.settings.Load(); s != used {
					used = s
					c.suppression.Use(life, s.suppression, now)
				} else if c.suppression.Due(now) {
					c.suppression.Reload(life, now)
				}
			case <-life.Done():
				return
			}
		}
	}()
	return nil
}

func (c *Core) stopSuppression() {
	c.suppressing.stop()
	<-c.suppressing.done
}

// caretaker is a goroutine that is told to stop; what it waits for then ends too.
type caretaker struct {
	stop context.CancelFunc
	done chan struct{}
}

// unsuppressed is a lane's mail without that to suppressed addresses, which fails
// before anything is sent.
type unsuppressed struct {
	queue.Source
	list *bounce.Suppression
}

// Next is part of queue.Source.
func (u unsuppressed) Next(ctx context.Context, idle time.Duration) *queue.Batch {
	for {
		b := u.Source.Next(ctx, idle)
		if b == nil {
			return nil
		}
		var keep []*message.Message
		for _, m := range b.Messages {
			if u.list.Has(m.Recipient) {
				u.Settle(m, queue.Result{Verdict: queue.PermanentFailure, Reply: bounce.ReplySuppressed})
			} else {
				keep = append(keep, m)
			}
		}
		if len(keep) > 0 {
			return &queue.Batch{Messages: keep}
		}
	}
}
