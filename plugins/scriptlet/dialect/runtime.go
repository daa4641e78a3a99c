package dialect

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Runtime is the functions behind the dialect's operators. It is immutable:
// one serves every script and LState. The functions cannot be reached from a
// script other than by the operator.
type Runtime struct {
	functions [ops]*lua.LFunction
	strings   map[string]*lua.LFunction
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
	// Describe, if set, names the operand i, from 0, of the instruction that
	// called the running function: OperandName of its caller.
	Describe func(L *lua.LState, i int) string
}

// NewRuntime makes the operator functions.
func NewRuntime(limits Limits) *Runtime {
	rt := &Runtime{limits: limits}
	for o, fn := range map[op]lua.LGFunction{
		opOr:     rt.bitwise("__or", func(a, b int64) int64 { return a | b }),
		opAnd:    rt.bitwise("__and", func(a, b int64) int64 { return a & b }),
		opXor:    rt.bitwise("__xor", func(a, b int64) int64 { return a ^ b }),
		opShl:    rt.bitwise("__shl", func(a, b int64) int64 { return a << (b & 63) }), // as x86 does for the original
		opShr:    rt.bitwise("__shr", func(a, b int64) int64 { return a >> (b & 63) }),
		opNot:    rt.complement,
		opIntdiv: rt.intdiv,
		opMod:    rt.arithmetic("__mod", Modulo),
		opConcat: rt.concat,
		opIter:   iter,
		opAppend: appendValues,
		opFill:   fill,
	} {
		// No Env: nothing that runs in these functions asks for one, and getfenv
		// never shows a Go function's.
		rt.functions[o] = &lua.LFunction{IsG: true, GFunction: fn}
	}
	rt.strings = rt.stringArithmetic()
	return rt
}

// bitwise is a binary operator on integers.
func (rt *Runtime) bitwise(event string, apply func(a, b int64) int64) lua.LGFunction {
	return func(L *lua.LState) int {
		lhs, rhs := L.Get(1), L.Get(2)
		a, ok1 := toNumber(lhs)
		b, ok2 := toNumber(rhs)
		if ok1 && ok2 {
			L.Push(lua.LNumber(apply(toInteger(a), toInteger(b))))
			return 1
		}
		if rt.meta(L, event, lhs, rhs) {
			return 1
		}
		return rt.operandError(L, "perform bitwise operation on", ok1)
	}
}

func (rt *Runtime) complement(L *lua.LState) int {
	v := L.Get(1)
	if n, ok := toNumber(v); ok {
		L.Push(lua.LNumber(^toInteger(n)))
		return 1
	}
	if rt.meta(L, "__not", v, v) {
		return 1
	}
	return rt.operandError(L, "perform bitwise operation on", false)
}

// intdiv is floor(a/b). The original declares __intdiv and calls __div; both do here.
func (rt *Runtime) intdiv(L *lua.LState) int {
	lhs, rhs := L.Get(1), L.Get(2)
	a, ok1 := toNumber(lhs)
	b, ok2 := toNumber(rhs)
	if ok1 && ok2 {
		L.Push(lua.LNumber(math.Floor(a / b)))
		return 1
	}
	if rt.meta(L, "__intdiv", lhs, rhs) || rt.meta(L, "__div", lhs, rhs) {
		return 1
	}
	return rt.operandError(L, "perform arithmetic on", ok1)
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

// fill gives its first argument to each of the functions that store a part of it.
func fill(L *lua.LState) int {
	for i := 2; i <= L.GetTop(); i++ {
		L.Push(L.Get(i))
		L.Push(L.Get(1))
		L.Call(1, 0)
	}
	L.SetTop(1)
	return 1
}

// meta calls the metamethod of the operands, if there is one, and pushes its value.
func (rt *Runtime) meta(L *lua.LState, event string, lhs, rhs lua.LValue) bool {
	h := rt.handler(L, lhs, event)
	if h == lua.LNil {
		h = rt.handler(L, rhs, event)
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

// handler is a value's metamethod, without those that strings have from here.
func (rt *Runtime) handler(L *lua.LState, v lua.LValue, event string) lua.LValue {
	h := L.GetMetaField(v, event)
	if fn, ok := h.(*lua.LFunction); ok && fn == rt.strings[event] {
		return lua.LNil
	}
	return h
}

// operandError blames the first operand, or the second where the first is good.
func (rt *Runtime) operandError(L *lua.LState, what string, firstGood bool) int {
	if firstGood {
		return rt.typeError(L, what, L.Get(2), 1)
	}
	return rt.typeError(L, what, L.Get(1), 0)
}

// typeError says what cannot be done to a value, which is operand i of the
// caller's instruction; -1 if it is none.
func (rt *Runtime) typeError(L *lua.LState, what string, v lua.LValue, i int) int {
	name := ""
	if rt.limits.Describe != nil && i >= 0 {
		name = rt.limits.Describe(L, i)
	}
	L.RaiseError("%s", TypeError(what, name, v))
	return 0
}

// TypeError is the text of an error about a value of a wrong type, with the
// value's name where there is one (luaG_typeerror of Lua 5.1).
func TypeError(what, name string, v lua.LValue) string {
	if strings.HasPrefix(name, "'for' ") {
		return name // loopValue
	}
	if name != "" {
		return "attempt to " + what + " " + name + " (a " + v.Type().String() + " value)"
	}
	return "attempt to " + what + " a " + v.Type().String() + " value"
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
