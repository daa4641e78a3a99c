package scriptlet

import (
	"context"
	"sync"
	"time"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// generation is one prepared configuration: its scripts, the interpreters they
// live in, and the sessions that are served by them.
type generation struct {
	mod     *Module
	host    sdk.Host
	config  sdk.Config
	options options
	limits  limits
	sources *sources
	common  *api.Shared     // what init defined
	ctx     context.Context // ends with the generation
	cancel  context.CancelFunc

	scripts      []*script
	interpreters []*interpreter
	warnings     []sdk.Problem
	shared       *sdk.Problem    // what forces one interpreter, if anything
	initialized  []*registration // whose init returned true

	mu        sync.Mutex
	sessions  map[uint64]*session
	dealt     uint
	timers    map[*timer]struct{}
	controls  []control
	schemes   map[string]authScheme
	adaptive  [][]byte // rules that scripts registered
	told      bool     // the core knows the schemes
	committed bool
	timersOff bool
	closing   bool
	work      sync.WaitGroup // timers, background functions, calls, deallocs
}

func newGeneration(m *Module, host sdk.Host, c sdk.Config, o options) *generation {
	g := &generation{
		mod: m, host: host, config: c, options: o, limits: o.limits(),
		sessions: make(map[uint64]*session),
		timers:   make(map[*timer]struct{}),
		common:   api.NewShared(m.lists),
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.sources = newSources(host, dialect.NewRuntime(dialect.Limits{MaxString: g.limits.text(), Spend: spend, Describe: operandName}))
	return g
}

// enter begins work that the generation's end waits for; false when it has
// ended.
func (g *generation) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return false
	}
	g.work.Add(1)
	return true
}

func (g *generation) leave() { g.work.Done() }

// spawn runs f on a goroutine that the generation's end waits for.
func (g *generation) spawn(f func()) {
	if !g.enter() {
		return
	}
	go func() {
		defer g.leave()
		f()
	}()
}

// commit starts what was staged.
func (g *generation) commit() {
	g.mu.Lock()
	g.committed = true
	g.mu.Unlock()
	g.startTimers()
	g.common.Commit()
}

// drainTime is how long the end of a generation waits for what is still under
// way before it cancels it.
const drainTime = 5 * time.Second

// close ends the generation: timers off, no new work, what is under way comes
// to its end or is cancelled, and then deinit.
func (g *generation) close() {
	g.stopTimers()
	g.mu.Lock()
	g.closing = true
	g.mu.Unlock()
	stop := g.mod.deps.AfterFunc(drainTime, g.cancel)
	g.work.Wait()
	stop()
	g.cancel()
	g.deinit()
	g.common.Close()
	for _, in := range g.interpreters {
		in.close()
	}
}

// hooks is what the scripts registered for.
func (g *generation) hooks() sdk.HookSet {
	var set sdk.HookSet
	for _, in := range g.interpreters {
		for h, list := range in.hooks {
			if len(list) > 0 {
				set.Add(sdk.Hook(h))
			}
		}
	}
	return set
}

// instance is the scope's label, for messages.
func (g *generation) instance() string {
	if g.options.Instance == "" {
		return sourceName
	}
	return g.options.Instance
}
