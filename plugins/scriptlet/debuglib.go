package scriptlet

import (
	lua "github.com/yuin/gopher-lua"
)

// openDebug gives scripts traceback and getinfo. The rest of the library
// reaches into other scripts' locals, and is there with unsafe_libs only.
func (in *interpreter) openDebug(L *lua.LState) {
	if in.gen.options.UnsafeLibs {
		lua.OpenDebug(L)
		L.SetTop(0)
	}
	t, ok := L.G.Global.RawGetString("debug").(*lua.LTable)
	if !ok {
		t = L.CreateTable(0, 2)
	}
	set(L, t, map[string]lua.LGFunction{"traceback": debugTraceback, "getinfo": debugGetInfo})
	in.library("debug", t)
}

// debugTraceback is Lua's, with a bound on its length. In an xpcall handler it
// shows where the error was.
func debugTraceback(L *lua.LState) int {
	of := L
	if th, ok := L.Get(1).(*lua.LState); ok {
		of = th
		L.Remove(1)
	}
	msg := L.Get(1)
	if msg != lua.LNil && !lua.LVCanConvToString(msg) {
		L.SetTop(1)
		return 1
	}
	trace := threadOf(L).trace
	if trace == "" || of != L {
		trace = traceback(of, optInt(L, 2, 1))
	}
	if msg != lua.LNil {
		trace = msg.String() + "\n" + trace
	}
	L.Push(lua.LString(trace))
	return 1
}

// debugGetInfo is Lua's for a level or a function.
func debugGetInfo(L *lua.LState) int {
	t := L.CreateTable(0, 8)
	switch v := L.Get(1).(type) {
	case *lua.LFunction:
		describeFunction(t, v)
		t.RawSetString("currentline", lua.LNumber(-1))
	case lua.LNumber:
		f, ok := topFrame(L)
		for n := int(v); ok && n > 0; n-- {
			f, ok = f.parent()
		}
		if !ok || v < 0 {
			L.Push(lua.LNil)
			return 1
		}
		describeFunction(t, f.function())
		t.RawSetString("currentline", lua.LNumber(f.currentLine()))
		t.RawSetString("namewhat", lua.LString(""))
		if name := f.name(); name != "" {
			t.RawSetString("name", lua.LString(name))
			t.RawSetString("namewhat", lua.LString("global"))
		}
	default:
		argError(L, 1, "function or level expected")
	}
	L.Push(t)
	return 1
}

func describeFunction(t *lua.LTable, fn *lua.LFunction) {
	t.RawSetString("func", fn)
	t.RawSetString("nups", lua.LNumber(len(fn.Upvalues)))
	if fn.IsG {
		t.RawSetString("what", lua.LString("C"))
		t.RawSetString("source", lua.LString("=[C]"))
		t.RawSetString("short_src", lua.LString("[C]"))
		return
	}
	what := "Lua"
	if fn.Proto.LineDefined == 0 {
		what = "main"
	}
	t.RawSetString("what", lua.LString(what))
	t.RawSetString("source", lua.LString("@"+fn.Proto.SourceName))
	t.RawSetString("short_src", lua.LString(fn.Proto.SourceName))
	t.RawSetString("linedefined", lua.LNumber(fn.Proto.LineDefined))
	t.RawSetString("lastlinedefined", lua.LNumber(fn.Proto.LastLineDefined))
}
