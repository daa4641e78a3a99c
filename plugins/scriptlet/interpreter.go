package scriptlet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
)

// interpreter is one Lua world of one generation: its globals, its loaded
// scripts, and the lock that is held only while Lua runs in it. Whoever waits
// inside Lua gives the lock up, so that any number of hooks can be suspended in
// one interpreter, each on its own goroutine and its own Lua thread.
type interpreter struct {
	gen   *generation
	index int
	watch *watch
	env   *api.Env
	start time.Time

	mu      sync.Mutex
	longs   sync.Mutex // whoever has run long takes it before mu
	waiters atomic.Int32
	running atomic.Pointer[run] // who has the lock, for the watchdog

	base    *lua.LState // the world; runs no Lua itself
	threads *threadMaker
	idle    []*thread
	counts  threadCounts
	closed  chan struct{} // what Done gives to a run that must stop
	bare    *lua.LFunction
	traced  *lua.LFunction
	ended   func(*lua.LState) // LState.Panic of coroutines

	upvalues upvalues

	limits        limits
	registry      *api.Registry
	loaded        *lua.LTable // package.loaded
	requires      map[string]*loading
	missing       map[string]string // what require says of a script that is not there
	registrations []*registration
	hooks         [sdk.HookCount][]*callout
}

// maxIdle is how many unused threads an interpreter keeps.
const maxIdle = 64

// The size of a thread's value stack: it begins small, because thousands may
// be suspended, and grows as far as unpack may need.
const (
	registrySize = 32
	registryGrow = 64
	registryMax  = 1 << 16
)

// capArrays sets gopher-lua's one bound on the array part of tables, which is
// a variable of that package.
var capArrays = sync.OnceFunc(func() { lua.MaxArrayIndex = maxArray })

func newInterpreter(g *generation, index int) *interpreter {
	capArrays()
	in := &interpreter{
		gen: g, index: index, watch: g.mod.watch, start: time.Now(),
		closed: make(chan struct{}), limits: g.limits, requires: make(map[string]*loading), missing: make(map[string]string),
	}
	close(in.closed)
	in.base = lua.NewState(lua.Options{
		SkipOpenLibs:        true,
		RegistrySize:        registrySize,
		RegistryGrowStep:    registryGrow,
		RegistryMaxSize:     registryMax,
		CallStackSize:       max(g.limits.depth, 20),
		MinimizeStackMemory: true,
	})
	in.threads = newThreadMaker(in.base)
	in.base.G.MainThread = in.base
	in.base.G.CurrentThread = in.base
	in.upvalues = newUpvalues()
	in.bare = in.base.NewFunction(in.protector(raiseBare))
	in.traced = in.base.NewFunction(in.protector(raiseTraced))
	in.ended = raiseIn(in)
	in.env = &api.Env{World: in}
	in.openLibraries()
	in.registry = api.Install(in.base, in.env, g.mod.deps.Packages, g.mod.deps.Missing)
	in.watch.add(in)
	return in
}

// close forgets the interpreter. No run may be under way.
func (in *interpreter) close() { in.watch.remove(in) }

// clock is the time that limits are measured in.
func (in *interpreter) clock() time.Duration { return time.Since(in.start) }

// newThread makes a Lua thread that obeys our limits. The base state has no
// context, so gopher-lua derives none from it.
func (in *interpreter) newThread() *thread {
	in.counts.created++
	L := in.threads.make()
	t := &thread{L: L, in: in}
	L.SetContext(t)
	L.Panic = raiseTraced
	in.upvalues.keep(L)
	return t
}

// begin makes a run. The caller acquires the interpreter for it.
func (in *interpreter) begin(ctx context.Context, l limits) *run {
	r := &run{in: in, ctx: ctx}
	r.rearm(l)
	return r
}

// enter takes the interpreter for r and gives it a thread.
func (in *interpreter) enter(r *run) *thread {
	in.acquire(r, nil)
	t := in.thread(r)
	return t
}

// thread gives r an unused thread. The lock is held.
func (in *interpreter) thread(r *run) *thread {
	var t *thread
	if n := len(in.idle); n > 0 {
		t, in.idle[n-1] = in.idle[n-1], nil
		in.idle = in.idle[:n-1]
		in.counts.reused++
	} else {
		t = in.newThread()
	}
	t.run = r
	t.L.Env = in.base.G.Global
	in.base.G.CurrentThread = t.L
	return t
}

// leave gives the thread and the interpreter back, and starts what the run
// left to be done. t is nil where an error broke it.
func (in *interpreter) leave(r *run, t *thread) {
	if t != nil && len(in.idle) < maxIdle {
		t.run, t.trace = nil, ""
		in.idle = append(in.idle, t)
	}
	in.release(r)
	for _, fn := range r.after {
		in.gen.spawn(func() { in.background(fn) })
	}
}

// discard empties a thread that an error has left as it was. Closures that it
// made may live on, and would keep all that is on its stack, and by its run all
// threads that came after it.
func (t *thread) discard() {
	if t.in.upvalues.known {
		t.in.upvalues.closeFrom(t.L, 0)
		t.in.threads.wipe(t.L)
	}
	t.run = nil
}

// call runs fn on t. After an error t must not be used again.
func (t *thread) call(fn *lua.LFunction, args ...lua.LValue) (result lua.LValue, err *luaError) {
	L := t.L
	defer func() {
		if rec := recover(); rec != nil {
			result, err = lua.LNil, caught(L, rec)
		}
		if d := t.run.dead; d != nil && err == nil {
			err = &luaError{text: innermost(L) + d.text}
		}
		if err != nil {
			t.discard()
		}
	}()
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(len(args), 1)
	result = L.Get(-1)
	L.SetTop(0)
	return result, nil
}

// execute runs fn to its end as a run of its own.
func (in *interpreter) execute(r *run, fn *lua.LFunction, args ...lua.LValue) (lua.LValue, *luaError) {
	t := in.enter(r)
	result, err := t.call(fn, args...)
	if err != nil {
		t = nil
	}
	in.leave(r, t)
	return result, err
}

// background runs what World.Go was given.
func (in *interpreter) background(fn *lua.LFunction) {
	r := in.begin(in.gen.ctx, in.limits)
	if _, err := in.execute(r, fn); err != nil {
		in.gen.reportError("runInPool", "background", err)
	}
}
