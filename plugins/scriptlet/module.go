package scriptlet

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/cidr"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Deps is what the module works with. The zero value is that of a server; tests
// inject the clock.
type Deps struct {
	Version string
	// Packages is the API, api.Packages() if nil.
	Packages []api.Package
	// Missing are the documented packages that the API lacks,
	// api.MissingPackages() if nil.
	Missing []api.Missing
	// CPUs is how many interpreters "auto" may make; 0: what the cores are
	// good for.
	CPUs int
	// Interpreters, if set, is told how many processors the interpreters need,
	// at each Commit and when scripts run long: a module process sets
	// GOMAXPROCS by it.
	Interpreters func(n int)
	// Collector, if set, is told the GC percent that is good for the process,
	// when scripts begin to run long and when none does any more.
	Collector func(percent int)
	// Now is the time.
	Now func() time.Time
	// AfterFunc calls f on a goroutine of its own after d; stop keeps it from
	// being called.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
}

// Module is the scriptlet module. It is safe for concurrent use, as sdk.Module
// asks.
type Module struct {
	deps  Deps
	procs *processors
	watch *watch
	lists *cidr.Store

	asides chan struct{} // run.aside takes a place in it

	mu          sync.RWMutex
	generations map[uint64]*generation
	current     atomic.Pointer[generation]
}

// New makes the module. It must be closed.
func New(d Deps) *Module {
	if d.Packages == nil {
		d.Packages = api.Packages()
	}
	if d.Missing == nil {
		d.Missing = api.MissingPackages()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.AfterFunc == nil {
		d.AfterFunc = func(wait time.Duration, f func()) func() bool { return time.AfterFunc(wait, f).Stop }
	}
	procs := &processors{set: d.Interpreters, collector: d.Collector}
	lists := cidr.NewStore(cidr.Config{Now: d.Now, AfterFunc: d.AfterFunc})
	return &Module{
		deps: d, procs: procs, watch: startWatch(procs), lists: lists, generations: make(map[uint64]*generation),
		asides: make(chan struct{}, max(runtime.NumCPU()/2, 1)),
	}
}

var _ sdk.Module = (*Module)(nil)

// pause waits for wait, or until ctx ends.
func (d *Deps) pause(ctx context.Context, wait time.Duration) {
	over := make(chan struct{})
	stop := d.AfterFunc(wait, func() { close(over) })
	select {
	case <-over:
	case <-ctx.Done():
		stop()
	}
}

// Info describes the module.
func (m *Module) Info() sdk.Info {
	return sdk.Info{
		Name:    "scriptlet",
		Version: m.deps.Version,
		API:     sdk.APIVersion,
		Schema:  option.SchemaOf("scriptlet", options{}),
		Help:    "Runs policy scripts written in Lua.",
		Powers:  sdk.CanControl | sdk.CanAuthenticate,
	}
}

// Prepare compiles and loads the scripts of a configuration in interpreters of
// their own, and runs their init.
func (m *Module) Prepare(ctx context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	o, problems := decode(&c)
	if len(problems) > 0 {
		return sdk.Subscription{}, &sdk.PrepareError{Problems: problems}
	}
	g := newGeneration(m, host, c, o)
	m.procs.long() // compiling takes long
	if err := g.prepare(ctx); err != nil {
		g.close()
		return sdk.Subscription{}, err
	}
	m.mu.Lock()
	m.generations[c.Generation] = g
	m.mu.Unlock()
	return sdk.Subscription{Hooks: g.hooks(), Controls: g.prefixes(), Warnings: g.warnings, AuthSchemes: g.authSchemes(), AdaptiveRules: g.adaptiveRules()}, nil
}

// Commit makes a prepared generation the current one. Its timers start, and
// those of the one before it stop.
func (m *Module) Commit(generation uint64) {
	g := m.generation(generation)
	if g == nil {
		return
	}
	if old := m.current.Swap(g); old != nil {
		old.stopTimers()
	}
	g.commit()
	m.procs.commit(len(g.interpreters))
}

// Abort drops a prepared generation.
func (m *Module) Abort(generation uint64) { m.drop(generation) }

// Retire drops a committed generation after its last transaction.
func (m *Module) Retire(generation uint64) { m.drop(generation) }

func (m *Module) drop(generation uint64) {
	m.mu.Lock()
	g := m.generations[generation]
	delete(m.generations, generation)
	m.mu.Unlock()
	if g == nil {
		return
	}
	m.current.CompareAndSwap(g, nil)
	g.close()
}

// Call runs the callouts of consecutive phases.
func (m *Module) Call(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
	g := m.generation(c.Generation)
	if g == nil || !g.enter() {
		return nil, fmt.Errorf("scriptlet has no generation %d: %w", c.Generation, sdk.ErrModuleGone)
	}
	defer g.leave()
	s := g.session(c.State.Conn.Session)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.serve(ctx, s, c), nil
}

// SessionsEnded forgets sessions, and runs validate_dealloc where a script
// that defines it ran for the session.
func (m *Module) SessionsEnded(ends []sdk.SessionEnd) {
	work := make(map[*generation][]*session)
	for _, e := range ends {
		g := m.generation(e.Generation)
		if g == nil {
			continue
		}
		if s, needed := g.end(e.Session); needed {
			work[g] = append(work[g], s)
		}
	}
	for g, list := range work {
		g.spawn(func() {
			for _, s := range list {
				s.dealloc(g.ctx)
			}
		})
	}
}

// Heartbeat (sdk.Heartbeater) takes the lock of every interpreter once, and reports an interpreter
// whose lock could not be had before ctx ended: the module's heartbeat.
func (m *Module) Heartbeat(ctx context.Context) error {
	g := m.current.Load()
	if g == nil || !g.enter() {
		return nil
	}
	beat := make(chan struct{})
	go func() {
		defer g.leave()
		for _, in := range g.interpreters {
			in.mu.Lock()
			in.mu.Unlock() //nolint:staticcheck // having had it is the point
		}
		close(beat)
	}()
	select {
	case <-beat:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("an interpreter is stuck: %w", ctx.Err())
	}
}

// Close ends the module: deinit of every generation, then release.
func (m *Module) Close() error {
	m.mu.Lock()
	all := m.generations
	m.generations = make(map[uint64]*generation)
	m.mu.Unlock()
	m.current.Store(nil)
	for _, g := range all {
		g.close()
	}
	m.lists.Close()
	for i := range m.deps.Packages {
		if release := m.deps.Packages[i].Close; release != nil {
			release()
		}
	}
	m.watch.stop()
	m.procs.setting.Wait()
	return nil
}

func (m *Module) generation(n uint64) *generation {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.generations[n]
}

func (m *Module) currentGeneration() *generation { return m.current.Load() }
