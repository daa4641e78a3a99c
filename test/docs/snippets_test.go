package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/plugins/alerting"
	"github.com/mtad/mtad/plugins/datasource"
	"github.com/mtad/mtad/plugins/mailauth"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/scan"
)

// TestConfigurationSnippets: each hcl block uses scopes and options that there
// are, with values that fit.
func TestConfigurationSnippets(t *testing.T) {
	n := 0
	for _, p := range manual(t) {
		for _, text := range p.blocks("hcl") {
			n++
			for _, problem := range judge(t, text) {
				t.Errorf("%s: %s\n%s", p.name, problem, text)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d snippets only", n)
	}
}

func judge(t *testing.T, text string) []string {
	t.Helper()
	dir := t.TempDir()
	// What a snippet includes has to be there.
	if err := os.Mkdir(filepath.Join(dir, "customers.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "mtad.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, diags := conf.Load(conf.Options{Path: path, Listed: []string{"module"}})
	schemas := builtin()
	for _, m := range tree.Root.Children("module") {
		schemas = append(schemas, option.Schema{Name: strings.ToLower(m.Instance), Open: true})
	}
	diags = append(diags, conf.Check(tree, core.Schema(schemas))...)
	out := make([]string, len(diags))
	for i, d := range diags {
		out[i] = d.Text
	}
	return out
}

func builtin() []option.Schema {
	var out []option.Schema
	for _, m := range []sdk.Module{
		alerting.New(time.Now), scriptlet.New(scriptlet.Deps{}),
	} {
		out = append(out, m.Info().Schema)
		_ = m.Close() // it has prepared nothing
	}
	out = append(out, datasource.Schemas()...)
	return append(append(out, mailauth.Schemas()...), scan.Schemas()...)
}

func TestWrongSnippetsAreFound(t *testing.T) {
	for want, text := range map[string]string{
		"unknown option": "hostnam = \"x\"\n",
		"is not a valid": "domian \"x\" {}\n",
		"must be quoted": "outbound_throttle_messages = 20\n",
	} {
		got := judge(t, text)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestLuaSnippets: each lua block of our own pages is of the dialect. The pages
// of docs/lua have a test of their own.
func TestLuaSnippets(t *testing.T) {
	for _, p := range manual(t) {
		if strings.HasPrefix(p.name, "docs/lua/") {
			continue
		}
		for _, text := range p.blocks("lua") {
			_, problems := dialect.Compile(p.name, []byte(text), dialect.NewRuntime(dialect.Limits{}))
			for _, problem := range problems {
				t.Errorf("%s\n%s", problem.String(), text)
			}
		}
	}
}

// TestSamplePolicyIsOfTheDialect compiles what `make run` serves.
func TestSamplePolicyIsOfTheDialect(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(root, "examples/policies/myscripts/*.lua"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := dialect.Compile(path, text, dialect.NewRuntime(dialect.Limits{}))
		for _, problem := range problems {
			t.Error(problem.String())
		}
	}
}

// TestShellSnippetsNameFilesThatAreThere: whatever the README has one run from
// the repository exists.
func TestShellSnippetsNameFilesThatAreThere(t *testing.T) {
	named := regexp.MustCompile(`\b(?:examples|test|docs|core|sdk)/[\w./-]+`)
	n := 0
	for _, p := range manual(t) {
		for _, text := range p.blocks("sh") {
			for _, name := range named.FindAllString(text, -1) {
				n++
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no snippet names a file")
	}
}
