package scriptlet

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Script is a policy script that was read, and not run.
type Script struct {
	Path     string
	Requires []Required // in the order of their lines
	text     []byte
	parsed
}

// Required is a name that a script requires.
type Required struct {
	Name string
	Line int
}

// ReadScript parses a script. The problems are why it is none of the dialect.
func ReadScript(path string, text []byte) (*Script, []sdk.Problem) {
	stmts, problems := dialect.Parse(path, text)
	if len(problems) > 0 {
		return nil, problems
	}
	s := &Script{Path: path, text: text, parsed: parsed{path, stmts}}
	walk(stmts, func(n any) bool {
		if call, ok := n.(*ast.FuncCallExpr); ok {
			if name, ok := required(call); ok {
				s.Requires = append(s.Requires, Required{name, call.Line()})
			}
		}
		return true
	})
	slices.SortStableFunc(s.Requires, func(a, b Required) int { return a.Line - b.Line })
	return s, nil
}

// GapKind is what stands between a script and mtad.
type GapKind string

// The kinds.
const (
	Lacking GapKind = "unsupported" // part of the API that mtad does not have
	InPart  GapKind = "partial"     // part of the API that works in part
	Unknown GapKind = "unknown"     // no part of the documented API
	Dialect GapKind = "dialect"     // Lua that works otherwise, or not
	Path    GapKind = "path"        // a file named by its whole path
)

// Gap is one of them, and where.
type Gap struct {
	Kind GapKind
	sdk.Problem
}

