package api

import (
	"context"
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
			Doc:     "Looks a configuration value up as the console's config command does, with the same words; the text is the line that the console shows.",
			Example: `local n = msys.config("get", "domain", "example.com", "max_outbound_connections")`,
			Status:  Partial, Why: "only get and eval: the configuration changes by a reload of its files, never from a script",
			Do: doConfig,
		}},
	}
}

func doConfig(e *Env, L *lua.LState) int {
	if action := L.ToString(1); action != "get" && action != "eval" {
		L.RaiseError("msys.config(\"%s\") is not supported by mtad: the configuration changes by a reload of its files", action)
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
