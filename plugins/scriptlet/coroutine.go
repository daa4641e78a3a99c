package scriptlet

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// coroutine is what a script's coroutine is beside its thread.
type coroutine struct {
	fn     *lua.LFunction
	status string // as coroutine.status says it
	owner  *run   // the run it counts against

	// yielded is set by yield and cleared by resume. A coroutine that yields
	// in its outermost tail call is one that gopher-lua takes for ended: it
	// is suspended all the same, and what it is resumed with is its result.
	yielded bool
	ending  bool
	// begun is set at its first instruction: LState.Resume has replaced Panic
	// by then, and will not again.
	begun bool
	// values is how many it yielded: of none LState.Resume makes a nil.
	values int
}

// The statuses of a coroutine.
const (
	suspended = "suspended"
	active    = "running"
	normal    = "normal"
	dead      = "dead"
)

// openCoroutine replaces gopher-lua's library: its threads would have a context
// of their own, which starts a goroutine for each and escapes our limits.
func (in *interpreter) openCoroutine(L *lua.LState) {
	t := L.CreateTable(0, 6)
	for name, fn := range map[string]lua.LGFunction{
		"create":  in.coCreate,
		"resume":  in.coResume,
		"wrap":    in.coWrap,
		"yield":   coYield,
		"status":  coStatus,
		"running": coRunning,
	} {
		t.RawSetString(name, L.NewFunction(fn))
	}
	in.library("coroutine", t)
}

func (in *interpreter) newCoroutine(L *lua.LState) *thread {
	fn, ok := L.Get(1).(*lua.LFunction)
	if !ok || fn.IsG {
		argError(L, 1, "Lua function expected")
	}
	r := threadOf(L).run
	if r.coroutines >= r.limits.coroutines {
		raisef(L, "too many coroutines (the limit is %d)", r.limits.coroutines)
	}
	r.coroutines++
	r.spend(L, 500)
	t := in.newThread()
	t.co = &coroutine{fn: fn, status: suspended, owner: r}
	return t
}

func (in *interpreter) coCreate(L *lua.LState) int {
	L.Push(in.newCoroutine(L).L)
	return 1
}

func (in *interpreter) coWrap(L *lua.LState) int {
	t := in.newCoroutine(L)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		results, err := in.resume(L, t, arguments(L, 1))
		if err != nil {
			if lua.LVCanConvToString(err) {
				err = lua.LString(position(L, 1) + api.Text(L, err))
			}
			L.Error(err, 0)
		}
		return push(L, results)
	}))
	return 1
}

func (in *interpreter) coResume(L *lua.LState) int {
	t := checkCoroutine(L, 1)
	results, err := in.resume(L, t, arguments(L, 2))
	if err != nil {
		L.Push(lua.LFalse)
		L.Push(err)
		return 2
	}
	L.Push(lua.LTrue)
	return 1 + push(L, results)
}

// resume lets t go on until it yields, returns or fails.
func (in *interpreter) resume(L *lua.LState, t *thread, args []lua.LValue) ([]lua.LValue, lua.LValue) {
	if t.co.status != suspended {
		return nil, lua.LString("cannot resume " + t.co.status + " coroutine")
	}
	if t.co.ending {
		t.finish()
		return args, nil
	}
	from := threadOf(L)
	setStatus(from, normal)
	t.run, t.co.status, t.co.yielded = from.run, active, false
	if !t.co.begun {
		t.run.steps = 0 // so that its first instruction finds out
	}
	state, err, results := L.Resume(t.L, t.co.fn, args...)
	setStatus(from, active)
	t.run = nil
	if err == nil && t.co.yielded {
		t.co.status, t.co.ending = suspended, state != lua.ResumeYield
		return results[:min(len(results), t.co.values)], nil
	}
	t.finish()
	if d := from.run.dead; d != nil {
		L.RaiseError("%s", d.text)
	}
	if err != nil {
		return nil, err.(*lua.ApiError).Object
	}
	if len(results) == 1 && results[0] == lua.LNil && in.threads.returnedNothing(t.L) {
		results = nil
	}
	return results, nil
}

func setStatus(t *thread, status string) {
	if t.co != nil {
		t.co.status = status
	}
}

// finish marks the coroutine's end; it no longer counts.
func (t *thread) finish() {
	t.co.status = dead
	t.co.owner.coroutines--
	t.co.owner, t.co.fn = nil, nil
}

func coYield(L *lua.LState) int {
	t := threadOf(L)
	if t.co == nil || !yieldable(L) {
		L.Error(lua.LString("attempt to yield across metamethod/C-call boundary"), 0)
	}
	t.co.yielded, t.co.values = true, L.GetTop()
	return -1
}

func coStatus(L *lua.LState) int {
	L.Push(lua.LString(checkCoroutine(L, 1).co.status))
	return 1
}

func coRunning(L *lua.LState) int {
	if threadOf(L).co == nil {
		L.Push(lua.LNil)
	} else {
		L.Push(L)
	}
	return 1
}

// checkCoroutine is the coroutine that argument n must be.
func checkCoroutine(L *lua.LState, n int) *thread {
	if co, ok := L.Get(n).(*lua.LState); ok {
		if t, ok := co.Context().(*thread); ok && t.co != nil {
			return t
		}
	}
	argError(L, n, "coroutine expected")
	return nil
}

func arguments(L *lua.LState, from int) []lua.LValue {
	var args []lua.LValue
	for i := from; i <= L.GetTop(); i++ {
		args = append(args, L.Get(i))
	}
	return args
}

func push(L *lua.LState, values []lua.LValue) int {
	for _, v := range values {
		L.Push(v)
	}
	return len(values)
}
