package api

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// mathxPackage is mathx: the functions of C99 that Lua's math lacks.
func mathxPackage() Package {
	one := func(name, doc string, f func(float64) float64) Func {
		return Func{Name: name, Params: []Param{{Name: "x", Type: Number}}, Returns: "number", Phases: "any", Since: "mtad", Doc: doc,
			Example: `local y = require("mathx").` + name + `(0.5)`,
			Do: func(_ *Env, L *lua.LState) int {
				L.Push(lua.LNumber(f(float64(L.ToNumber(1)))))
				return 1
			}}
	}
	two := func(name, doc string, f func(x, y float64) float64) Func {
		return Func{Name: name, Params: []Param{{Name: "x", Type: Number}, {Name: "y", Type: Number}}, Returns: "number", Phases: "any", Since: "mtad", Doc: doc,
			Example: `local z = require("mathx").` + name + `(3, 4)`,
			Do: func(_ *Env, L *lua.LState) int {
				L.Push(lua.LNumber(f(float64(L.ToNumber(1)), float64(L.ToNumber(2)))))
				return 1
			}}
	}
	test := func(name, doc string, f func(float64) bool) Func {
		return Func{Name: name, Params: []Param{{Name: "x", Type: Number}}, Returns: "boolean", Phases: "any", Since: "mtad", Doc: doc,
			Example: `local yes = require("mathx").` + name + `(1)`,
			Do:      func(_ *Env, L *lua.LState) int { return pushBool(L, f(float64(L.ToNumber(1)))) }}
	}
	const smallest = 2.2250738585072014e-308 // the smallest normal number
	return Package{
		Name: "mathx", Doc: "Functions of C99 that Lua's math lacks.",
		Funcs: []Func{
			one("acosh", "The inverse hyperbolic cosine.", math.Acosh), one("asinh", "The inverse hyperbolic sine.", math.Asinh),
			one("atanh", "The inverse hyperbolic tangent.", math.Atanh), one("cbrt", "The cube root.", math.Cbrt),
			one("erf", "The error function.", math.Erf), one("erfc", "The complementary error function.", math.Erfc),
			one("exp2", "2 to the power of x.", math.Exp2), one("expm1", "e to the power of x, less 1.", math.Expm1),
			one("gamma", "The gamma function.", math.Gamma),
			one("lgamma", "The logarithm of the gamma function's absolute value.", func(x float64) float64 { v, _ := math.Lgamma(x); return v }),
			one("log1p", "The logarithm of 1 + x.", math.Log1p), one("log2", "The logarithm to the base 2.", math.Log2),
			one("logb", "The exponent of x to the base 2.", math.Logb), one("nearbyint", "The nearest whole number, halves to the even one.", math.RoundToEven),
			one("rint", "The nearest whole number, halves to the even one.", math.RoundToEven), one("round", "The nearest whole number, halves away from 0.", math.Round),
			one("trunc", "The whole part.", math.Trunc),
			two("copysign", "The size of x with the sign of y.", math.Copysign), two("fdim", "x - y, at least 0.", math.Dim),
			two("fmax", "The larger one.", math.Max), two("fmin", "The smaller one.", math.Min), two("hypot", "The square root of x*x + y*y.", math.Hypot),
			two("nextafter", "The next number after x towards y.", math.Nextafter), two("remainder", "The IEEE 754 remainder of x/y.", math.Remainder),
			test("isfinite", "Whether x is neither infinite nor NaN.", func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }),
			test("isinf", "Whether x is infinite.", func(x float64) bool { return math.IsInf(x, 0) }),
			test("isnan", "Whether x is NaN.", math.IsNaN),
			test("isnormal", "Whether x is a normal number.", func(x float64) bool { return !math.IsInf(x, 0) && math.Abs(x) >= smallest }),
			test("signbit", "Whether x has a minus, also -0.", math.Signbit),
		},
	}
}
