package scriptlet

import (
	"context"
	"fmt"
	"os"
	"runtime/metrics"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// openLibraries fills a fresh world: gopher-lua's libraries where they are as
// stock Lua's and safe, ours in their place where they are not.
func (in *interpreter) openLibraries() {
	L := in.base
	call := func(open lua.LGFunction) {
		open(L)
		L.SetTop(0)
	}
	call(lua.OpenPackage)
	call(lua.OpenBase)
	call(lua.OpenMath)
	call(lua.OpenString)
	call(lua.OpenTable)
	in.openPackage(L)
	in.openBase(L)
	in.openMath(L)
	in.openString(L)
	in.openTable(L)
	in.openOS(L)
	in.openDebug(L)
	in.openCoroutine(L)
	in.openThreadLocals(L)
	if in.gen.options.UnsafeLibs {
		call(lua.OpenIo)
	}
}

// library makes a table a global library that require finds too.
func (in *interpreter) library(name string, t *lua.LTable) {
	in.base.G.Global.RawSetString(name, t)
	in.loaded.RawSetString(name, t)
}

// set puts Go functions into a table.
func set(L *lua.LState, t *lua.LTable, fns map[string]lua.LGFunction) {
	for name, fn := range fns {
		t.RawSetString(name, L.NewFunction(fn))
	}
}

// openPackage leaves of the package library what does not read files itself.
func (in *interpreter) openPackage(L *lua.LState) {
	pkg := L.G.Global.RawGetString("package").(*lua.LTable)
	in.loaded = pkg.RawGetString("loaded").(*lua.LTable)
	in.loaded.RawSetString("package", pkg)
	pkg.RawSetString("path", lua.LString(""))
	for _, name := range []string{"loadlib", "loaders"} {
		pkg.RawSetString(name, lua.LNil)
	}
}

func (in *interpreter) openBase(L *lua.LState) {
	g := L.G.Global
	for _, name := range []string{"_printregs", "_GOPHER_LUA_VERSION"} {
		g.RawSetString(name, lua.LNil)
	}
	g.RawSetString("dofile", lua.LNil)
	g.RawSetString("loadfile", lua.LNil)
	if in.gen.options.UnsafeLibs {
		set(L, g, map[string]lua.LGFunction{"dofile": in.doFile, "loadfile": in.loadFile})
	}
	g.RawSetString("_VERSION", lua.LString("thrLua 5.1"))
	openBaseFunctions(L)
	set(L, g, map[string]lua.LGFunction{
		"collectgarbage": collectGarbage,
		"error":          raise,
		"load":           in.load,
		"loadstring":     in.loadString,
		"newproxy":       newProxy,
		"pcall":          in.pcall,
		"require":        in.require,
		"setmetatable":   setMetatable,
		"tonumber":       toNumber,
		"tostring":       toString,
		"unpack":         unpack,
		"xpcall":         in.xpcall,
	})
}

// toNumber checks the arguments of dialect.ToNumber as Lua 5.1 does.
func toNumber(L *lua.LState) int {
	base := optInt(L, 2, 10)
	if base == 10 {
		checkAny(L, 1)
	} else if checkString(L, 1); base < 2 || base > 36 {
		argError(L, 2, "base out of range")
	}
	return dialect.ToNumber(L)
}

func toString(L *lua.LState) int {
	v := checkAny(L, 1)
	if fn, ok := L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		L.Push(fn) // what it returns is no business of ours (luaB_tostring of Lua 5.1)
		L.Push(v)
		L.Call(1, 1)
		return 1
	}
	L.Push(lua.LString(api.Text(L, v)))
	return 1
}

// setMetatable is for tables alone, as in Lua: gopher-lua's own would let a
// script make objects of our classes.
func setMetatable(L *lua.LState) int {
	t := checkTable(L, 1)
	if kind := L.Get(2).Type(); L.GetTop() < 2 || kind != lua.LTNil && kind != lua.LTTable {
		argError(L, 2, "nil or table expected")
	}
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__metatable") != lua.LNil {
		raisef(L, "cannot change a protected metatable")
	}
	t.Metatable = L.Get(2)
	L.SetTop(1)
	return 1
}

// proxy marks what newProxy made.
type proxy struct{}

