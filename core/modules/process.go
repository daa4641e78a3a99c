package modules

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// process is a module in a process of its own, over all its runs.
type process struct {
	launcher
	now  func() time.Time
	next func() uint64 // a new incarnation
	what sdk.Info

	// life is held while the worlds change, and while they are replayed: one
	// token.
	life   chan struct{}
	worlds []*world

	ctx    context.Context // ends when the module is to stop
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	live     *run
	changed  chan struct{} // closed and replaced when live changes
	state    UnitState
	since    time.Time
	restarts int
}

// run is one run of the process. Sessions whose state it holds die with it.
type run struct {
	child       *child
	client      *rpc.Client
	incarnation uint64
}

// world is a generation in this module: what a new run is prepared with.
type world struct {
	cfg       sdk.Config
	host      sdk.Host // a recorder
	committed bool
}

// newProcess starts the module for the first time; a failure is the caller's to
// report.
func newProcess(l launcher, now func() time.Time, next func() uint64) (*process, error) {
	p := &process{
		launcher: l, now: now, next: next,
		life:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
	}
	r, err := p.startRun()
	if err != nil {
		return nil, err
	}
	p.what = r.client.Info()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.publish(r)
	go p.supervise(r)
	return p, nil
}

func (p *process) startRun() (*run, error) {
	c, err := p.start()
	if err != nil {
		return nil, err
	}
	return &run{child: c, client: c.client, incarnation: p.next()}, nil
}

func (p *process) info() sdk.Info { return p.what }

// publish makes r the run that calls go to; nil: there is none.
func (p *process) publish(r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = r
	if p.state = Restarting; r != nil {
		p.state, p.since = Running, p.now()
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// find gives the run that a session's call goes to, and waits for one where
// the session has no state yet. One that has state in another run has lost it.
func (p *process) find(ctx context.Context, incarnation uint64) (*run, error) {
	for {
		p.mu.Lock()
		r, changed, state := p.live, p.changed, p.state
		p.mu.Unlock()
		if r != nil && isGone(r.client) {
			r = nil
		}
		switch {
		case state == Stopped:
			return nil, fmt.Errorf("module %q has ended: %w", p.spec.Name, sdk.ErrModuleGone)
		case incarnation != 0 && (r == nil || r.incarnation != incarnation):
			return nil, fmt.Errorf("module %q was restarted: %w", p.spec.Name, sdk.ErrModuleGone)
		case r != nil:
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("module %q is being restarted: %w", p.spec.Name, ctx.Err())
		}
	}
}

func isGone(c *rpc.Client) bool {
	select {
	case <-c.Gone():
		return true
	default:
		return false
	}
}

// ask runs f on the live run, and on its successor where the first has not
// seen the question.
func ask[T any](ctx context.Context, p *process, seat *validate.Seat, f func(c *rpc.Client) (T, error)) (T, error) {
	for {
		r, err := p.find(ctx, seat.Incarnation)
		if err != nil {
			var none T
			return none, err
		}
		out, err := f(r.client)
		if errors.Is(err, rpc.ErrUnsent) {
			continue
		}
		seat.Incarnation = r.incarnation
		return out, err
	}
}

// call is ask without its stack and its closure: each session that waits for
// policy stands here.
func (p *process) call(ctx context.Context, c *sdk.Call, seat *validate.Seat) (*sdk.Answer, error) {
	for {
		r, err := p.find(ctx, seat.Incarnation)
		if err != nil {
			return nil, err
		}
		a, err := r.client.Call(ctx, c)
		if !errors.Is(err, rpc.ErrUnsent) {
			seat.Incarnation = r.incarnation
			return a, err
		}
	}
}

func (p *process) query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	return ask(ctx, p, &validate.Seat{}, func(client *rpc.Client) (*sdk.Rows, error) { return client.Query(ctx, q) })
}

func (p *process) control(ctx context.Context, words []string) (string, error) {
	return ask(ctx, p, &validate.Seat{}, func(client *rpc.Client) (string, error) { return client.Control(ctx, words) })
}

// ended has nothing to tell a run that never saw the session.
func (p *process) ended(end sdk.SessionEnd, seat validate.Seat) {
	p.mu.Lock()
	r := p.live
	p.mu.Unlock()
	if r != nil && r.incarnation == seat.Incarnation {
		r.client.SessionsEnded([]sdk.SessionEnd{end})
	}
}

func (p *process) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Isolation: InProcess, State: p.state, Since: p.since, Restarts: p.restarts}
	if p.live != nil {
		s.PID, s.Incarnation = p.live.child.cmd.Process.Pid, p.live.incarnation
	}
	return s
}

func (p *process) stop() {
	p.cancel()
	<-p.done
}
