package scriptlet

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

// openMath corrects gopher-lua's: math.huge is infinite, an empty interval is
// an error rather than a panic, and there is no seed that one script could set
// for all.
func (in *interpreter) openMath(L *lua.LState) {
	t := L.G.Global.RawGetString("math").(*lua.LTable)
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	set(L, t, map[string]lua.LGFunction{
		"random":     mathRandom,
		"randomseed": func(*lua.LState) int { return 0 },
		"mod":        mathMod,
	})
}

func mathRandom(L *lua.LState) int {
	low, high := 1.0, 0.0
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(rand.Float64()))
		return 1
	case 1:
		high = math.Floor(checkNumber(L, 1))
	default:
		low, high = math.Floor(checkNumber(L, 1)), math.Floor(checkNumber(L, 2))
	}
	if !(low <= high) {
		argError(L, L.GetTop(), "interval is empty")
	}
	L.Push(lua.LNumber(low + math.Floor(rand.Float64()*(high-low+1))))
	return 1
}

// mathMod is C's fmod, whose sign is the dividend's.
func mathMod(L *lua.LState) int {
	L.Push(lua.LNumber(math.Mod(checkNumber(L, 1), checkNumber(L, 2))))
	return 1
}
