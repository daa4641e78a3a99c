package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// classesPackage is what scripts do with classes and scheduler instances. The
// original names a class "msys.core:_ec_message".
func classesPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{
			{
				Name: "getClassMetaTable", Params: []Param{{Name: "class", Type: String}},
				Returns: "table | nil", Phases: "any", Since: "3.1",
				Doc:     "The methods of a class, so that a script can add its own; nil for a class that is not known.",
				Example: `local ec_message = msys.getClassMetaTable("msys.core:_ec_message")`,
				Status:  Partial, Why: "it is the table of methods: metamethods cannot be changed",
				Do: func(e *Env, L *lua.LState) int {
					mt := e.registry.Class(plainClass(L.ToString(1)))
					if mt == nil {
						L.Push(lua.LNil)
					} else {
						L.Push(mt.RawGetString("__methods"))
					}
					return 1
				},
			},
			{
				Name: "cast", Params: []Param{{Name: "object", Type: Userdata}, {Name: "class", Type: String}},
				Returns: "object", Phases: "any", Since: "3.1",
				Doc:     "Gives the object back if it is of that class, and raises if it is not: an object of mtad knows what it is.",
				Example: `msg = msys.cast(msg, "msys.core:_ec_message")`,
				Do: func(e *Env, L *lua.LState) int {
					is, class := e.TypeName(L.Get(1)), plainClass(L.ToString(2))
					if is != class {
						L.RaiseError("msys.cast: an object of class %s cannot be of class %s", is, class)
					}
					L.SetTop(1)
					return 1
				},
			},
			{
				Name: "runInInst", Params: []Param{{Name: "instance", Type: Number}, {Name: "fn", Type: Function}},
				Returns: "true and the results, or false and the error", Phases: "any", Since: "4.3",
				Doc:     "Runs fn and answers like pcall.",
				Example: `local ok, n = msys.runInInst(0, function() return 1 end)`,
				Status:  Partial, Why: "there are no scheduler instances: fn runs where it is called",
				Do: func(e *Env, L *lua.LState) int {
					L.SetTop(2)
					return doRunInPool(e, L)
				},
			},
		},
	}
}

// plainClass is a class's name without the original's package and underscore.
func plainClass(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return strings.TrimPrefix(name, "_")
}
