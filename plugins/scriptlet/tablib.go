package scriptlet

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// openTable replaces what works in Go without an end that a limit could set.
func (in *interpreter) openTable(L *lua.LState) {
	t := L.G.Global.RawGetString("table").(*lua.LTable)
	set(L, t, map[string]lua.LGFunction{
		"concat":   in.tableConcat,
		"foreach":  tableForeach,
		"foreachi": tableForeachI,
		"getn":     func(L *lua.LState) int { L.Push(lua.LNumber(checkTable(L, 1).Len())); return 1 },
		"insert":   tableInsert,
		"maxn":     tableMaxN,
		"remove":   tableRemove,
		"sort":     tableSort,
		"setn":     func(L *lua.LState) int { checkTable(L, 1); raisef(L, "'setn' is obsolete"); return 0 },
	})
}

func (in *interpreter) tableConcat(L *lua.LState) int {
	t := checkTable(L, 1)
	sep := ""
	if L.Get(2) != lua.LNil {
		sep = checkString(L, 2)
	}
	first, last := optInt(L, 3, 1), optInt(L, 4, t.Len())
	r := threadOf(L).run
	var b strings.Builder
	b.Grow(in.joinedSize(L, t, len(sep), first, last))
	for i := first; i <= last; i++ {
		switch v := t.RawGet(lua.LNumber(i)).(type) {
		case lua.LString:
			r.write(L, &b, string(v))
		case lua.LNumber:
			b.WriteString(dialect.NumberText(float64(v)))
		}
		if i != last {
			b.WriteString(sep)
		}
		r.spend(L, 2)
	}
	L.Push(lua.LString(b.String()))
	return 1
}

// joinedSize is how long the text of table.concat is, at the most. It raises where
// that cannot be.
func (in *interpreter) joinedSize(L *lua.LState, t *lua.LTable, sep, first, last int) int {
	r := threadOf(L).run
	size := 0
	for i := first; i <= last; i++ {
		switch v := t.RawGet(lua.LNumber(i)).(type) {
		case lua.LString:
			size += len(v) + sep
		case lua.LNumber:
			size += numberRoom + sep
		default:
			raisef(L, "invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if size > in.limits.text() {
			raisef(L, "resulting string too large")
		}
		r.spend(L, 1)
	}
	return size
}

// numberRoom is enough for the text of a number.
const numberRoom = 24

func tableForeach(L *lua.LState) int {
	t, fn := checkTable(L, 1), checkFunction(L, 2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if visit(L, fn, k, v) {
			return 1
		}
	}
	return 0
}

func tableForeachI(L *lua.LState) int {
	t, fn := checkTable(L, 1), checkFunction(L, 2)
	for i := 1; i <= t.Len(); i++ {
		if visit(L, fn, lua.LNumber(i), t.RawGetInt(i)) {
			return 1
		}
	}
	return 0
}

// visit calls fn(k, v), and reports whether it returned something, which lies
// on the stack then.
func visit(L *lua.LState, fn *lua.LFunction, k, v lua.LValue) bool {
	threadOf(L).run.spend(L, 5)
	L.Push(fn)
	L.Push(k)
	L.Push(v)
	L.Call(2, 1)
	if L.Get(-1) != lua.LNil {
		return true
	}
	L.Pop(1)
	return false
}

func tableInsert(L *lua.LState) int {
	t := checkTable(L, 1)
	n := t.Len()
	if n >= maxArray-1 {
		raisef(L, "table is full: # counts to %d at most", maxArray-1)
	}
	switch L.GetTop() {
	case 2:
		t.Append(L.Get(2))
	case 3:
		insertAt(L, t, n, checkInt(L, 2))
	default:
		raisef(L, "wrong number of arguments to 'insert'")
	}
	return 0
}

// insertAt moves up what stands at pos and above, as far as # counts, and puts
// argument 3 there. A pos outside of that is a key like any other, except that
// one below 1 moves all that is above it.
func insertAt(L *lua.LState, t *lua.LTable, n, pos int) {
	r := threadOf(L).run
	r.spend(L, max(n-max(pos, 1), 0)/8)
	if pos >= 1 {
		t.Insert(pos, L.Get(3))
		return
	}
	for i := n + 1; i > pos; i-- {
		t.RawSet(lua.LNumber(i), t.RawGet(lua.LNumber(i-1)))
		r.spend(L, 20)
	}
	t.RawSet(lua.LNumber(pos), L.Get(3))
}

// tableMaxN is the largest positive numeric key.
func tableMaxN(L *lua.LState) int {
	t := checkTable(L, 1)
	r := threadOf(L).run
	highest := lua.LNumber(0)
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if n, ok := k.(lua.LNumber); ok && n > highest {
			highest = n
		}
		r.spend(L, 5)
	}
	L.Push(highest)
	return 1
}

func tableRemove(L *lua.LState) int {
	t := checkTable(L, 1)
	n := t.Len()
	pos := n
	if L.Get(2) != lua.LNil {
		pos = checkInt(L, 2)
	}
	if n == 0 || pos < 1 || pos > n {
		return 0
	}
	threadOf(L).run.spend(L, (n-pos)/8)
	L.Push(t.Remove(pos))
	return 1
}

// openThreadLocals makes thrlua's two tables: _TLS belongs to the session,
// _OSTLS to the operating system's thread, which here is the interpreter
// (reference/lua-api-notes.md 3).
func (in *interpreter) openThreadLocals(L *lua.LState) {
	L.G.Global.RawSetString("_OSTLS", L.NewTable())
	shared := L.NewTable()
	proxy, mt := L.CreateTable(0, 0), L.CreateTable(0, 2)
	local := func(L *lua.LState) *lua.LTable {
		s := threadOf(L).run.sess
		if s == nil {
			return shared
		}
		if s.tls == nil {
			s.tls = L.CreateTable(0, 4)
		}
		return s.tls
	}
	set(L, mt, map[string]lua.LGFunction{
		"__index": func(L *lua.LState) int {
			L.Push(local(L).RawGet(L.Get(2)))
			return 1
		},
		"__newindex": func(L *lua.LState) int {
			L.RawSet(local(L), L.Get(2), L.Get(3))
			return 0
		},
		"__tostring": func(L *lua.LState) int {
			L.Push(lua.LString(api.Text(L, local(L))))
			return 1
		},
	})
	proxy.Metatable = mt
	L.G.Global.RawSetString("_TLS", proxy)
}
