package scriptlet

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
)

// The methods of this file are api.World: what API functions ask of the
// interpreter they run in.
var _ api.World = (*interpreter)(nil)

// Host is the core.
func (in *interpreter) Host() sdk.Host { return in.gen.host }

// Wait lets go of the interpreter while f runs.
func (in *interpreter) Wait(L *lua.LState, paused bool, f func(ctx context.Context)) {
	r := threadOf(L).run
	ctx, cancel := r.waiting(paused)
	in.release(r)
	before := in.clock()
	defer func() {
		cancel()
		in.acquire(r, L)
		if paused && r.deadline != 0 {
			r.deadline += in.clock() - before
		}
		r.sliceStart = in.clock() // or many short waits would use up no time
		r.looked = r.sliceStart
		r.steps = 0 // look at the limits at the next instruction
	}()
	f(ctx)
}

// Frame is the phase that L's run serves.
func (in *interpreter) Frame(L *lua.LState) *api.Frame { return threadOf(L).run.frame }

// Spend counts work done in Go.
func (in *interpreter) Spend(L *lua.LState, steps int) { threadOf(L).run.spend(L, steps) }

// Print writes to the paniclog, or to the console's reply. What a script prints
// while it loads is written once, not by each interpreter.
func (in *interpreter) Print(L *lua.LState, text string) {
	r := threadOf(L).run
	switch {
	case r.out != nil:
		r.out.WriteString(text)
		r.out.WriteByte('\n')
	case in.index == 0 || r.script == nil:
		in.gen.log(sdk.LevelPrint, sourceName, text)
	}
}

// Config is what the generation was prepared from.
func (in *interpreter) Config() *sdk.Config { return &in.gen.config }

// Object wraps a Go value as an object of a class.
func (in *interpreter) Object(_ *lua.LState, class string, value any) *lua.LUserData {
	return in.registry.Object(class, value)
}

// Shared is what the interpreters of the generation have in common.
func (in *interpreter) Shared() *api.Shared { return in.gen.common }

// Now is the time.
func (in *interpreter) Now() time.Time { return in.gen.mod.deps.Now() }

// Go runs fn once the calling run has unwound. Only so many may wait.
func (in *interpreter) Go(L *lua.LState, fn *lua.LFunction) {
	r := threadOf(L).run
	if len(r.after) >= maxAfter {
		L.RaiseError("too many functions left to run afterwards (the limit is %d)", maxAfter)
	}
	r.after = append(r.after, fn)
}

// maxAfter is how many functions one run may leave to be run after it.
const maxAfter = 100

// Register binds a script's module while the script loads.
func (in *interpreter) Register(L *lua.LState, name string, table *lua.LTable) {
	r := threadOf(L).run
	if r.script == nil {
		L.RaiseError("msys.registerModule can be called only while the script loads")
	}
	in.register(L, r.script, name, table)
}

// RegisterControl adds a console command. Each exists once, in the first
// interpreter.
func (in *interpreter) RegisterControl(L *lua.LState, prefix string, fn *lua.LFunction) {
	if prefix == "" {
		argError(L, 1, "a command needs a name")
	}
	in.marks(L)
	if in.index == 0 {
		in.gen.addControl(prefix, fn)
	}
}

// Timer schedules fn. Each timer exists once, in the first interpreter.
func (in *interpreter) Timer(L *lua.LState, after, every time.Duration, name string, fn *lua.LFunction) (stop func()) {
	in.marks(L)
	if in.index != 0 && threadOf(L).run.script != nil {
		return func() {}
	}
	return in.gen.addTimer(in, after, every, name, fn)
}

// marks notes that the script that is being loaded has something that will run.
func (in *interpreter) marks(L *lua.LState) {
	if s := threadOf(L).run.script; s != nil && in.index == 0 {
		s.serves = true
	}
}
