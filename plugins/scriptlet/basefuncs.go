package scriptlet

import (
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openBaseFunctions puts the basic functions of Lua 5.1 over gopher-lua's, whose
// checks of arguments differ, or are not there.
func openBaseFunctions(L *lua.LState) {
	g := L.G.Global
	set(L, g, map[string]lua.LGFunction{
		"assert":       assert,
		"getfenv":      getFEnv,
		"getmetatable": getMetatable,
		"ipairs":       iterator(g.RawGetString("ipairs"), lua.LNumber(0)),
		"next":         next,
		"pairs":        iterator(g.RawGetString("pairs"), lua.LNil),
		"rawequal":     rawEqual,
		"rawget":       rawGet,
		"rawset":       rawSet,
		"select":       selectFrom,
		"setfenv":      setFEnv,
		"type":         typeOf,
	})
}

func assert(L *lua.LState) int {
	if !lua.LVAsBool(checkAny(L, 1)) {
		raisef(L, "%s", optString(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

// iterator is pairs or ipairs: stock's own step function, kept in its upvalue,
// does not return by way of the table.
func iterator(stock lua.LValue, start lua.LValue) lua.LGFunction {
	step := stock.(*lua.LFunction).Upvalues[0].Value()
	return func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(step)
		L.Push(t)
		L.Push(start)
		return 3
	}
}

func next(L *lua.LState) int {
	t := checkTable(L, 1)
	key := L.Get(2)
	if key != lua.LNil && !hasKey(t, key) {
		L.Error(lua.LString("invalid key to 'next'"), 0)
	}
	k, v := t.Next(key)
	L.Push(k)
	if k == lua.LNil {
		return 1
	}
	L.Push(v)
	return 2
}

// hasKey tells whether a traversal can go on after key. A key that was set to
// nil meanwhile still is one; gopher-lua keeps those of its hash part.
func hasKey(t *lua.LTable, key lua.LValue) bool {
	if t.RawGet(key) != lua.LNil {
		return true
	}
	// Next takes a key that it never had for the first one. Which ones it had is
	// private; where that is not found, every key is taken as good.
	private := reflect.ValueOf(t).Elem()
	if n, ok := key.(lua.LNumber); ok && n >= 1 && n == lua.LNumber(int(n)) {
		if array := private.FieldByName("array"); array.Kind() != reflect.Slice || int(n) <= array.Len() {
			return true
		}
	}
	had := private.FieldByName("k2i")
	return had.Kind() != reflect.Map || had.MapIndex(reflect.ValueOf(key)).IsValid()
}

func rawEqual(L *lua.LState) int {
	a, b := checkAny(L, 1), checkAny(L, 2)
	L.Push(lua.LBool(a == b))
	return 1
}

func rawGet(L *lua.LState) int {
	L.Push(checkTable(L, 1).RawGet(checkAny(L, 2)))
	return 1
}

func rawSet(L *lua.LState) int {
	t, key, value := checkTable(L, 1), checkAny(L, 2), checkAny(L, 3)
	switch n, isNumber := key.(lua.LNumber); {
	case key == lua.LNil:
		L.Error(lua.LString("table index is nil"), 0)
	case isNumber && n != n:
		L.Error(lua.LString("table index is NaN"), 0)
	}
	t.RawSet(key, value)
	L.SetTop(1)
	return 1
}

func selectFrom(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(n - 1))
		return 1
	}
	i := checkInt(L, 1)
	if i < 0 {
		i += n
	} else {
		i = min(i, n)
	}
	if i < 1 {
		argError(L, 1, "index out of range")
	}
	return n - i
}

func typeOf(L *lua.LState) int {
	L.Push(lua.LString(checkAny(L, 1).Type().String()))
	return 1
}

// getMetatable: strings share theirs, which scripts may extend.
func getMetatable(L *lua.LState) int {
	L.Push(L.GetMetatable(checkAny(L, 1)))
	return 1
}

// level is the function that argument 1 of getfenv and setfenv names, nil where
// a tail call has replaced it. Level 0 is the thread.
func level(L *lua.LState, otherwise int) (fn *lua.LFunction, zero bool) {
	if f, ok := L.Get(1).(*lua.LFunction); ok {
		return f, false
	}
	n := 0
	if otherwise < 0 || L.Get(1) != lua.LNil {
		n = checkInt(L, 1)
	} else {
		n = otherwise
	}
	if n < 0 {
		argError(L, 1, "level must be non-negative")
	}
	if n == 0 {
		return nil, true
	}
	f, ok := activation(L, n)
	if !ok {
		argError(L, 1, "invalid level")
	}
	if !f.known() {
		raisef(L, "no function environment for tail call at level %d", n)
	}
	return f.function(), false
}

func getFEnv(L *lua.LState) int {
	fn, zero := level(L, 1)
	switch {
	case zero:
		L.Push(L.Env)
	case fn.IsG:
		L.Push(L.G.Global)
	default:
		L.Push(fn.Env)
	}
	return 1
}

func setFEnv(L *lua.LState) int {
	env := checkTable(L, 2)
	fn, zero := level(L, -1)
	if zero {
		L.Env = env
		return 0
	}
	if fn.IsG {
		raisef(L, "'setfenv' cannot change environment of given object")
	}
	fn.Env = env
	L.Push(fn)
	return 1
}
