package dialect

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxLoad bounds what load takes from its function, in bytes.
const maxLoad = 16 << 20

// LoadString is loadstring for the dialect: a function, or nil and why not.
// The stock one would compile stock Lua, by gopher-lua's own parser.
func (rt *Runtime) LoadString(L *lua.LState) int {
	src, ok := L.Get(1).(lua.LString)
	if !ok {
		L.RaiseError("bad argument #1 to 'loadstring' (string expected, got %s)", L.Get(1).Type().String())
	}
	return rt.load(L, string(src), L.OptString(2, string(src)))
}

// Load is load for the dialect: its first argument gives the source in pieces,
// until it gives nil or an empty string.
func (rt *Runtime) Load(L *lua.LState) int {
	fn := L.CheckFunction(1)
	var src strings.Builder
	for {
		L.Push(fn)
		L.Call(0, 1)
		piece := L.Get(-1)
		L.Pop(1)
		if piece == lua.LNil || piece == lua.LString("") {
			return rt.load(L, src.String(), L.OptString(2, "=(load)"))
		}
		s, ok := piece.(lua.LString)
		if !ok {
			L.RaiseError("reader function must return a string")
		}
		if src.Len()+len(s) > maxLoad {
			L.RaiseError("chunk is longer than %d bytes", maxLoad)
		}
		src.WriteString(string(s))
	}
}

func (rt *Runtime) load(L *lua.LState, src, name string) int {
	proto, problems := CompileChunk(chunkName(name), []byte(src), rt, nil)
	if len(problems) > 0 {
		p := problems[0]
		p.Snippet = ""
		L.Push(lua.LNil)
		L.Push(lua.LString(p.String()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

// chunkName is how a chunk is called in messages (luaO_chunkid): a name after
// = or @ as it is, else the first line of the source.
func chunkName(name string) string {
	if name != "" && (name[0] == '=' || name[0] == '@') {
		return name[1:]
	}
	line, _, more := strings.Cut(name, "\n")
	if len(line) > 40 {
		line, more = line[:40], true
	}
	if more {
		line += "..."
	}
	return `[string "` + line + `"]`
}
