package dialect

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/sdk"
)

// LintOptions is what the caller knows of the world a script runs in.
type LintOptions struct {
	// Callouts are the names of all hooks.
	Callouts []string
	// NeedReturn tells whether a hook must return a value.
	NeedReturn func(callout string) bool
	// Globals are the global variables that exist before the script runs.
	Globals []string
	// Private are globals whose contents are not shared between sessions
	// (_TLS, _OSTLS): writing into them is no shared state.
	Private []string
}

// FindingKind is what a finding is about.
type FindingKind uint8

// The kinds of findings.
const (
	// MisspeltCallout: a function in the registered table is named almost like
	// a hook. Name is the name, Near the hook.
	MisspeltCallout FindingKind = iota
	// NoReturnValue: a way through the callout Name ends without a value.
	NoReturnValue
	// SharedWrite: a function other than init and deinit writes the global, the
	// file's local or the table Name. It forces one interpreter.
	SharedWrite
	// UnknownGlobal: the global Name is read and nothing known defines it.
	UnknownGlobal
)

// Finding is something that compiles and is probably not meant, or that
// matters for how the script is run.
type Finding struct {
	Kind    FindingKind
	Name    string
	Near    string
	Problem sdk.Problem // where it is, and the text for the operator
}

// Registration is a call of a function registerModule.
type Registration struct {
	Via          string // what is called: "msys.registerModule", "msys.http_lua.registerModule"
	Name         string // the first argument, if it is a literal
	Table        string // the second argument as written, "{...}" for a constructor
	Line, Column int
	Keys         []Key // what the file puts into the table
}

// Key is a name in a registered table.
type Key struct {
	Name         string
	Function     bool // its value is a function
	Line, Column int
}

// Report is what Lint found, in the order of the kinds, and of the source
// within a kind.
type Report struct {
	Registrations []Registration
	Findings      []Finding
}

// Registers tells whether the script calls msys.registerModule.
func (r *Report) Registers() bool {
	for _, reg := range r.Registrations {
		if reg.Via == "msys.registerModule" || reg.Via == "registerModule" {
			return true
		}
	}
	return false
}

// Lint reads a script without running it. The problems are syntax errors, and
// then there is no report.
func Lint(name string, src []byte, opt LintOptions) (*Report, []sdk.Problem) {
	p := newParser(name, src)
	p.lex.skipShebang()
	p.columns = map[ast.PositionHolder]int{}
	stmts := p.chunk()
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	l := &linter{p: p, opt: opt, r: resolve(stmts), report: &Report{}}
	l.registrations()
	l.misspelt()
	l.returns()
	l.sharedWrites()
	l.unknownGlobals()
	return l.report, nil
}

type linter struct {
	p      *parser
	opt    LintOptions
	r      *resolved
	report *Report
}

func (l *linter) find(kind FindingKind, at ast.PositionHolder, name, near, text string) {
	l.report.Findings = append(l.report.Findings, Finding{
		Kind: kind, Name: name, Near: near, Problem: l.p.problem(at.Line(), max(l.p.columns[at], 1), text),
	})
}

func (l *linter) registrations() {
	for _, c := range l.r.calls {
		via := pathText(c.node)
		if via != "registerModule" && !strings.HasSuffix(via, ".registerModule") {
			continue
		}
		reg := Registration{Via: via, Line: c.node.Line(), Column: l.p.columns[c.node]}
		if len(c.node.Args) > 0 {
			if s, ok := c.node.Args[0].(*ast.StringExpr); ok {
				reg.Name = s.Value
			}
		}
		if len(c.node.Args) > 1 {
			reg.Table = exprText(c.node.Args[1])
		}
		for _, k := range l.r.keysOf(c) {
			reg.Keys = append(reg.Keys, Key{Name: k.name, Function: k.fn != nil, Line: k.at.Line(), Column: l.p.columns[k.at]})
		}
		l.report.Registrations = append(l.report.Registrations, reg)
	}
}

// misspelt compares the functions in registered tables with the hooks.
func (l *linter) misspelt() {
	known := set(l.opt.Callouts)
	for _, k := range l.r.registeredKeys() {
		if k.fn == nil || known[k.name] || k.name == "init" || k.name == "deinit" {
			continue
		}
		if near := nearest(k.name, l.opt.Callouts); near != "" {
			l.find(MisspeltCallout, k.at, k.name, near, "'"+k.name+"' is not a callout; did you mean '"+near+"'?")
		}
	}
}

func (l *linter) unknownGlobals() {
	known := set(l.opt.Globals)
	seen := map[string]bool{}
	for _, id := range l.r.globalReads {
		if name := id.Value; !known[name] && !l.r.globals[name] && !seen[name] {
			seen[name] = true
			l.find(UnknownGlobal, id, name, "", "global '"+name+"' is read but never defined")
		}
	}
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// nearest is the name that differs least, if by no more than a typing error:
// three letters, and a quarter of them.
func nearest(name string, names []string) string {
	best, limit := "", min(3, len(name)/4)
	for _, n := range names {
		if d := distance(strings.ToLower(name), n, limit); d <= limit {
			best, limit = n, d-1
		}
	}
	return best
}

// distance is the number of letters to insert, delete, change or swap with the
// next one (optimal string alignment); limit+1 if there are more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur, up, upper := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(up[j]+1, cur[j-1]+1, up[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], upper[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// pathText is the callee of a call as written; "" if it is not a path of names.
func pathText(c *ast.FuncCallExpr) string {
	if c.Func != nil {
		return namesText(c.Func)
	}
	if object := namesText(c.Receiver); object != "" {
		return object + "." + c.Method
	}
	return ""
}

func namesText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		key, ok := e.Key.(*ast.StringExpr)
		if object := namesText(e.Object); ok && object != "" {
			return object + "." + key.Value
		}
	}
	return ""
}

func exprText(e ast.Expr) string {
	if _, ok := e.(*ast.TableExpr); ok {
		return "{...}"
	}
	return namesText(e)
}