// Examine finds what stands between scripts, which see each other's names, and
// mtad, in the order of their files and lines.
func Examine(scripts []*Script) []Gap {
	x := newExaminer(scripts)
	var gaps []Gap
	for _, s := range scripts {
		add := func(kind GapKind, problems []sdk.Problem) {
			for _, p := range problems {
				gaps = append(gaps, Gap{kind, p})
			}
		}
		add(Lacking, usesOf(s.Path, s.stmts, x.lacks))
		add(Unknown, misnamed(s.parsed, x.functions, x.own))
		gaps = append(gaps, x.names(s)...)
		gaps = append(gaps, x.callouts(s)...)
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(gaps, func(a, b Gap) bool { return a.Kind == b.Kind && a.Problem == b.Problem })
}

// Provided reports a name that require finds without a script.
func Provided(name string) bool {
	switch name {
	case "string", "table", "math", "os", "debug", "coroutine", "package", "_G", "io":
		return true
	}
	for _, p := range api.Packages() {
		if p.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(api.MissingPackages(), func(m api.Missing) bool { return m.Name == name })
}

// examiner is what Examine compares scripts with.
type examiner struct {
	lacks     map[string]string // as Deps.unsupported
	functions map[string][]string
	own       map[string]bool // what the scripts define themselves
	known     map[string]bool // all names of msys, and what they are in
	partial   map[string]string
	hooks     map[string]string // callouts that mtad lacks, and why
}

func newExaminer(scripts []*Script) *examiner {
	deps := Deps{Packages: api.Packages(), Missing: api.MissingPackages()}
	x := &examiner{
		lacks: deps.unsupported(), functions: deps.functions(),
		known: map[string]bool{"msys": true}, partial: map[string]string{}, hooks: map[string]string{},
	}
	all := make([]parsed, len(scripts))
	for i, s := range scripts {
		all[i] = s.parsed
	}
	x.own = assigned(all)
	know := func(name string) {
		for strings.HasPrefix(name, "msys.") {
			x.known[name] = true
			name = name[:strings.LastIndexByte(name, '.')]
		}
	}
	for _, r := range api.Conformance() {
		switch {
		case r.Kind == "hook" && r.Status == api.Unsupported.String():
			x.hooks[r.Name] = r.Why
		case r.Kind == "function" && r.Status == api.Partial.String():
			x.partial[r.Name] = r.Why
		}
		know(r.Name)
		know(r.Package)
		if r.Kind == "constant" {
			know("msys.core." + r.Name)
			know(r.Package + "." + r.Name)
		}
	}
	for name := range x.lacks {
		know(strings.TrimPrefix(name, "="))
	}
	return x
}

// names looks at the names of msys and of Lua's libraries, and at paths.
func (x *examiner) names(s *Script) []Gap {
	var gaps []Gap
	found := func(kind GapKind, n ast.PositionHolder, format string, args ...any) {
		gaps = append(gaps, Gap{kind, sdk.Problem{Severity: sdk.Warning, File: s.Path, Line: n.Line(), Text: fmt.Sprintf(format, args...)}})
	}
	walk(s.stmts, func(n any) bool {
		switch n := n.(type) {
		case *ast.AttrGetExpr:
			name := fullName(n, nil)
			if why := unsafeName(name); why != "" && !x.own[name] {
				found(Dialect, n, "%s: %s", name, why)
			}
			if why := x.partial[name]; why != "" {
				found(InPart, n, "%s works in part: %s", name, why)
			}
			if x.unknown(name) {
				found(Unknown, n, "%s is no part of the documented API, and mtad does not have it", name)
			}
			return name == "" // what is in a path of names was looked at with it
		case *ast.FuncCallExpr:
			if id, ok := n.Func.(*ast.IdentExpr); ok && unsafeName(id.Value) != "" && !x.own[id.Value] {
				found(Dialect, n, "%s: %s", id.Value, unsafeName(id.Value))
			}
		case *ast.StringExpr:
			if wholePath.MatchString(n.Value) {
				found(Path, n, "%q names a file by its whole path%s", n.Value, OriginalsPath(n.Value))
			}
		}
		return true
	})
	return gaps
}

// unknown reports a name of msys that nobody knows.
func (x *examiner) unknown(name string) bool {
	if !strings.HasPrefix(name, "msys.") || x.known[name] {
		return false
	}
	for part := name; part != "msys"; part = part[:strings.LastIndexByte(part, '.')] {
		if x.own[part] || x.lacks[part] != "" {
			return false
		}
	}
	of := name[:strings.LastIndexByte(name, '.')]
	last := name[len(of)+1:]
	// misnamed tells of what has a similar name; a table of unknown contents
	// that a known name stands for may have any.
	return x.known[of] && (x.functions[of] != nil || of == "msys") && option.Nearest(last, x.functions[of]) == ""
}

// unsafeName says why a name of Lua's own libraries is not there.
func unsafeName(name string) string {
	const unsafe = "is there with unsafe_libs = true only"
	library, member, ok := strings.Cut(name, ".")
	switch {
	case !ok && (name == "dofile" || name == "loadfile"):
		return unsafe + "; require finds scripts"
	case library == "io" && ok:
		return unsafe + "; msys.readfile and msys.core.io_wrapper_open read and write files"
	case library == "os" && slices.Contains([]string{"execute", "exit", "remove", "rename", "tmpname"}, member):
		return unsafe
	case library == "debug" && ok && member != "traceback":
		return unsafe
	case name == "string.dump" || name == "package.loadlib" || name == "package.loaders":
		return "is not there"
	case name == "math.randomseed":
		return "does nothing: numbers are random without it"
	}
	return ""
}

// wholePath is text that looks like the path of a file.
var wholePath = regexp.MustCompile(`^(?:[a-z_]+:/*)?/(?:opt|var|etc|usr|home|tmp|data|srv|mnt|root)/[\w./%+-]+$`)

// OriginalsPath says what is to be known of a path in the original's own
// directories; "" for another.
func OriginalsPath(path string) string {
	switch {
	case strings.Contains(path, "/opt/msys/"):
		return "; it is in the original's installation: put the file beside the configuration and change the path"
	case strings.Contains(path, "/var/log/ecelerity"), strings.Contains(path, "/var/spool/ecelerity"):
		return "; make the directory for the user that mtad runs as, or change the path (mtad: /var/log/mtad, /var/spool/mtad)"
	}
	return "; it has to be there where mtad runs"
}

// callouts finds those that a script registers and mtad lacks.
func (x *examiner) callouts(s *Script) []Gap {
	report, _ := dialect.Lint(s.Path, s.text, dialect.LintOptions{Callouts: calloutNames(), NeedReturn: needsReturn})
	if report == nil {
		return nil
	}
	var gaps []Gap
	for _, r := range report.Registrations {
		for _, k := range r.Keys {
			if why, lacks := x.hooks[k.Name]; lacks && k.Function {
				gaps = append(gaps, Gap{Lacking, sdk.Problem{File: s.Path, Line: k.Line, Column: k.Column,
					Text: fmt.Sprintf("the callout %s is not supported by mtad: %s", k.Name, why)}})
			}
		}
	}
	told := map[string]bool{}
	for _, f := range report.Findings {
		if f.Kind == dialect.MisspeltCallout {
			told[f.Name] = true
			gaps = append(gaps, Gap{Unknown, f.Problem})
		}
	}
	for _, r := range report.Registrations {
		for _, k := range r.Keys {
			_, documented := x.hooks[k.Name]
			if k.Function && looksLikeHook(k.Name) && !documented && !told[k.Name] && sdk.HookByName(k.Name) == sdk.HookNone {
				gaps = append(gaps, Gap{Unknown, sdk.Problem{File: s.Path, Line: k.Line, Column: k.Column,
					Text: fmt.Sprintf("%s looks like a callout, and is none that is documented", k.Name)}})
			}
		}
	}
	return gaps
}
