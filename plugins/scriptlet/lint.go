package scriptlet

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// lint reads every script that was loaded, the required ones too, once more:
// for what is probably not meant, for parts of the API that mtad lacks, and for
// what makes more than one interpreter impossible.
func (g *generation) lint(in *interpreter) {
	opt := dialect.LintOptions{
		Callouts:   calloutNames(),
		NeedReturn: needsReturn,
		Globals:    globalNames(in.base),
		Private:    []string{"_TLS", "_OSTLS"},
	}
	lacks := g.mod.deps.unsupported()
	var scripts []parsed
	for _, u := range g.sources.all() {
		report, problems := dialect.Lint(u.source.Path, u.source.Text, opt)
		if len(problems) > 0 {
			continue
		}
		ours := strings.HasPrefix(u.source.Path, embedded)
		for _, f := range report.Findings {
			switch {
			case f.Kind == dialect.SharedWrite:
				g.shares(f.Problem)
			case f.Kind == dialect.MisspeltCallout || ours: // judge has said so
			default:
				// Without a verdict a callout counts as CONT, as the published
				// samples rely on, unless on_bad_return says otherwise.
				if f.Kind != dialect.NoReturnValue || g.options.OnBadReturn == "cont" {
					f.Problem.Severity = sdk.Warning
				}
				g.log(sdk.LevelWarning, sourceName, f.Problem.String())
				g.warn(f.Problem)
			}
		}
		stmts, _ := dialect.Parse(u.source.Path, u.source.Text)
		scripts = append(scripts, parsed{u.source.Path, stmts})
		if p, writes := initWrites(u.source.Path, stmts); writes {
			g.shares(p)
		}
		for _, p := range usesOf(u.source.Path, stmts, lacks) {
			p.Severity = sdk.Warning
			g.log(sdk.LevelWarning, sourceName, p.String())
			g.warn(p)
		}
	}
	g.warnMisnamed(scripts)
}

// embedded begins the path of a script of the built-in library.
const embedded = "(embedded)"

func needsReturn(callout string) bool {
	h := sdk.HookByName(callout)
	return h != sdk.HookNone && !h.Info().Void
}

func globalNames(L *lua.LState) []string {
	var names []string
	L.G.Global.ForEach(func(k, _ lua.LValue) { names = append(names, k.String()) })
	return names
}

// shares records what forces one interpreter; the first in file order counts.
func (g *generation) shares(p sdk.Problem) {
	if g.shared == nil || p.File < g.shared.File || p.File == g.shared.File && p.Line < g.shared.Line {
		g.shared = &p
	}
}

// parallel is how many interpreters the generation gets.
func (g *generation) parallel() int {
	if n, err := strconv.Atoi(g.options.Interpreters); err == nil {
		return n
	}
	cpus := g.mod.deps.CPUs
	if cpus <= 0 {
		cpus = runtime.NumCPU()
	}
	if g.shared == nil {
		return min(g.share(cpus), maxInterpreters)
	}
	if cpus > 1 {
		p := *g.shared
		p.Severity, p.Text = sdk.Note, "all scripts run in one interpreter: "+p.Text
		g.log(sdk.LevelNotice, sourceName, p.String())
		g.warn(p)
	}
	return 1
}

// unsupported maps what scripts may name of the API and mtad lacks to why:
// "msys.core.foo", "msys.cloudmark", methods as ":foo" where no class has one
// that works, and constants as "=msys.core.FOO".
func (d *Deps) unsupported() map[string]string {
	lacks := make(map[string]string)
	for _, m := range d.Missing {
		lacks[m.Name] = m.Why
	}
	for name, why := range api.LackingConstants() {
		lacks["="+name] = why
	}
	works := make(map[string]bool)
	for _, p := range d.Packages {
		for _, f := range p.Funcs {
			if f.Status == api.Unsupported {
				lacks[p.Name+"."+f.Name] = f.Why
			}
		}
		for _, c := range p.Classes {
			for _, f := range c.Methods {
				if f.Status != api.Unsupported {
					works[":"+f.Name] = true
				} else {
					lacks[":"+f.Name] = f.Why
				}
			}
		}
	}
	for name := range works {
		delete(lacks, name)
	}
	return lacks
}

// usesOf finds where a script uses what mtad lacks. A name that stands for a
// required package is looked through.
func usesOf(file string, stmts []ast.Stmt, lacks map[string]string) []sdk.Problem {
	if len(lacks) == 0 {
		return nil
	}
	packages := make(map[string]string) // local name -> package
	var found []sdk.Problem
	report := func(n ast.Node, name string) {
		if why, ok := lacks[name]; ok {
			found = append(found, sdk.Problem{File: file, Line: n.Line(), Text: fmt.Sprintf(
				"%s is not supported by mtad: %s", strings.TrimLeft(name, ":="), why)})
		}
	}
	walk(stmts, func(n any) bool {
		switch n := n.(type) {
		case *ast.LocalAssignStmt:
			for i, e := range n.Exprs {
				if i < len(n.Names) {
					if name, ok := required(e); ok {
						packages[n.Names[i]] = name
					}
				}
			}
		case *ast.FuncCallExpr:
			if name, ok := required(n); ok {
				report(n.Node, name)
			} else if n.Func != nil {
				report(n.Node, lackingPart(fullName(n.Func, packages), lacks))
			} else {
				report(n.Node, ":"+n.Method)
			}
		case *ast.AttrGetExpr:
			report(n.Node, "="+fullName(n, packages))
		}
		return true
	})
	slices.SortStableFunc(found, func(a, b sdk.Problem) int { return a.Line - b.Line })
	return found
}

// fullName is a path of names, its first one replaced by the package that it
// stands for; "" for any other expression.
func fullName(e ast.Expr, packages map[string]string) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if p, ok := packages[e.Value]; ok {
			return p
		}
		return e.Value
	case *ast.AttrGetExpr:
		key, ok := e.Key.(*ast.StringExpr)
		object := fullName(e.Object, packages)
		if !ok || object == "" {
			return ""
		}
		return object + "." + key.Value
	}
	return ""
}
