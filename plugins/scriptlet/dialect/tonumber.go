package dialect

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// ToNumber is the dialect's tonumber: tonumber("010") is 8, tonumber("08") is
// nil; with a base from 2 to 36 it reads an integer as strtoul does.
func ToNumber(L *lua.LState) int {
	base := 10.0
	if v := L.Get(2); v != lua.LNil {
		n, ok := toNumber(v)
		if !ok {
			L.RaiseError("bad argument #2 to 'tonumber' (number expected, got %s)", v.Type().String())
		}
		base = math.Trunc(n)
	}
	if L.GetTop() < 1 {
		L.RaiseError("bad argument #1 to 'tonumber' (value expected)")
	}
	v := L.Get(1)
	if base == 10 {
		return pushNumber(L, v)
	}
	if n, ok := v.(lua.LNumber); ok {
		v = lua.LString(NumberText(float64(n)))
	}
	digits, ok := v.(lua.LString)
	if !ok {
		L.RaiseError("bad argument #1 to 'tonumber' (string expected, got %s)", v.Type().String())
	}
	if !(base >= 2 && base <= 36) {
		L.RaiseError("bad argument #2 to 'tonumber' (base out of range)")
	}
	n, ok := parseUnsigned(string(digits), uint64(base))
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(n))
	return 1
}

func pushNumber(L *lua.LState, v lua.LValue) int {
	n, ok := toNumber(v)
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(n))
	return 1
}

// parseUnsigned is strtoul: a minus wraps around, what is too large saturates.
func parseUnsigned(s string, base uint64) (uint64, bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, space)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s = s[2:]
	}
	var n uint64
	saturated := false
	for i := 0; i < len(s); i++ {
		d := digit(s[i])
		if d >= base {
			return 0, false
		}
		saturated = saturated || n > (math.MaxUint64-d)/base
		n = n*base + d
	}
	switch {
	case s == "":
		return 0, false
	case saturated:
		return math.MaxUint64, true
	case negative:
		return -n, true
	}
	return n, true
}

func digit(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return uint64(c|0x20-'a') + 10
	}
	return math.MaxUint64
}
