package core

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mtad/mtad/conf/repo"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// health counts how mail fares since the start, for judging a new revision of the
// configuration. `summary reset` leaves it alone.
type health struct {
	accepted, temporary, permanent, scriptErrors atomic.Int64

	following sync.WaitGroup
	stop      context.CancelFunc
}

// scriptError is the source of one paniclog entry of each error of a script
// (reference/logs.md, paniclog).
const scriptError = "scriptlet-00239"

func (h *health) logged(r *sdk.LogRecord) {
	if r.Source == scriptError {
		h.scriptErrors.Add(1)
	}
}

func (h *health) refused(r *smtp.Reply) {
	switch {
	case r == nil:
	case r.Code < 500:
		h.temporary.Add(1)
	default:
		h.permanent.Add(1)
	}
}

func (h *health) counts() repo.Health {
	return repo.Health{
		Accepted: h.accepted.Load(), Temporary: h.temporary.Load(), Permanent: h.permanent.Load(), ScriptErrors: h.scriptErrors.Load(),
	}
}

// startFollow begins to follow the repository, once all listeners answer. It is
// the last part to start, and so the first to stop: nothing reloads while the
// server drains.
func (c *Core) startFollow(context.Context) error {
	f := c.opt.Follow
	if f == nil {
		return nil
	}
	f.Health, f.Say = c.health.counts, func(text string) {
		c.logs.Panic(sdk.LogRecord{Level: sdk.LevelWarning, Source: "eccfg", Text: text})
	}
	f.Reload = func(ctx context.Context) error {
		_, err := c.Reload(ctx)
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.health.stop = cancel
	c.health.following.Go(func() { f.Run(ctx) })
	return nil
}

func (c *Core) stopFollow() {
	if c.health.stop != nil {
		c.health.stop()
		c.health.following.Wait()
	}
}
