package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// logPackage is msys.log.
func logPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "log", Params: []Param{{Name: "level", Type: Number}, {Name: "text", Type: String}},
			Returns: "nothing", Phases: "any", Since: "5.0",
			Doc:     "Writes to the paniclog at a level: msys.core.LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR or LOG_CRITICAL.",
			Example: `msys.log(msys.core.LOG_WARNING, "no such customer")`,
			Do: func(e *Env, L *lua.LState) int {
				level := sdk.Level(max(min(L.ToInt(1), int(sdk.LevelCritical)), int(sdk.LevelDebug)))
				e.World.Host().Log(sdk.LogRecord{Level: level, Source: "scriptlet", Text: L.ToString(2)})
				return 0
			},
		}},
	}
}

// logConsts are the levels of msys.log, a piece of msys.core.
func logConsts() Package {
	return Package{
		Name: "msys.core", Preload: true,
		Consts: []Const{
			{"LOG_DEBUG", lua.LNumber(sdk.LevelDebug), "A level of msys.log."},
			{"LOG_INFO", lua.LNumber(sdk.LevelInfo), "A level of msys.log."},
			{"LOG_NOTICE", lua.LNumber(sdk.LevelNotice), "A level of msys.log."},
			{"LOG_WARNING", lua.LNumber(sdk.LevelWarning), "A level of msys.log."},
			{"LOG_ERROR", lua.LNumber(sdk.LevelError), "A level of msys.log."},
			{"LOG_CRITICAL", lua.LNumber(sdk.LevelCritical), "A level of msys.log."},
		},
	}
}
