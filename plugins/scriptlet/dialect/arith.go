package dialect

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// arithmetic is an operator of Lua on numbers and on text that is a number.
func (rt *Runtime) arithmetic(event string, apply func(a, b float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		lhs, rhs := L.Get(1), L.Get(2)
		a, ok1 := toNumber(lhs)
		b, ok2 := toNumber(rhs)
		if ok1 && ok2 {
			L.Push(lua.LNumber(apply(a, b)))
			return 1
		}
		if rt.meta(L, event, lhs, rhs) {
			return 1
		}
		return rt.operandError(L, "perform arithmetic on", ok1)
	}
}

// Modulo is a - floor(a/b)*b, as Lua 5.1 defines it: never -0, and nan where b is
// infinite.
func Modulo(a, b float64) float64 { return a - math.Floor(a/b)*b }

// stringArithmetic is the metamethods of StringMetamethods.
func (rt *Runtime) stringArithmetic() map[string]*lua.LFunction {
	fns := map[string]*lua.LFunction{}
	for event, apply := range map[string]func(a, b float64) float64{
		"__add": func(a, b float64) float64 { return a + b },
		"__sub": func(a, b float64) float64 { return a - b },
		"__mul": func(a, b float64) float64 { return a * b },
		"__div": func(a, b float64) float64 { return a / b },
		"__pow": math.Pow,
	} {
		fns[event] = &lua.LFunction{IsG: true, GFunction: rt.arithmetic(event, apply)}
	}
	fns["__unm"] = &lua.LFunction{IsG: true, GFunction: rt.negate}
	return fns
}

// negate gets the operand twice, or once from the VM.
func (rt *Runtime) negate(L *lua.LState) int {
	if n, ok := toNumber(L.Get(1)); ok {
		L.Push(lua.LNumber(-n))
		return 1
	}
	return rt.typeError(L, "perform arithmetic on", L.Get(1), 0)
}

// StringMetamethods are to be put into the metatable of strings: the virtual
// machine asks them for arithmetic with text before it would read the text
// itself, by other rules than the dialect's (ParseNumber).
func (rt *Runtime) StringMetamethods() map[string]*lua.LFunction { return rt.strings }
