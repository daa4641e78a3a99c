package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/conf/convert"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/plugins/datasource"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// gap is one thing between the original and mtad.
type gap struct {
	Kind string `json:"kind"`
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// String is "file:line: kind: text".
func (g gap) String() string { return fmt.Sprintf("%s:%d: %s: %s", g.File, g.Line, g.Kind, g.Text) }

// open reports whether something is left to do about it.
func (g gap) open() bool {
	switch g.Kind {
	case string(convert.Unneeded), string(convert.Overridden), string(convert.Unsafe), string(scriptlet.InPart):
		return false
	}
	return true
}

// policyScript is a script that the configuration or another script needs.
type policyScript struct {
	Source string `json:"source"` // as it is named
	Path   string `json:"path"`
}

// migration is what `mtad migrate` finds.
type migration struct {
	result  *convert.Result
	gaps    []gap
	scripts []policyScript
	dirs    []string // where scripts are looked for
	sources *conf.Sources
	blocked bool // something is missing that a check needs
}

func (m *migration) add(kind string, pos option.Pos, format string, args ...any) {
	g := gap{kind, pos.File, pos.Line, fmt.Sprintf(format, args...)}
	if !slices.Contains(m.gaps, g) {
		m.gaps = append(m.gaps, g)
	}
}

// mainFiles are where an installation has its configuration, below its top
// directory or the one of its configuration (reference/config-syntax.md §3).
func mainFiles(dir, node string) []string {
	var out []string
	for _, sub := range layers(dir, node) {
		out = append(out, filepath.Join(sub, "ecelerity.conf"))
	}
	return append(out, filepath.Join(dir, "etc", "ecelerity.conf"))
}

// layers are the directories of the search path below dir, and dir itself.
func layers(dir, node string) []string {
	out := []string{dir}
	for _, below := range []string{"etc/conf", "conf", ""} {
		names := []string{"global", node, "default"}
		for _, name := range names {
			if name != "" {
				out = append(out, filepath.Join(dir, below, name))
			}
		}
	}
	return out
}

// migrate looks at all of a configuration.
func migrate(path string, search []string) (*migration, error) {
	r, err := convert.Convert(convert.Options{
		Path: path, Search: search, Split: true, Schema: core.FullSchema(builtin()), Further: refusals,
	})
	if err != nil {
		return nil, err
	}
	m := &migration{result: r}
	for _, f := range r.Findings {
		m.add(string(f.Kind), f.Pos, "%s", f.Text)
		m.blocked = m.blocked || f.Kind == convert.Refused
	}
	for _, f := range r.Read {
		m.look(filepath.Dir(f))
	}
	for _, dir := range search {
		m.look(dir)
	}
	m.sources = conf.NewSources(nil, m.dirs, nil)
	m.datasources()
	m.paths()
	m.policy()
	m.check()
	return m, nil
}

func (m *migration) look(dir string) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if !slices.Contains(m.dirs, dir) {
		m.dirs = append(m.dirs, dir)
	}
}

// datasources finds those without a driver.
func (m *migration) datasources() {
	var have []string
	for _, d := range datasource.Drivers() {
		if name := d.Name(); name != "odbc" && name != "cdb" { // these could only say that they cannot
			have = append(have, name)
		}
	}
	for _, d := range m.result.Sources {
		name, _, _ := strings.Cut(d.URI, ":")
		if !slices.Contains(have, name) {
			m.blocked = true
			m.add("driver", d.Pos, "datasource %q: mtad has no driver %q; move the data to one of %s", d.Name, name, strings.Join(have, ", "))
		}
	}
}

