package scriptlet

import (
	"runtime"

	lua "github.com/yuin/gopher-lua"
)

// acquire takes the interpreter for r and makes L its current thread. The lock
// is a sync.Mutex: where somebody has waited for 1 ms, its starvation mode
// hands it over in the order of arrival, and below that it is not handed to a
// goroutine that must be woken first. Of those who have run long one at a time
// waits for it, so that all others wait for a slice or two, however many long
// ones there are.
func (in *interpreter) acquire(r *run, L *lua.LState) {
	if r.spent > longTime {
		in.waiters.Add(1)
		in.longs.Lock()
		in.mu.Lock()
		in.waiters.Add(-1)
		r.lane = true
	} else if !in.mu.TryLock() {
		in.waiters.Add(1)
		in.mu.Lock()
		in.waiters.Add(-1)
	}
	in.base.G.CurrentThread = L
	in.running.Store(r)
	in.watch.began()
}

// release gives the interpreter up.
func (in *interpreter) release(r *run) {
	r.stop()
	in.running.Store(nil)
	in.mu.Unlock()
	if r.lane {
		r.lane = false
		in.longs.Unlock()
	}
}

// handOver lets those who wait have the interpreter, then takes it again. L is
// in the middle of an instruction of its own, so nobody else touches it.
func (in *interpreter) handOver(r *run, L *lua.LState) {
	in.release(r)
	runtime.Gosched()
	in.acquire(r, L)
}
