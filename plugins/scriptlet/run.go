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
	poked      atomic.Bool
	dead       *limitError
	spent      time.Duration // Lua time before the present slice
	sliceStart time.Duration // 0: the clock was not read since the lock was taken
	deadline   time.Duration // of the wall limit; 0: the clock was not read yet
	coroutines int

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
	r.steps = stepsPerCheck
	r.dead = nil
	r.spent, r.sliceStart, r.deadline = 0, 0, 0
	r.coroutines = 0
	if r.liveBase.Load() != 0 {
		r.liveBase.Store(0)
		r.grown.Store(0)
		r.poked.Store(false)
	}
}

// check looks at the clock and every limit, lets others have the interpreter,
// and reports whether the run must stop.
func (r *run) check(L *lua.LState) bool {
	r.steps = stepsPerCheck
	if r.dead != nil {
		return true
	}
	now := r.in.clock()
	if r.sliceStart == 0 {
		r.sliceStart = now
	}
	if r.deadline == 0 {
		r.deadline = now + r.limits.wall
	}
	switch {
	case r.spent+now-r.sliceStart > r.limits.cpu:
		r.dead = cpuLimit(r.limits.cpu)
	case r.limits.wall > 0 && now > r.deadline:
		r.dead = wallLimit(r.limits.wall)
	case r.ctx.Err() != nil:
		r.dead = &limitError{"cancelled: " + r.ctx.Err().Error()}
	case r.poked.Load():
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

// weigh finds out whether what the heap grew by is alive. The lock is given up
// meanwhile.
func (r *run) weigh(L *lua.LState) {
	if r.limits.memory <= 0 {
		r.poked.Store(false)
		return
	}
	r.in.release(r)
	runtime.GC()
	live := r.in.watch.live()
	r.in.acquire(r, L)
	r.grown.Store(0)
	r.poked.Store(false)
	if live-r.liveBase.Load() > r.limits.memory {
		r.dead = memoryLimit(r.limits.memory)
	}
}

// spend counts work done in Go, and raises once the budget is used up.
func (r *run) spend(L *lua.LState, steps int) {
	r.steps -= steps
	if r.steps > 0 && !r.poked.Load() {
		return
	}
	if r.check(L) {
		L.RaiseError("%s", r.dead.text)
	}
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
