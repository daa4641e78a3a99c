package scriptlet

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
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
	reword(L)
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), StackTrace: traceback(L, 0)})
}

// raiseBare is the same below a pcall, which looks at no traceback.
func raiseBare(L *lua.LState) {
	reword(L)
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1), StackTrace: untraced})
}

// raiseIn is the same for an error that ends a coroutine.
func raiseIn(in *interpreter) func(*lua.LState) {
	return func(L *lua.LState) {
		in.upvalues.closeFrom(L, 0)
		raiseBare(L)
	}
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
// how errors are raised below it, turns Go panics into Lua errors, and closes
// the upvalues of the activations that are thrown away.
func (in *interpreter) protector(raise func(*lua.LState)) lua.LGFunction {
	return func(L *lua.LState) int {
		L.Panic = raise
		defer func() {
			if rec := recover(); rec != nil {
				in.upvalues.closeFrom(L, protectedFrom(L, in))
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

// protectedFrom is the register from which the activations begin that the
// innermost protector has called.
func protectedFrom(L *lua.LState, in *interpreter) int {
	f, ok := topFrame(L)
	for ; ok; f, ok = f.parent() {
		if f.protects(in) {
			return f.localBase()
		}
	}
	return 0
}

// protected calls what lies on the stack from index at (the function) upward,
// and leaves its results there.
func protected(L *lua.LState, at int, by *lua.LFunction) *lua.ApiError {
	n := L.GetTop() - at + 1
	L.Insert(by, at)
	err := L.PCall(n, lua.MultRet, nil)
	threadOf(L).in.upvalues.keep(L) // PCall has unset it
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
	if text := uncallable(L, L.Get(1)); text != "" {
		L.Push(lua.LFalse)
		L.Push(lua.LString(text))
		return 2
	}
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
	checkAny(L, 2)
	handler := L.Get(2)
	L.SetTop(1) // the function gets no arguments
	var err *lua.ApiError
	if text := uncallable(L, L.Get(1)); text != "" {
		err = &lua.ApiError{Object: lua.LString(text), StackTrace: traceback(L, 0)}
	} else {
		err = protected(L, 1, in.traced)
	}
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
	failed := uncallable(L, handler) != "" || protected(L, 1, in.bare) != nil
	t.trace = outer
	if failed {
		L.SetTop(0)
		L.Push(lua.LString("error in error handling"))
	}
	L.SetTop(1) // a handler has one result
	L.Insert(lua.LFalse, 1)
	return 2
}

// uncallable says why a value cannot be called, "" if it can.
func uncallable(L *lua.LState, v lua.LValue) string {
	if v.Type() == lua.LTFunction || L.GetMetaField(v, "__call").Type() == lua.LTFunction {
		return ""
	}
	return dialect.TypeError("call", "", v)
}

// raisef raises an error from a Go function, at the line that called it. There
// is none where Go called it, as pcall(string.rep) does (luaL_error of Lua 5.1);
// LState.RaiseError would look further up for one.
func raisef(L *lua.LState, format string, args ...any) {
	text := position(L, 1) + fmt.Sprintf(format, args...)
	spend(L, len(text)/16)
	L.Error(lua.LString(text), 0)
}

// raise is Lua's error function.
func raise(L *lua.LState) int {
	v := L.Get(1)
	level := optInt(L, 2, 1)
	if lua.LVCanConvToString(v) && level > 0 {
		v = lua.LString(position(L, level) + checkString(L, 1))
	}
	L.Error(v, 0)
	return 0
}
