package api

import (
	"context"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// globalPackage is what the API adds to _G itself.
func globalPackage() Package {
	return Package{
		Name:    "",
		Doc:     "Functions that every script finds among its globals.",
		Preload: true,
		Funcs: []Func{{
			Name:    "print",
			Params:  []Param{{Name: "value", Type: Any, Optional: true, Variadic: true}},
			Returns: "nothing",
			Phases:  "any",
			Since:   "3.0",
			Doc:     "Writes its arguments, joined by tabs, to the paniclog, or to the console's reply inside a control handler.",
			Example: `print("Confirming entry in panic log.")`,
			Do:      doPrint,
		}},
	}
}

// printSteps is what a line in the paniclog costs of the script's budget: about
// 20 us, so that no callout can fill the disk.
const printSteps = 2000

func doPrint(e *Env, L *lua.LState) int {
	n := L.GetTop()
	parts := make([]string, n)
	for i := range parts {
		parts[i] = Text(L, L.Get(i+1))
	}
	text := strings.Join(parts, "\t")
	e.World.Spend(L, printSteps+len(text))
	e.World.Print(L, text)
	return 0
}

// msysPackage is the msys table itself: what needs no require.
func msysPackage() Package {
	return Package{
		Name:    "msys",
		Doc:     "The base of the API. Its functions are there without require.",
		Preload: true,
		Funcs: []Func{
			registerModuleFunc(), registerAuthFunc(), registerControlFunc(), runInPoolFunc(), sleepFunc(), typeFunc(),
		},
		Classes: []Class{commandClass()},
	}
}

func registerModuleFunc() Func {
	return Func{
		Name:    "registerModule",
		Params:  []Param{{Name: "name", Type: String}, {Name: "functable", Type: Table}},
		Returns: "nothing",
		Phases:  "load",
		Since:   "3.0",
		Doc:     "Binds the callouts that a table holds under their hooks' names; the name appears in messages only.",
		Example: `msys.registerModule("ehlo_phase", mod)`,
		Do: func(e *Env, L *lua.LState) int {
			e.World.Register(L, L.ToString(1), L.ToTable(2))
			return 0
		},
	}
}

func registerControlFunc() Func {
	return Func{
		Name:    "registerControl",
		Params:  []Param{{Name: "prefix", Type: String}, {Name: "handler", Type: Function}},
		Returns: "nothing",
		Phases:  "load,init,rsrc_setup",
		Since:   "3.0",
		Doc:     "Adds a console command; what the handler prints is the reply.",
		Example: `msys.registerControl("hello", function(cc) print("hello", cc.argv[1]) end)`,
		Do: func(e *Env, L *lua.LState) int {
			e.World.RegisterControl(L, strings.Join(strings.Fields(L.ToString(1)), " "), L.ToFunction(2))
			return 0
		},
	}
}

func sleepFunc() Func {
	return Func{
		Name:    "sleep",
		Params:  []Param{{Name: "seconds", Type: Number}},
		Returns: "nothing",
		Phases:  "any",
		Since:   "3.0",
		Doc:     "Suspends the calling session; fractions of a second are allowed, and other sessions go on.",
		Example: `msys.sleep(0.5)`,
		Do: func(e *Env, L *lua.LState) int {
			d := time.Duration(float64(L.ToNumber(1)) * float64(time.Second))
			e.World.Wait(L, true, func(ctx context.Context) { pause(ctx, d) })
			return 0
		},
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func typeFunc() Func {
	return Func{
		Name:    "type",
		Params:  []Param{{Name: "value", Type: Any}},
		Returns: "string",
		Phases:  "any",
		Since:   "3.0",
		Doc:     "Like type(), but an object of the API reports its class.",
		Example: `msys.type(msg) -- "ec_message"`,
		Do: func(e *Env, L *lua.LState) int {
			L.Push(lua.LString(e.TypeName(L.Get(1))))
			return 1
		},
	}
}
