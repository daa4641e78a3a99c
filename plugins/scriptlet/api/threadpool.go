package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// jobClasses are the original's predefined thread pools by the numbers of
// their job classes (reference/lua-api.tsv, ECTP_CLASS_*); the last two
// classes have no pool of their own.
func jobClasses() []struct{ constant, pool string } {
	return []struct{ constant, pool string }{
		{"CPU", "CPU"}, {"IO", "IO"}, {"SWAPOUT", "SwapOut"}, {"SWAPIN", "SwapIn"}, {"CLOSE", "Close"},
		{"UNLINK", "Unlink"}, {"BATCH_UNLINK", "Batch_Unlink"}, {"SPOOL_IN", "SpoolIn"}, {"ASYNC_BOUNCE", ""}, {"SIEVE_IO", ""},
	}
}

// threadpoolPackage is what of msys.threadpool means something without thread
// pools: their names.
func threadpoolPackage() Package {
	const why = "there are no thread pools; the original's predefined ones are known by name"
	return Package{
		Name: "msys.threadpool",
		Doc:  "The names of the original's thread pools, which msys.runInPool takes. mtad has none: whatever waits lets other sessions go on.",
		Funcs: []Func{
			{
				Name: "count", Returns: "number", Phases: "any", Since: "3.2",
				Doc: "How many thread pools the original predefines.", Example: `msys.threadpool.count() -- 8`,
				Status: Partial, Why: why,
				Do: func(_ *Env, L *lua.LState) int {
					n := 0
					for _, c := range jobClasses() {
						if c.pool != "" {
							n++
						}
					}
					L.Push(lua.LNumber(n))
					return 1
				},
			},
			{
				Name: "find", Params: []Param{{Name: "name_or_class", Type: StringOrNumber}},
				Returns: "number | string | nil", Phases: "any", Since: "3.2",
				Doc: "The job class of a pool's name, in any case, or the name of a job class's pool.", Example: `msys.threadpool.find("SwapIn") -- 3`,
				Status: Partial, Why: why, Do: findPool,
			},
			{
				Name: "stat", Returns: "nothing", Phases: "none", Doc: "Is not there.", Status: Unsupported, Why: "there are no thread pools",
			},
		},
	}
}

func findPool(_ *Env, L *lua.LState) int {
	for class, c := range jobClasses() {
		switch v := L.Get(1).(type) {
		case lua.LNumber:
			if v == lua.LNumber(class) && c.pool != "" {
				L.Push(lua.LString(c.pool))
				return 1
			}
		case lua.LString:
			if c.pool != "" && strings.EqualFold(c.pool, string(v)) {
				L.Push(lua.LNumber(class))
				return 1
			}
		}
	}
	L.Push(lua.LNil)
	return 1
}

// jobClassConsts are the ECTP_CLASS_* constants, which msys.core has with the
// others of the original's headers.
func jobClassConsts() Package {
	p := Package{Name: "msys.core", Consts: []Const{{"ECTP_CLASS_SHORT_LIVED", lua.LNumber(-1), "A job class."}}}
	for class, c := range jobClasses() {
		p.Consts = append(p.Consts, Const{"ECTP_CLASS_" + c.constant, lua.LNumber(class), "A job class."})
	}
	return p
}
