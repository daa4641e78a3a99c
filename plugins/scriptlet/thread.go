package scriptlet

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// thread is one Lua thread and the context.Context that gopher-lua asks before
// every instruction on it. Nothing but Done and Err is ever called by the
// virtual machine.
type thread struct {
	L  *lua.LState
	in *interpreter
	// run is what the thread works for now; a coroutine changes it at each
	// resume.
	run *run
	// trace is the traceback of the error that an xpcall handler is looking
	// at, for debug.traceback.
	trace string
	co    *coroutine // nil for a thread of its own
}

// threadOf finds our thread behind an LState. Every LState that runs Lua has
// one.
func threadOf(L *lua.LState) *thread { return L.Context().(*thread) }

// Deadline is context.Context's; a thread's limits are not a deadline.
func (t *thread) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value is context.Context's.
func (t *thread) Value(any) any { return nil }

// Done counts an instruction. It is nil, which never is ready, while the run
// may go on, and a closed channel once it must stop.
func (t *thread) Done() <-chan struct{} {
	r := t.run
	r.steps -= stepsPerInstruction
	if r.steps > 0 && r.poked.Load() == 0 {
		return nil
	}
	if t.co != nil && !t.co.begun {
		t.co.begun = true
		t.L.Panic = t.in.ended
	}
	if r.check(t.L) {
		return t.in.closed
	}
	return nil
}

// Err says why Done is ready; its text becomes the Lua error.
func (t *thread) Err() error {
	if t.run != nil && t.run.dead != nil {
		return t.run.dead
	}
	return nil
}

var _ context.Context = (*thread)(nil)
