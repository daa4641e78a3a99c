package scriptlet

import (
	"context"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
)

// control is a console command that a script registered.
type control struct {
	words []string
	fn    *lua.LFunction
}

// addControl registers a command; the later of two with one prefix wins.
func (g *generation) addControl(prefix string, fn *lua.LFunction) {
	g.mu.Lock()
	defer g.mu.Unlock()
	words := strings.Fields(prefix)
	for i := range g.controls {
		if strings.Join(g.controls[i].words, " ") == prefix {
			g.controls[i].fn = fn
			return
		}
	}
	g.controls = append(g.controls, control{words: words, fn: fn})
}

// control finds the command with the longest prefix of words.
func (g *generation) control(words []string) *lua.LFunction {
	g.mu.Lock()
	defer g.mu.Unlock()
	var fn *lua.LFunction
	best := 0
	for _, c := range g.controls {
		if len(c.words) > best && hasPrefix(words, c.words) {
			best, fn = len(c.words), c.fn
		}
	}
	return fn
}

func hasPrefix(words, prefix []string) bool {
	if len(words) < len(prefix) {
		return false
	}
	for i, w := range prefix {
		if words[i] != w {
			return false
		}
	}
	return true
}

// Control runs a console command of the current generation. What the handler
// prints is the reply (reference/lua-api-notes.md 57).
func (m *Module) Control(ctx context.Context, words []string) (string, error) {
	g := m.currentGeneration()
	if g == nil || !g.enter() {
		return "", fmt.Errorf("no configuration is committed")
	}
	defer g.leave()
	if reply, ok, err := g.listCommand(ctx, words); ok {
		return reply, err
	}
	if hasPrefix(words, strings.Fields(cmdThreads)) || hasPrefix(words, strings.Fields(cmdThreadsToo)) {
		return g.threadStats(), nil
	}
	fn := g.control(words)
	if fn == nil {
		return "", fmt.Errorf("no script registered the command %q", strings.Join(words, " "))
	}
	in := g.interpreters[0]
	r := in.begin(ctx, in.limits)
	r.out = new(strings.Builder)
	cc := in.Object(nil, api.ClassCommand, &api.Command{Words: words})
	if _, err := in.execute(r, fn, cc); err != nil {
		g.reportError("control", strings.Join(words, " "), err)
		return r.out.String(), err
	}
	return r.out.String(), nil
}

// prefixes are the commands for the Subscription.
func (g *generation) prefixes() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []string{cmdLists, cmdListReload, cmdThreads, cmdThreadsToo}
	for _, c := range g.controls {
		out = append(out, strings.Join(c.words, " "))
	}
	return out
}

var _ sdk.Controller = (*Module)(nil)
