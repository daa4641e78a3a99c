package validate

import (
	"strings"

	"github.com/mtad/mtad/sdk"
)

// bypassPrefix begins the connection variable that has a session pass a module
// by: __bypass_scriptlet (reference/lua-api.tsv, vctx_conn:__bypass_MODULE).
const bypassPrefix = "__bypass_"

// bypasses reports that a module is not to be asked about p. After the split
// the copy's own connection context counts.
func (s *Session) bypasses(module int, p sdk.Phase) bool {
	context := s.State.Conn.Context
	if m := s.State.Target(p); p.Hook.Info().Target == sdk.TargetCopy && m != nil {
		context = m.ConnContext
	}
	for i := range context {
		name, ok := strings.CutPrefix(context[i].Key, bypassPrefix)
		if ok && name == s.chain.modules[module].Name() && context[i].Value != "" {
			return true
		}
	}
	return false
}
