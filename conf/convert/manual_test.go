package convert

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk/option"
)

// manualDir names a directory with pages of the original's manual (Markdown),
// to try the converter on every example in it:
//
//	MTAD_MANUAL=support-docs/content/momentum go test ./conf/convert -run Manual -v
const manualDir = "MTAD_MANUAL"

// TestManualExamples: every example of a configuration becomes HCL that is
// accepted, or each thing that stands in the way is reported with its line.
func TestManualExamples(t *testing.T) {
	dirs := []string{"testdata/pages"}
	if dir := os.Getenv(manualDir); dir != "" {
		dirs = append(dirs, dir)
	}
	schema := fullSchema()
	names := documentedNames(schema)
	var clean, reported, findings int
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".md") {
				return err
			}
			page, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, text := range examples(string(page), names) {
				found := tryExample(t, fmt.Sprintf("%s, example %d", path, i+1), text, schema)
				findings += len(found)
				if len(found) == 0 {
					clean++
				} else {
					reported++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d examples: %d converted whole, %d with %d findings", clean+reported, clean, reported, findings)
	if clean < 2 || reported < 2 {
		t.Errorf("%d examples converted whole, %d with findings: too few to say anything", clean, reported)
	}
}

// tryExample converts one example as a file.
func tryExample(t *testing.T, name, text string, schema *option.Schema) []Finding {
	t.Helper()
	r, err := Convert(Options{Path: "/e.conf", FS: textFS{"/e.conf": text}, Schema: schema, Further: refusals})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	tree, diags := conf.Load(conf.Options{Path: "/h.conf", Search: []string{}, FS: textFS{"/h.conf": r.Files[0].Text}, Listed: []string{"module"}})
	for _, d := range append(diags, conf.Check(tree, schema)...) {
		t.Errorf("%s: the result is not accepted: %s\nfrom\n%s\nto\n%s", name, d, text, r.Files[0].Text)
	}
	lines := strings.Count(text, "\n") + 1
	for _, f := range r.Findings {
		if f.Pos.File != "/e.conf" || f.Pos.Line < 1 || f.Pos.Line > lines || f.Text == "" {
			t.Errorf("%s: a finding without a place: %s", name, f)
		}
	}
	if os.Getenv(manualDir) != "" && testing.Verbose() {
		for _, f := range r.Findings {
			t.Logf("%s: %s", name, f)
		}
	}
	return r.Findings
}

// examples are the configurations on a page: fenced blocks and the synopses of
// options that begin with a name which the original documents.
func examples(page string, names func(string) bool) []string {
	var out []string
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		if text := strings.TrimRight(m[2], " \t\n") + "\n"; isExample(text, names) {
			out = append(out, text)
		}
	}
	if _, synopsis, ok := strings.Cut(page, "## Synopsis"); ok {
		synopsis, _, _ = strings.Cut(synopsis, "\n#")
		for _, m := range inline.FindAllStringSubmatch(synopsis, -1) {
			if isExample(m[1], names) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

var (
	fenced = regexp.MustCompile("(?ms)^[ \t]*```(\\w*)[ \t]*\n(.*?)^[ \t]*```[ \t]*$")
	inline = regexp.MustCompile("`([^`\n]+)`")
	header = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z_][\w-]*)[ \t]*("[^"\n]*"|[^\s={}("]+)?[ \t\n]*(=|\{|\()`)
	other  = regexp.MustCompile(`(?m)^\s*(local|function|if|elsif|return|end|for|require|#include|\w+>)\b|;\s*$|^\s*\$\s|^#\s*(/|rpm|yum|mkdir|cd|cp|mv|su|service|eccfg|openssl|chown|vi)\b|^\s*\d\d:\d\d:\d\d|==|\bec_\w+\(`)
)

// isExample: the first thing that looks like an item has a documented name, and
// nothing looks like a program or a console.
func isExample(text string, names func(string) bool) bool {
	m := header.FindStringSubmatch(text)
	return m != nil && names(strings.ToLower(m[1])) && !other.MatchString(text)
}

// documentedNames are all scopes and options that are known.
func documentedNames(schema *option.Schema) func(string) bool {
	names := map[string]bool{"include": true, "readonly_include": true}
	var visit func(*option.Schema)
	visit = func(s *option.Schema) {
		names[s.Name] = true
		for _, o := range s.Options {
			names[o.Name] = true
		}
		for i := range s.Scopes {
			visit(&s.Scopes[i])
		}
	}
	visit(schema)
	lacking := knownNames()
	return func(name string) bool {
		_, known := about(lacking, name)
		return known || names[name]
	}
}
