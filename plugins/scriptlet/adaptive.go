package scriptlet

import (
	"encoding/json"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// maxRuleSets bounds the registrations of a generation, and maxRuleText what
// they come to in bytes.
const (
	maxRuleSets = 1000
	maxRuleText = 16 << 20
)

// RegisterRules takes rules for adaptive delivery while scripts load or init
// runs: those of the first interpreter.
func (in *interpreter) RegisterRules(L *lua.LState, r *sdk.AdaptiveRules) {
	in.marks(L)
	if in.index != 0 && threadOf(L).run.script != nil {
		return
	}
	text, err := json.Marshal(r)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if !in.gen.addRules(text) {
		L.RaiseError("msys.adaptive.registerRules can be called only while scripts load and in init, for at most %d sets of rules of %d MiB together", maxRuleSets, maxRuleText>>20)
	}
}

// addRules reports false for rules that come too late, or are too many.
func (g *generation) addRules(text []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	size := len(text)
	for _, r := range g.adaptive {
		size += len(r)
	}
	if g.committed || g.told || len(g.adaptive) >= maxRuleSets || size > maxRuleText {
		return false
	}
	g.adaptive = append(g.adaptive, text)
	return true
}

// adaptiveRules are the registrations for the Subscription.
func (g *generation) adaptiveRules() [][]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.adaptive
}
