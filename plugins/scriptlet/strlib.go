package scriptlet

import (
	lua "github.com/yuin/gopher-lua"
)

// openString replaces gopher-lua's string functions: patterns by those of
// lpattern, what works on letters by what works on bytes, and what makes
// strings by what obeys a bound.
func (in *interpreter) openString(L *lua.LState) {
	t := L.G.Global.RawGetString("string").(*lua.LTable)
	t.RawSetString("dump", lua.LNil)
	set(L, t, map[string]lua.LGFunction{
		"byte":    strByte,
		"char":    strChar,
		"format":  in.strFormat,
		"len":     strLen,
		"lower":   strLower,
		"rep":     in.strRep,
		"reverse": strReverse,
		"sub":     strSub,
		"upper":   strUpper,
	})
	in.openPatterns(L, t)
	mt := L.CreateTable(0, 8)
	mt.RawSetString("__index", t)
	for event, fn := range in.gen.sources.runtime.StringMetamethods() {
		mt.RawSetString(event, fn)
	}
	t.RawSetString("__index", lua.LNil)
	L.SetMetatable(lua.LString(""), mt)
}

// bounds turns Lua's first and last position, which may count from the end,
// into offsets: s[from:to].
func bounds(n, first, last int) (from, to int) {
	if first < 0 {
		first = max(n+first+1, 1)
	}
	if last < 0 {
		last = n + last + 1
	}
	from, to = max(first, 1)-1, min(last, n)
	if from > to {
		return 0, 0
	}
	return from, to
}

func strByte(L *lua.LState) int {
	s := checkString(L, 1)
	first := optInt(L, 2, 1)
	from, to := bounds(len(s), first, optInt(L, 3, first))
	if to-from > maxResults {
		raisef(L, "string slice too long")
	}
	for i := from; i < to; i++ {
		L.Push(lua.LNumber(s[i]))
	}
	return to - from
}

func strChar(L *lua.LState) int {
	b := make([]byte, L.GetTop())
	for i := range b {
		n := checkNumber(L, i+1)
		if n < 0 || n > 255 {
			argError(L, i+1, "invalid value")
		}
		b[i] = byte(n)
	}
	L.Push(lua.LString(b))
	return 1
}

func strLen(L *lua.LState) int {
	L.Push(lua.LNumber(len(checkString(L, 1))))
	return 1
}

func strSub(L *lua.LState) int {
	s := checkString(L, 1)
	from, to := bounds(len(s), checkInt(L, 2), optInt(L, 3, -1))
	L.Push(lua.LString(s[from:to]))
	return 1
}

// lower and upper know ASCII only, as the C locale does: other bytes may be no
// UTF-8 at all.
func strLower(L *lua.LState) int { return mapBytes(L, 'A', 'Z', 'a'-'A') }

func strUpper(L *lua.LState) int { return mapBytes(L, 'a', 'z', -('a' - 'A')) }

func mapBytes(L *lua.LState, first, last byte, shift int) int {
	s := checkString(L, 1)
	if len(s) <= pieceSize && !hasByte(s, first, last) {
		L.Push(lua.LString(s))
		return 1
	}
	L.Push(threadOf(L).run.mapped(L, len(s), func(part []byte, from int) {
		for i, c := range []byte(s[from : from+len(part)]) {
			if first <= c && c <= last {
				c = byte(int(c) + shift)
			}
			part[i] = c
		}
	}))
	return 1
}

func hasByte(s string, first, last byte) bool {
	for i := 0; i < len(s); i++ {
		if first <= s[i] && s[i] <= last {
			return true
		}
	}
	return false
}

func (in *interpreter) strRep(L *lua.LState) int {
	s, n := checkString(L, 1), checkInt(L, 2)
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > in.limits.text()/len(s) {
		raisef(L, "resulting string too large")
	}
	L.Push(threadOf(L).run.repeated(L, s, n))
	return 1
}

func strReverse(L *lua.LState) int {
	s := checkString(L, 1)
	L.Push(threadOf(L).run.mapped(L, len(s), func(part []byte, from int) {
		for i := range part {
			part[i] = s[len(s)-1-from-i]
		}
	}))
	return 1
}
