package modules

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// local is a module inside the core (isolation = "core"): the same calls
// without a hop. There is no killing it, and a stack overflow or running out of
// memory ends the core.
type local struct {
	module      sdk.Module
	what        sdk.Info
	host        sdk.Host
	incarnation uint64
	since       time.Time

	life sync.Mutex // Prepare, Commit, Abort, Retire: one at a time

	mu      sync.Mutex
	ends    []sdk.SessionEnd
	stopped bool
	wake    chan struct{}
	done    chan struct{}
	closing sync.Once
}

func newLocal(module sdk.Module, host sdk.Host, incarnation uint64, since time.Time) *local {
	l := &local{
		module: module, what: module.Info(), host: host, incarnation: incarnation, since: since,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go l.tellEnds()
	return l
}

func (l *local) info() sdk.Info { return l.what }

func (l *local) prepare(ctx context.Context, cfg sdk.Config) (sdk.Subscription, error) {
	l.life.Lock()
	defer l.life.Unlock()
	return l.module.Prepare(ctx, l.host, cfg)
}

func (l *local) settle(step rpc.Step, generation uint64) {
	l.life.Lock()
	defer l.life.Unlock()
	switch step {
	case rpc.StepCommit:
		l.module.Commit(generation)
	case rpc.StepAbort:
		l.module.Abort(generation)
	case rpc.StepRetire:
		l.module.Retire(generation)
	}
}

// call gives the module a state of its own, as the wire would. A panic of the
// module's is an error of this call: there is no process that could die for it.
func (l *local) call(ctx context.Context, c *sdk.Call, seat *validate.Seat) (a *sdk.Answer, err error) {
	if seat.Incarnation != 0 && seat.Incarnation != l.incarnation {
		return nil, sdk.ErrModuleGone
	}
	seat.Incarnation = l.incarnation
	own := *c
	own.State = c.State.Clone()
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return l.module.Call(ctx, &own)
}

// ended never waits for the module: a session's end is one way.
func (l *local) ended(end sdk.SessionEnd, seat validate.Seat) {
	if seat.Incarnation != l.incarnation {
		return
	}
	l.mu.Lock()
	l.ends = append(l.ends, end)
	l.mu.Unlock()
	l.nudge()
}

func (l *local) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *local) tellEnds() {
	defer close(l.done)
	for range l.wake {
		l.mu.Lock()
		ends, stopped := l.ends, l.stopped
		l.ends = nil
		l.mu.Unlock()
		if len(ends) > 0 {
			l.module.SessionsEnded(ends)
		}
		if stopped {
			return
		}
	}
}

func (l *local) query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	if m, ok := l.module.(sdk.Querier); ok {
		return m.Query(ctx, q)
	}
	return nil, sdk.ErrNotSupported
}

func (l *local) control(ctx context.Context, words []string) (string, error) {
	if m, ok := l.module.(sdk.Controller); ok {
		return m.Control(ctx, words)
	}
	return "", sdk.ErrNotSupported
}

func (l *local) status() Status {
	return Status{Isolation: InCore, State: Running, PID: os.Getpid(), Incarnation: l.incarnation, Since: l.since}
}

func (l *local) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.nudge()
	<-l.done
	// A module that could not undo something has said so itself.
	l.closing.Do(func() { _ = l.module.Close() })
}
