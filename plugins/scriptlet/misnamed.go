package scriptlet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// parsed is a script as the linter has it.
type parsed struct {
	file  string
	stmts []ast.Stmt
}

// warnMisnamed warns of calls of functions that a package of msys does not have
// although it has one of nearly that name: a published sample calls
// msys.audit.connection (reference/lua-api-notes.md 54). Where it runs, it
// could only say that nil was called.
func (g *generation) warnMisnamed(scripts []parsed) {
	functions := g.mod.deps.functions()
	own := assigned(scripts)
	for _, s := range scripts {
		for _, p := range misnamed(s, functions, own) {
			g.log(sdk.LevelWarning, sourceName, p.String())
			g.warn(p)
		}
	}
}

// functions are the names of all functions, by package.
func (d *Deps) functions() map[string][]string {
	names := make(map[string][]string)
	for _, p := range d.Packages {
		for _, f := range p.Funcs {
			names[p.Name] = append(names[p.Name], f.Name)
		}
	}
	return names
}

// assigned are the paths of names that scripts assign to: what they add to a
// package themselves is no mistake.
func assigned(scripts []parsed) map[string]bool {
	own := make(map[string]bool)
	for _, s := range scripts {
		walk(s.stmts, func(n any) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					own[fullName(e, nil)] = true
				}
			case *ast.FuncDefStmt:
				own[fullName(n.Name.Func, nil)] = true
			}
			return true
		})
	}
	return own
}

// misnamed lists a script's calls of such names, in the order of their lines.
func misnamed(s parsed, functions map[string][]string, own map[string]bool) []sdk.Problem {
	var found []sdk.Problem
	walk(s.stmts, func(n any) bool {
		call, ok := n.(*ast.FuncCallExpr)
		if !ok || call.Func == nil {
			return true
		}
		name := fullName(call.Func, nil)
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 || !strings.HasPrefix(name, "msys.") || own[name] {
			return true
		}
		of, last := name[:dot], name[dot+1:]
		if near := option.Nearest(last, functions[of]); near != "" && !slices.Contains(functions[of], last) {
			found = append(found, sdk.Problem{File: s.file, Line: call.Line(), Severity: sdk.Warning,
				Text: fmt.Sprintf("%s has no function %q; did you mean %q?", of, last, near)})
		}
		return true
	})
	slices.SortStableFunc(found, func(a, b sdk.Problem) int { return a.Line - b.Line })
	return found
}
