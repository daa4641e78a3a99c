package api

import lua "github.com/yuin/gopher-lua"

// asyncPackage is msys.asyncOk.
func asyncPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "asyncOk", Returns: "boolean", Phases: "any", Since: "3.0",
			Doc:     "Whether the script may be suspended here; in mtad it may everywhere.",
			Example: `if msys.asyncOk() then msys.sleep(1) end`,
			Do: func(_ *Env, L *lua.LState) int {
				L.Push(lua.LTrue)
				return 1
			},
		}},
	}
}