// newProxy is Lua 5.1's undocumented one, but never with a metatable of ours.
func newProxy(L *lua.LState) int {
	ud := &lua.LUserData{Env: L.G.Global, Metatable: lua.LNil, Value: proxy{}}
	switch v := L.Get(1).(type) {
	case *lua.LNilType:
	case lua.LBool:
		if bool(v) {
			ud.Metatable = L.NewTable()
		}
	case *lua.LUserData:
		if _, ok := v.Value.(proxy); !ok || v.Metatable == lua.LNil {
			argError(L, 1, "boolean or proxy expected")
		}
		ud.Metatable = v.Metatable
	default:
		argError(L, 1, "boolean or proxy expected")
	}
	L.Push(ud)
	return 1
}

// maxResults is how many values one call may return (LUAI_MAXCSTACK of 5.1).
const maxResults = 8000

func unpack(L *lua.LState) int {
	t := checkTable(L, 1)
	first, last := optInt(L, 2, 1), optInt(L, 3, t.Len())
	if first > last {
		return 0
	}
	if last-first >= maxResults || last-first < 0 {
		raisef(L, "too many results to unpack")
	}
	for i := first; i <= last; i++ {
		L.Push(t.RawGet(lua.LNumber(i)))
	}
	return last - first + 1
}

// collectGarbage does nothing but answer: Go collects garbage, and a script
// must not make it do so for everybody.
func collectGarbage(L *lua.LState) int {
	switch opt := optString(L, 1, "collect"); opt {
	case "count":
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		L.Push(lua.LNumber(s[0].Value.Uint64()) / 1024)
	case "collect", "stop", "restart", "step", "setpause", "setstepmul":
		L.Push(lua.LNumber(0))
	default:
		argError(L, 1, fmt.Sprintf("invalid option '%s'", opt))
	}
	return 1
}

// load reads a chunk from a function, piece by piece.
func (in *interpreter) load(L *lua.LState) int {
	fn := checkFunction(L, 1)
	name := optString(L, 2, "=(load)")
	var src []byte
	for {
		L.Push(fn)
		L.Call(0, 1)
		piece := L.Get(-1)
		L.Pop(1)
		s := api.Text(L, piece)
		switch {
		case piece == lua.LNil || s == "":
			return in.compileChunk(L, name, src)
		case !lua.LVCanConvToString(piece):
			L.Push(lua.LNil)
			L.Push(lua.LString(position(L, 1) + "reader function must return a string"))
			return 2
		}
		if src = append(src, s...); len(src) > in.limits.text() {
			raisef(L, "chunk too large")
		}
		threadOf(L).run.spend(L, len(s))
	}
}

func (in *interpreter) loadString(L *lua.LState) int {
	src := checkString(L, 1)
	return in.compileChunk(L, optString(L, 2, src), []byte(src))
}

// loadFile is there with unsafe_libs only.
func (in *interpreter) loadFile(L *lua.LState) int {
	name := checkString(L, 1)
	var src []byte
	var err error
	in.Wait(L, false, func(context.Context) { src, err = os.ReadFile(name) })
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	return in.compileChunk(L, "@"+name, src)
}

func (in *interpreter) doFile(L *lua.LState) int {
	if in.loadFile(L) != 1 {
		raisef(L, "%s", L.Get(-1).String())
	}
	top := L.GetTop() - 1
	L.Call(0, lua.MultRet)
	return L.GetTop() - top
}

// compileChunk pushes a function, or nil and the first syntax error.
func (in *interpreter) compileChunk(L *lua.LState, name string, src []byte) int {
	var proto *lua.FunctionProto
	var problems []sdk.Problem
	threadOf(L).run.aside(L, func(afford func(steps int) bool) {
		if afford(1000 + 25*len(src)) {
			proto, problems = dialect.CompileChunk(chunkName(name), src, in.gen.sources.runtime, afford)
		}
	})
	if len(problems) > 0 {
		p := problems[0]
		L.Push(lua.LNil)
		L.Push(lua.LString(fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

// chunkName is a chunk's name as messages show it (luaO_chunkid).
func chunkName(name string) string {
	if name != "" && (name[0] == '=' || name[0] == '@') {
		return name[1:]
	}
	const most = 43
	cut := len(name) > most
	if cut {
		name = name[:most]
	}
	for i := 0; i < len(name); i++ {
		if name[i] == '\n' || name[i] == '\r' {
			name, cut = name[:i], true
			break
		}
	}
	if cut {
		name += "..."
	}
	return `[string "` + name + `"]`
}
