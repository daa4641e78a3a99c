package dialect_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

// newState is a state as a scriptlet has it, whose output goes to out.
func newState(t testing.TB, out *strings.Builder) *lua.LState {
	t.Helper()
	L := lua.NewState()
	t.Cleanup(L.Close)
	text := func(v lua.LValue) string {
		if n, ok := v.(lua.LNumber); ok {
			return dialect.NumberText(float64(n))
		}
		return L.ToStringMeta(v).String()
	}
	write := func(separator, end string) lua.LGFunction {
		return func(L *lua.LState) int {
			for i := 1; i <= L.GetTop(); i++ {
				if i > 1 {
					out.WriteString(separator)
				}
				out.WriteString(text(L.Get(i)))
			}
			out.WriteString(end)
			return 0
		}
	}
	L.SetGlobal("print", L.NewFunction(write("\t", "\n")))
	L.SetField(L.GetGlobal("io"), "write", L.NewFunction(write("", "")))
	L.SetGlobal("tonumber", L.NewFunction(dialect.ToNumber))
	L.SetGlobal("tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(text(L.CheckAny(1))))
		return 1
	}))
	L.SetFuncs(L.GetGlobal("string").(*lua.LTable), lpattern.Functions(lpattern.Options{}))
	return L
}

// runChunk compiles and runs a chunk, and gives what it prints; an error is the last line.
func runChunk(t testing.TB, src string) string {
	t.Helper()
	proto, problems := dialect.Compile("test", []byte(src), dialect.NewRuntime(dialect.Limits{}))
	if len(problems) > 0 {
		return problems[0].String() + "\n"
	}
	var out strings.Builder
	L := newState(t, &out)
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, 0, nil); err != nil {
		out.WriteString(errorText(err) + "\n")
	}
	return out.String()
}

// errorText is an error without its traceback.
func errorText(err error) string {
	if e, ok := err.(*lua.ApiError); ok {
		return e.Object.String()
	}
	return err.Error()
}