// paths finds files and directories that the configuration names and that are
// the original's, or not there.
func (m *migration) paths() {
	for _, p := range m.result.Paths {
		_, path, _ := strings.Cut(p.Text, "/")
		path = "/" + strings.TrimLeft(path, "/")
		if why := scriptlet.OriginalsPath(path); strings.Contains(path, "/opt/msys/") || !exists(path) && !exists(filepath.Dir(path)) {
			m.add(string(scriptlet.Path), p.Pos, "%q names a file by its whole path%s", p.Text, why)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// policy reads the scripts that the configuration names, and those that they
// require.
func (m *migration) policy() {
	var read []*scriptlet.Script
	seen := map[string]bool{}
	var follow func(name string, at option.Pos, what string)
	follow = func(name string, at option.Pos, what string) {
		src, err := m.sources.Find(name)
		if err != nil {
			m.blocked = true
			m.add("missing", at, "%s: %s", what, missText(err, name))
			return
		}
		if seen[src.Path] || strings.HasPrefix(src.Path, "(embedded)") {
			return
		}
		seen[src.Path] = true
		m.scripts = append(m.scripts, policyScript{name, src.Path})
		s, problems := scriptlet.ReadScript(src.Path, src.Text)
		for _, p := range problems {
			m.blocked = true
			m.add("syntax", option.Pos{File: p.File, Line: p.Line}, "%s", p.Text)
		}
		if s == nil {
			return
		}
		read = append(read, s)
		for _, r := range s.Requires {
			if !scriptlet.Provided(r.Name) {
				follow(r.Name, option.Pos{File: src.Path, Line: r.Line}, "require "+strconv.Quote(r.Name))
			}
		}
	}
	for _, s := range m.result.Scripts {
		if filepath.IsAbs(s.Source) {
			m.add(string(scriptlet.Path), s.Pos, "script %q: %q is a whole path%s", s.Name, s.Source, scriptlet.OriginalsPath(s.Source))
		}
		follow(s.Source, s.Pos, fmt.Sprintf("script %q: source %q", s.Name, s.Source))
	}
	for _, g := range scriptlet.Examine(read) {
		m.add(string(g.Kind), option.Pos{File: g.File, Line: g.Line}, "%s", g.Text)
	}
}

// missText says where a source was looked for, and what is often the reason.
func missText(err error, name string) string {
	text := "there is no such script"
	var miss *sdk.SourceError
	if errors.As(err, &miss) {
		var tried []string
		for _, t := range miss.Tried {
			tried = append(tried, t.Path)
		}
		text += "; looked for at " + strings.Join(tried, ", ")
	}
	switch {
	case strings.HasSuffix(name, ".lua"):
		text += "; write it without .lua"
	case strings.HasPrefix(name, "msys"):
		text += "; it may be of the original's library, which mtad lib ls has in part"
	}
	return text
}

// placed is a line of an error that names its place.
var placed = regexp.MustCompile(`^(\S.*?):(\d+):(?:\d+:)? (.*)$`)

// check is `mtad check` of the result, with the scripts where they are.
func (m *migration) check() {
	if m.blocked {
		return
	}
	findings, err := core.Check(context.Background(), core.Options{
		Conf: conf.Options{
			Path: convert.Root + "/" + m.result.Files[0].Path, Search: m.dirs, FS: m.result.FS(conf.OS{}), Listed: []string{"module"},
		},
		Version: version, Builtin: builtin(),
	}, false, func(sdk.LogRecord) {})
	for _, p := range findings {
		if p.Severity != sdk.Note {
			m.checked(option.Pos{File: p.File, Line: p.Line}, p.Text)
		}
	}
	if err == nil {
		return
	}
	found := false
	for line := range strings.Lines(err.Error()) {
		if at := placed.FindStringSubmatch(strings.TrimRight(line, "\n")); at != nil {
			n, _ := strconv.Atoi(at[2]) // the expression has digits only
			m.checked(option.Pos{File: at[1], Line: n}, at[3])
			found = true
		}
	}
	if !found {
		m.checked(option.Pos{}, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// checked adds what the check says, unless the place was told of already.
func (m *migration) checked(pos option.Pos, text string) {
	if at := m.result.Origin(pos.File, pos.Line); at.Line > 0 {
		pos = at
	}
	for _, g := range m.gaps {
		if g.File == pos.File && g.Line == pos.Line && (g.Text == text || g.Kind != string(scriptlet.Path)) {
			return
		}
	}
	m.add("check", pos, "%s", text)
}
