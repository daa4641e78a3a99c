package scriptlet

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

// openMath is Lua 5.1's library, with its checks of arguments, but there is no
// seed that one script could set for all.
func (in *interpreter) openMath(L *lua.LState) {
	t := L.G.Global.RawGetString("math").(*lua.LTable)
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	for name, f := range map[string]func(float64) float64{
		"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos,
		"cosh": math.Cosh, "exp": math.Exp, "floor": math.Floor, "log": math.Log, "log10": math.Log10, "sin": math.Sin,
		"sinh": math.Sinh, "sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
		"deg": func(v float64) float64 { return v / (math.Pi / 180) },
		"rad": func(v float64) float64 { return v * (math.Pi / 180) },
	} {
		t.RawSetString(name, L.NewFunction(unary(f)))
	}
	for name, f := range map[string]func(a, b float64) float64{
		"atan2": math.Atan2, "pow": math.Pow,
		"fmod": math.Mod, "mod": math.Mod, // C's, whose sign is the dividend's
	} {
		t.RawSetString(name, L.NewFunction(binary(f)))
	}
	set(L, t, map[string]lua.LGFunction{
		"frexp":      mathFrexp,
		"ldexp":      mathLdexp,
		"max":        extreme(func(a, b float64) bool { return a > b }),
		"min":        extreme(func(a, b float64) bool { return a < b }),
		"modf":       mathModf,
		"random":     mathRandom,
		"randomseed": func(L *lua.LState) int { checkNumber(L, 1); return 0 },
	})
}

func unary(f func(float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		L.Push(lua.LNumber(f(checkNumber(L, 1))))
		return 1
	}
}

func binary(f func(a, b float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		a, b := checkNumber(L, 1), checkNumber(L, 2)
		L.Push(lua.LNumber(f(a, b)))
		return 1
	}
}

// extreme is max or min. A nan stays only where it comes first.
func extreme(better func(a, b float64) bool) lua.LGFunction {
	return func(L *lua.LState) int {
		best := checkNumber(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			if v := checkNumber(L, i); better(v, best) {
				best = v
			}
		}
		L.Push(lua.LNumber(best))
		return 1
	}
}

func mathFrexp(L *lua.LState) int {
	fraction, exponent := math.Frexp(checkNumber(L, 1))
	L.Push(lua.LNumber(fraction))
	L.Push(lua.LNumber(exponent))
	return 2
}

func mathLdexp(L *lua.LState) int {
	v, exponent := checkNumber(L, 1), checkInt(L, 2)
	L.Push(lua.LNumber(math.Ldexp(v, max(min(exponent, 10000), -10000))))
	return 1
}

func mathModf(L *lua.LState) int {
	v := checkNumber(L, 1)
	whole, fraction := math.Modf(v)
	if math.IsInf(v, 0) {
		fraction = 0 // as C has it, and Go not
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(math.Copysign(fraction, v)))
	return 2
}

func mathRandom(L *lua.LState) int {
	low, high := 1, 0
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(rand.Float64()))
		return 1
	case 1:
		high = checkInt(L, 1)
	case 2:
		low, high = checkInt(L, 1), checkInt(L, 2)
	default:
		raisef(L, "wrong number of arguments")
	}
	if low > high {
		argError(L, L.GetTop(), "interval is empty")
	}
	L.Push(lua.LNumber(float64(low) + math.Floor(rand.Float64()*(float64(high)-float64(low)+1))))
	return 1
}
