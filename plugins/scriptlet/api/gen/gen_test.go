package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

const docs = "../../../../docs/lua"

func TestPagesAreCurrent(t *testing.T) {
	want := pages(readManual())
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil || string(got) != text {
			t.Errorf("docs/lua/%s is not current; run: go run ./plugins/scriptlet/api/gen (%v)", name, err)
		}
	}
	there, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if _, ok := want[filepath.Base(path)]; !ok {
			t.Errorf("docs/lua/%s belongs to no package", filepath.Base(path))
		}
	}
}

// compiles fails unless text is Lua.
func compiles(t *testing.T, name, text string) {
	t.Helper()
	_, problems := dialect.Compile(name, []byte(text), dialect.NewRuntime(dialect.Limits{}))
	for _, p := range problems {
		t.Errorf("%s\n%s", p.String(), text)
	}
}

func TestExamplesAreLua(t *testing.T) {
	m := readManual()
	for _, p := range m.packages {
		for _, f := range p.Funcs {
			compiles(t, p.Name+"."+f.Name, asChunk(f.Example))
		}
		for _, c := range p.Classes {
			for _, f := range c.Methods {
				compiles(t, c.Name+":"+f.Name, asChunk(f.Example))
			}
		}
	}
}

// asChunk makes an example that is an expression a statement.
func asChunk(example string) string {
	_, problems := dialect.Compile("example", []byte(example), dialect.NewRuntime(dialect.Limits{}))
	if len(problems) > 0 {
		return "local _ = " + example
	}
	return example
}

// Whatever a task names has a section, and whatever has a section is declared.
func TestTasksLeadSomewhere(t *testing.T) {
	at := anchors(readManual())
	for _, g := range taskGroups() {
		for _, task := range g.tasks {
			if task.does == "" || task.words == "" || len(task.names) == 0 {
				t.Errorf("%+v", task)
			}
			for _, name := range task.names {
				if at[name] == "" {
					t.Errorf("%s: there is no %s", task.does, name)
				}
			}
		}
	}
}

func TestLinks(t *testing.T) {
	at := map[string]string{"msys.db.query": "msys.db.md#q", "ec_message:header": "m.md#h"}
	for text, want := range map[string]string{
		"see msys.db.query.":              "see [msys.db.query](msys.db.md#q).",
		"Use msg:header(name), not this.": "Use [msg:header](m.md#h)(name), not this.",
		"nobody:knows, msys.nothing":      "nobody:knows, msys.nothing",
	} {
		if got := linked(text, "none", at); got != want {
			t.Errorf("%s: %s", text, got)
		}
		if got := linked(text, "ec_message:header", at); strings.Contains(got, "m.md") {
			t.Errorf("%s links to itself: %s", text, got)
		}
	}
	if got := slug("msys.db.query(cache, [params])"); got != "msysdbquerycache-params" {
		t.Error(got)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs", "lua")
	if err := write(dir, map[string]string{"old.md": "x", "a.md": "a"}); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"a.md": "b", "mtad.lua": "c"}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, path := range []string{"a.md", "mtad.lua", "old.md"} {
		if text, err := os.ReadFile(filepath.Join(dir, path)); err == nil {
			got[path] = string(text)
		}
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
}

func TestPackagePage(t *testing.T) {
	m := readManual()
	page := pages(m)["msys.pcre.md"]
	for _, want := range []string{
		"# msys.pcre\n", "[All packages, and what to use for what](index.md)", "without `require(\"msys.pcre\")`", "## msys.pcre.split(subject, pattern, [limit])",
		"| limit | number | optional |", "Returns: array | nil, message, offset. Phases: any. Since: 3.0.", "```lua\nmsys.pcre.split(",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, want := range []string{"## Object timer", "## timer:stop()"} {
		if page := pages(m)["msys.timer.md"]; !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
