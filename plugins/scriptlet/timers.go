package scriptlet

import (
	"maps"
	"slices"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// timer is one msys.timer: staged until its generation is committed, then
// armed again after each run where it repeats.
type timer struct {
	g     *generation
	in    *interpreter
	name  string
	fn    *lua.LFunction
	every time.Duration
	after time.Duration

	mu      sync.Mutex
	stopped bool
	cancel  func() bool
}

// maxTimers bounds the timers of a generation.
const maxTimers = 10000

// addTimer makes a timer, and starts it where the generation runs already.
func (g *generation) addTimer(in *interpreter, after, every time.Duration, name string, fn *lua.LFunction) (stop func()) {
	t := &timer{g: g, in: in, name: name, fn: fn, every: every, after: max(after, 0)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timersOff || len(g.timers) >= maxTimers {
		return func() {}
	}
	g.timers[t] = struct{}{}
	if g.committed {
		t.arm(t.after)
	}
	return t.stop
}

// startTimers arms what was staged.
func (g *generation) startTimers() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for t := range g.timers {
		t.arm(t.after)
	}
}

// stopTimers disarms all timers, and lets no new one be; those that run go on
// to their end. It happens when another generation takes over, so that what a
// timer does is not done twice.
func (g *generation) stopTimers() {
	g.mu.Lock()
	g.timersOff = true
	all := slices.Collect(maps.Keys(g.timers))
	g.mu.Unlock()
	for _, t := range all {
		t.stop()
	}
}

func (t *timer) arm(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.cancel = t.g.mod.deps.AfterFunc(d, t.fire)
	}
}

func (t *timer) stop() {
	t.mu.Lock()
	t.stopped = true
	if t.cancel != nil {
		t.cancel()
	}
	t.mu.Unlock()
	t.g.mu.Lock()
	delete(t.g.timers, t)
	t.g.mu.Unlock()
}

// fire runs the callback on the clock's goroutine, which the generation waits
// for when it ends.
func (t *timer) fire() {
	if !t.g.enter() {
		return
	}
	defer t.g.leave()
	began := t.g.mod.deps.Now()
	r := t.in.begin(t.g.ctx, t.in.limits)
	if _, err := t.in.execute(r, t.fn); err != nil {
		t.g.reportError("timer", t.name, err)
	}
	if t.every <= 0 {
		t.stop()
		return
	}
	t.arm(max(t.every-t.g.mod.deps.Now().Sub(began), 0))
}
