package scriptlet

import (
	"sort"

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
		"insert":   tableInsert,
		"remove":   tableRemove,
		"sort":     tableSort,
		"setn":     func(L *lua.LState) int { L.RaiseError("'setn' is obsolete"); return 0 },
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
	var buf []byte
	for i := first; i <= last; i++ {
		switch v := t.RawGetInt(i).(type) {
		case lua.LString:
			buf = append(buf, v...)
		case lua.LNumber:
			buf = append(buf, dialect.NumberText(float64(v))...)
		default:
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if i != last {
			buf = append(buf, sep...)
		}
		if len(buf) > in.limits.text() {
			L.RaiseError("resulting string too large")
		}
		r.spend(L, 2)
	}
	L.Push(lua.LString(buf))
	return 1
}

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
	if t.Len() >= maxArray-1 {
		L.RaiseError("table is full: # counts to %d at most", maxArray-1)
	}
	switch L.GetTop() {
	case 2:
		t.Append(L.Get(2))
	case 3:
		pos, n := checkInt(L, 2), t.Len()
		threadOf(L).run.spend(L, max(n-pos, 0)/8)
		t.Insert(pos, L.Get(3))
	default:
		L.RaiseError("wrong number of arguments to 'insert'")
	}
	return 0
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

// sorter sorts a copy of a table's array, so that a comparator may do anything
// to the table meanwhile.
type sorter struct {
	L      *lua.LState
	run    *run
	fn     *lua.LFunction
	values []lua.LValue
}

func (s *sorter) Len() int      { return len(s.values) }
func (s *sorter) Swap(i, j int) { s.values[i], s.values[j] = s.values[j], s.values[i] }

func (s *sorter) Less(i, j int) bool {
	s.run.spend(s.L, 4)
	if s.fn == nil {
		return s.L.LessThan(s.values[i], s.values[j])
	}
	s.L.Push(s.fn)
	s.L.Push(s.values[i])
	s.L.Push(s.values[j])
	s.L.Call(2, 1)
	less := lua.LVAsBool(s.L.Get(-1))
	s.L.Pop(1)
	return less
}

func tableSort(L *lua.LState) int {
	t := checkTable(L, 1)
	s := &sorter{L: L, run: threadOf(L).run, values: make([]lua.LValue, t.Len())}
	if L.Get(2) != lua.LNil {
		s.fn = checkFunction(L, 2)
	}
	for i := range s.values {
		s.values[i] = t.RawGetInt(i + 1)
	}
	sort.Sort(s)
	for i, v := range s.values {
		t.RawSetInt(i+1, v)
	}
	return 0
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
