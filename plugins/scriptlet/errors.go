package scriptlet

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// luaError is an error that left a script, for the paniclog.
type luaError struct {
	text  string // "file:line: text"
	trace string // "stack traceback:..." or ""
}

func (e *luaError) Error() string { return e.text }

// untraced stands where a traceback would be: gopher-lua makes one itself, of
// any length, for an error without.
const untraced = "-"

// raiseTraced is LState.Panic of our threads: an error takes a bounded
// traceback with it.
func raiseTraced(L *lua.LState) {
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), StackTrace: traceback(L, 0)})
}

// raiseBare is the same below a pcall, which looks at no traceback.
func raiseBare(L *lua.LState) {
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), StackTrace: untraced})
}

// goPanicText is the Lua error for a panic that was no Lua error.
func goPanicText(rec any) string {
	if err, ok := rec.(runtime.Error); ok {
		return "internal error: " + err.Error()
	}
	text := fmt.Sprint(rec)
	if text == "lua callstack overflow" {
		return "stack overflow"
	}
	return text
}

// caught turns what a run panicked with into an error. L has not unwound.
func caught(L *lua.LState, rec any) *luaError {
	if err, ok := rec.(*lua.ApiError); ok {
		return &luaError{text: errorText(err.Object), trace: strings.TrimPrefix(err.StackTrace, untraced)}
	}
	trace := traceback(L, 0)
	if _, ok := rec.(runtime.Error); ok {
		trace += "\n" + goStack()
	}
	return &luaError{text: innermost(L) + goPanicText(rec), trace: trace}
}

// goStack is where our own code panicked.
func goStack() string {
	const most = 2048
	s := debug.Stack()
	if len(s) > most {
		s = s[:most]
	}
	return string(s)
}

// innermost is the position of the innermost Lua activation.
func innermost(L *lua.LState) string {
	f, ok := topFrame(L)
	for ; ok; f, ok = f.parent() {
		if at := f.where(); at != "" {
			return at + ": "
		}
	}
	return ""
}

// errorText is an error object as text. The object's __tostring is not
// called: the run is over.
func errorText(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString, lua.LNumber:
		return v.String()
	case *lua.LTable:
		return "(error object is a table value)"
	}
	return fmt.Sprintf("(error object is a %s value)", v.Type())
}

// protector is what a protected call calls in place of the function: it sets
// how errors are raised below it, and turns Go panics into Lua errors, which
// also closes the upvalues of the activations that are thrown away.
func protector(raise func(*lua.LState)) lua.LGFunction {
	return func(L *lua.LState) int {
		L.Panic = raise
		defer func() {
			if rec := recover(); rec != nil {
				if _, ok := rec.(*lua.ApiError); !ok {
					L.RaiseError("%s", goPanicText(rec))
				}
				panic(rec)
			}
		}()
		L.Call(L.GetTop()-1, lua.MultRet)
		return L.GetTop()
	}
}

// protected calls what lies on the stack from index at (the function) upward,
// and leaves its results there.
func protected(L *lua.LState, at int, by *lua.LFunction) *lua.ApiError {
	n := L.GetTop() - at + 1
	L.Insert(by, at)
	err := L.PCall(n, lua.MultRet, nil)
	if err == nil {
		return nil
	}
	if r := threadOf(L).run; r.dead != nil {
		L.RaiseError("%s", r.dead.text)
	}
	if e, ok := err.(*lua.ApiError); ok {
		return e
	}
	return &lua.ApiError{Type: lua.ApiErrorRun, Object: lua.LString(err.Error()), StackTrace: untraced}
}

// pcall is Lua's, except that it cannot catch the end of a run.
func (in *interpreter) pcall(L *lua.LState) int {
	checkAny(L, 1)
	if err := protected(L, 1, in.bare); err != nil {
		L.Push(lua.LFalse)
		L.Push(err.Object)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// xpcall is Lua's. The handler runs when the stack has unwound already;
// debug.traceback in it gives the trace of the error.
func (in *interpreter) xpcall(L *lua.LState) int {
	checkAny(L, 1)
	handler := L.Get(2)
	L.Remove(2)
	err := protected(L, 1, in.traced)
	if err == nil {
		L.Insert(lua.LTrue, 1)
		return L.GetTop()
	}
	t := threadOf(L)
	outer := t.trace
	t.trace = err.StackTrace
	L.SetTop(0)
	L.Push(handler)
	L.Push(err.Object)
	failed := protected(L, 1, in.bare)
	t.trace = outer
	if failed != nil {
		L.SetTop(0)
		L.Push(lua.LString("error in error handling"))
	}
	L.Insert(lua.LFalse, 1)
	return L.GetTop()
}

// raise is Lua's error function.
func raise(L *lua.LState) int {
	v := L.Get(1)
	level := optInt(L, 2, 1)
	if s, ok := v.(lua.LString); ok && level > 0 {
		v = lua.LString(position(L, level) + string(s))
	}
	L.Error(v, 0)
	return 0
}
