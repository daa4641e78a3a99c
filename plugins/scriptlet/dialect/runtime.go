package dialect

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// Runtime is the functions behind the dialect's operators. It is immutable:
// one serves every script and LState. The functions cannot be reached from a
// script other than by the operator.
type Runtime struct {
	functions [ops]*lua.LFunction
	limits    Limits
}

// Limits bounds what the operators do in Go, where the VM does not count
// instructions.
type Limits struct {
	// MaxString is how long, in bytes, a string that `..` builds may be; 0 is
	// no bound.
	MaxString int
	// Spend, if set, charges steps of about 10 ns each, and raises when the
	// script's budget is used up.
	Spend func(L *lua.LState, steps int)
}

// NewRuntime makes the operator functions.
func NewRuntime(limits Limits) *Runtime {
	rt := &Runtime{limits: limits}
	for o, fn := range map[op]lua.LGFunction{
		opOr:     bitwise("__or", func(a, b int64) int64 { return a | b }),
		opAnd:    bitwise("__and", func(a, b int64) int64 { return a & b }),
		opXor:    bitwise("__xor", func(a, b int64) int64 { return a ^ b }),
		opShl:    bitwise("__shl", func(a, b int64) int64 { return a << (b & 63) }), // as x86 does for the original
		opShr:    bitwise("__shr", func(a, b int64) int64 { return a >> (b & 63) }),
		opNot:    complement,
		opIntdiv: intdiv,
		opConcat: rt.concat,
		opIter:   iter,
		opAppend: appendValues,
	} {
		// No Env: nothing that runs in these functions asks for one, and getfenv
		// never shows a Go function's.
		rt.functions[o] = &lua.LFunction{IsG: true, GFunction: fn}
	}
	return rt
}

// bitwise is a binary operator on integers.
func bitwise(event string, apply func(a, b int64) int64) lua.LGFunction {
	return func(L *lua.LState) int {
		lhs, rhs := L.Get(1), L.Get(2)
		a, ok1 := toNumber(lhs)
		b, ok2 := toNumber(rhs)
		if ok1 && ok2 {
			L.Push(lua.LNumber(apply(toInteger(a), toInteger(b))))
			return 1
		}
		if meta(L, event, lhs, rhs) {
			return 1
		}
		if !ok1 {
			rhs = lhs
		}
		return typeError(L, "perform bitwise operation on", rhs)
	}
}

func complement(L *lua.LState) int {
	v := L.Get(1)
	if n, ok := toNumber(v); ok {
		L.Push(lua.LNumber(^toInteger(n)))
		return 1
	}
	if meta(L, "__not", v, v) {
		return 1
	}
	return typeError(L, "perform bitwise operation on", v)
}

// intdiv is floor(a/b). The original declares __intdiv and calls __div; both do here.
func intdiv(L *lua.LState) int {
	lhs, rhs := L.Get(1), L.Get(2)
	a, ok1 := toNumber(lhs)
	b, ok2 := toNumber(rhs)
	if ok1 && ok2 {
		L.Push(lua.LNumber(math.Floor(a / b)))
		return 1
	}
	if meta(L, "__intdiv", lhs, rhs) || meta(L, "__div", lhs, rhs) {
		return 1
	}
	if !ok1 {
		rhs = lhs
	}
	return typeError(L, "perform arithmetic on", rhs)
}

// iter gives a generic for its function, state and first control value: those
// it gets, or what the __iter of the first gives.
func iter(L *lua.LState) int {
	v := L.Get(1)
	if v.Type() == lua.LTFunction {
		return L.GetTop()
	}
	h := L.GetMetaField(v, "__iter")
	if h.Type() != lua.LTFunction {
		return L.GetTop() // the loop calls it, or raises that it cannot
	}
	L.Push(h)
	L.Push(v)
	L.Call(1, 3)
	return 3
}

// appendValues stores its third and later arguments in a table behind an index.
func appendValues(L *lua.LState) int {
	t, n := L.CheckTable(1), L.CheckInt(2)
	for i := 3; i <= L.GetTop(); i++ {
		t.RawSetInt(n+i-2, L.Get(i))
	}
	L.Push(t)
	return 1
}

// meta calls the metamethod of the operands, if there is one, and pushes its value.
func meta(L *lua.LState, event string, lhs, rhs lua.LValue) bool {
	h := L.GetMetaField(lhs, event)
	if h == lua.LNil {
		h = L.GetMetaField(rhs, event)
	}
	if h.Type() != lua.LTFunction {
		return false
	}
	L.Push(h)
	L.Push(lhs)
	L.Push(rhs)
	L.Call(2, 1)
	return true
}

func typeError(L *lua.LState, what string, v lua.LValue) int {
	L.RaiseError("attempt to %s a %s value", what, v.Type().String())
	return 0
}

func toNumber(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return ParseNumber(string(v))
	}
	return 0, false
}

// toInteger truncates as a C cast does on x86: what does not fit is the lowest integer.
func toInteger(v float64) int64 {
	if v >= -(1<<63) && v < 1<<63 {
		return int64(v)
	}
	return math.MinInt64
}
