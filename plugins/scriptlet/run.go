package scriptlet

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// maxArgs is how many arguments a callout has at the most, self included.
const maxArgs = 8

// run is one use of an interpreter on somebody's behalf: a call of the core
// with its callouts, a timer, a console command, a load. It is used by one
// goroutine, which holds the interpreter's lock while it touches it; the
// watchdog sees the atomics only.
type run struct {
	in     *interpreter
	ctx    context.Context
	limits limits
	frame  *api.Frame
	thread *thread             // of a call of the core
	sess   *session            // nil outside of sessions
	script *script             // while it loads
	out    *strings.Builder    // print goes here; nil: to the paniclog
	after  []*lua.LFunction    // World.Go: to start once the run has unwound
	args   [maxArgs]lua.LValue // scratch

	steps      int // until the next look at the clock
	interval   int // what steps begins with; less where steps take long
	looked     time.Duration
	poked      atomic.Uint32 // by the watchdog: pokes
	dead       *limitError
	spent      time.Duration // Lua time before the present slice
	sliceStart time.Duration // 0: the clock was not read since the lock was taken
	deadline   time.Duration // of the wall limit; 0: the clock was not read yet
	coroutines int
	failed     bool // the callout under way did
	lane       bool // it has interpreter.longs

	memory   atomic.Int64 // the limit, for the watchdog
	grown    atomic.Int64 // bytes the heap grew while this run had the lock
	liveBase atomic.Int64 // live heap when the watchdog first saw this run
}

// rearm gives the next callout of the same run its own budget.
func (r *run) rearm(l limits) {
	if r.limits.memory != l.memory {
		r.memory.Store(l.memory)
	}
	r.limits = l
	r.steps, r.interval = stepsPerCheck, stepsPerCheck
	r.dead = nil
	r.spent, r.sliceStart, r.deadline = 0, 0, 0
	r.coroutines = 0
	if r.liveBase.Load() != 0 {
		r.liveBase.Store(0)
		r.grown.Store(0)
		r.poked.Store(0)
	}
}

// What the watchdog may want of a run.
const (
	pokeMemory = 1 << iota // the heap has grown by more than the limit
	pokeClock              // a while has passed: look at the clock, whatever the steps say
)

// check looks at the clock and every limit, lets others have the interpreter,
// and reports whether the run must stop.
func (r *run) check(L *lua.LState) bool {
	r.steps = r.interval
	if r.dead != nil {
		return true
	}
	now := r.in.clock()
	if r.sliceStart == 0 {
		r.sliceStart = now
	} else {
		r.adapt(now - r.looked)
	}
	r.looked = now
	if r.deadline == 0 {
		r.deadline = now + r.limits.wall
	}
	poked := r.poked.And(^uint32(pokeClock))
	switch {
	case r.spent+now-r.sliceStart > r.limits.cpu:
		r.dead = cpuLimit(r.limits.cpu)
	case r.limits.wall > 0 && now > r.deadline:
		r.dead = wallLimit(r.limits.wall)
	case r.ctx.Err() != nil:
		r.dead = &limitError{"cancelled: " + r.ctx.Err().Error()}
	case poked&pokeMemory != 0:
		r.weigh(L)
	}
	if r.dead != nil {
		return true
	}
	if now-r.sliceStart > slice {
		r.in.gen.mod.procs.long()
		if r.in.waiters.Load() > 0 {
			r.in.handOver(r, L)
		}
	}
	return false
}

// adapt keeps the looks at the clock apart by less than a slice, where an
// instruction takes a thousand times longer than others, as the comparison of two
// long strings does.
func (r *run) adapt(apart time.Duration) {
	switch {
	case apart > slice/2:
		r.interval = max(r.interval*int(slice/4)/int(apart), stepsPerInstruction)
	case apart < slice/16 && r.interval < stepsPerCheck:
		r.interval = min(2*r.interval, stepsPerCheck)
	}
	r.steps = r.interval
}

// weigh finds out whether what the heap grew by is alive. The lock is given up
// meanwhile.
func (r *run) weigh(L *lua.LState) {
	if r.limits.memory <= 0 {
		r.poked.And(^uint32(pokeMemory))
		return
	}
	r.in.release(r)
	before := r.in.clock()
	runtime.GC()
	live := r.in.watch.live()
	r.spent += r.in.clock() - before // it is the script that made it necessary
	r.in.acquire(r, L)
	r.grown.Store(0)
	r.poked.And(^uint32(pokeMemory))
	if live-r.liveBase.Load() > r.limits.memory {
		r.dead = memoryLimit(r.limits.memory)
	}
}

// spend counts work done in Go, and raises once the budget is used up.
func (r *run) spend(L *lua.LState, steps int) {
	r.steps -= steps
	if r.steps > 0 && r.poked.Load() == 0 {
		return
	}
	if r.check(L) {
		L.RaiseError("%s", r.dead.text)
	}
}

// aside does work in Go that needs nothing of the interpreter, so that others
// have it meanwhile; the time counts all the same. A part of the cores does such
// work, so that the rest is there for those. Since nothing can interrupt it, work
// is given what it may do: whether so many steps are left. Where it says that they
// are too few, the run ends.
func (r *run) aside(L *lua.LState, work func(afford func(steps int) bool)) {
	r.steps = 0
	r.spend(L, 0)
	left := r.limits.cpu - r.spent - (r.in.clock() - r.sliceStart)
	enough := true
	mod := r.in.gen.mod
	r.in.release(r)
	mod.asides <- struct{}{}
	before := r.in.clock()
	work(func(steps int) bool {
		need := time.Duration(steps) * stepTime
		if enough = enough && need <= left; enough && need > slice {
			mod.procs.long()
		}
		return enough
	})
	r.spent += r.in.clock() - before
	<-mod.asides
	r.in.acquire(r, L)
	if !enough {
		r.dead = cpuLimit(r.limits.cpu)
		L.RaiseError("%s", r.dead.text)
	}
	r.steps = 0
	r.spend(L, 0)
}

// stop adds the present slice to the Lua time spent.
func (r *run) stop() {
	if r.sliceStart != 0 {
		r.spent += r.in.clock() - r.sliceStart
		r.sliceStart = 0
	}
}

// waiting gives the context for a wait. It ends with the wall limit, except
// where the wait does not count against it.
func (r *run) waiting(paused bool) (context.Context, context.CancelFunc) {
	now := r.in.clock()
	if r.deadline == 0 {
		r.deadline = now + r.limits.wall
	}
	if paused || r.limits.wall <= 0 {
		return r.ctx, func() {}
	}
	return context.WithTimeout(r.ctx, r.deadline-now)
}
