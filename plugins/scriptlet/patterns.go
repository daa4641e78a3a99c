package scriptlet

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

// openPatterns puts lpattern's functions into the string table: gopher-lua's
// own never stop, and are 10 to 40 times slower than stock Lua's.
func (in *interpreter) openPatterns(L *lua.LState, t *lua.LTable) {
	set(L, t, lpattern.Functions(lpattern.Options{Spend: spend, MaxResult: in.limits.text(), ArgError: argError, Raise: raisef}))
}
