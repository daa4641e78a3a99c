package scriptlet

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// The checks of this file do for library functions what api does for API
// functions: errors are worded as in Lua 5.1, and text and numbers turn into
// each other by the dialect's rules.

func argError(L *lua.LState, n int, text string) {
	name := "?"
	if f, ok := topFrame(L); ok && f.name() != "" {
		name = f.name()
		if strings.HasPrefix(operandName(L, 0), "method ") {
			n-- // the object does not count
		}
	}
	if n == 0 {
		raisef(L, "calling '%s' on bad self (%s)", name, text)
	}
	raisef(L, "bad argument #%d to '%s' (%s)", n, name, text)
}

func typeError(L *lua.LState, n int, expected string) {
	got := "no value"
	if n <= L.GetTop() {
		got = L.Get(n).Type().String()
	}
	argError(L, n, fmt.Sprintf("%s expected, got %s", expected, got))
}

func checkAny(L *lua.LState, n int) lua.LValue {
	if n > L.GetTop() {
		argError(L, n, "value expected")
	}
	return L.Get(n)
}

func checkString(L *lua.LState, n int) string {
	switch v := L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return dialect.NumberText(float64(v))
	}
	typeError(L, n, "string")
	return ""
}

func optString(L *lua.LState, n int, otherwise string) string {
	if L.Get(n) == lua.LNil {
		return otherwise
	}
	return checkString(L, n)
}

func checkNumber(L *lua.LState, n int) float64 {
	switch v := L.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		if f, ok := dialect.ParseNumber(string(v)); ok {
			return f
		}
	}
	typeError(L, n, "number")
	return 0
}

func checkInt(L *lua.LState, n int) int { return int(truncate(checkNumber(L, n))) }

func optInt(L *lua.LState, n, otherwise int) int {
	if L.Get(n) == lua.LNil {
		return otherwise
	}
	return checkInt(L, n)
}

func checkTable(L *lua.LState, n int) *lua.LTable {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		typeError(L, n, "table")
	}
	return t
}

func checkFunction(L *lua.LState, n int) *lua.LFunction {
	fn, ok := L.Get(n).(*lua.LFunction)
	if !ok {
		typeError(L, n, "function")
	}
	return fn
}
