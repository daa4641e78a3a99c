package api

import (
	"context"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// configPackage is msys.config.
func configPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "config",
			Params: []Param{
				{Name: "action", Type: String},
				{Name: "word", Type: String, Variadic: true},
			},
			Returns: "value, text | nil, message", Phases: "any", Since: "3.0",
			Doc:     "Does what the console's config command does, with the same words: get and eval look a value up, set and unset change the running configuration until a reload, in the way of a reload. The text is what the console shows.",
			Example: `local n = msys.config("get", "domain", "example.com", "max_outbound_connections")`,
			Status:  Partial, Why: "set and unset are refused while scripts load, in init, timers and console commands",
			Do: doConfig,
		}},
	}
}

func doConfig(e *Env, L *lua.LState) int {
	if action := L.ToString(1); !slices.Contains([]string{"get", "eval", "set", "unset"}, action) {
		L.RaiseError("msys.config(\"%s\") is not supported by mtad: the actions are get, eval, set and unset", action)
	}
	// Elsewhere the generation that the change retires would wait for this call,
	// and this call for the change.
	if action := L.ToString(1); (action == "set" || action == "unset") && e.World.Frame(L) == nil {
		return failure(L, "the configuration can be changed only in a callout, not while scripts load, in init, timers and console commands")
	}
	words := make([]string, L.GetTop())
	for i := range words {
		words[i] = L.ToString(i + 1)
	}
	var text string
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { text, err = e.World.Host().ConfigValue(ctx, words) })
	if err != nil {
		return failure(L, err.Error())
	}
	_, value, _ := strings.Cut(text, " = ")
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	L.Push(lua.LString(value))
	L.Push(lua.LString(text))
	return 2
}
