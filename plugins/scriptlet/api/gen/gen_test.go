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

func TestStubsAndExamplesAreLua(t *testing.T) {
	m := readManual()
	_, problems := dialect.Compile("mtad.lua", []byte(stubs(m)), dialect.NewRuntime(dialect.Limits{}))
	for _, p := range problems {
		t.Error(p.String())
	}
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
		"# msys.pcre\n", "without `require(\"msys.pcre\")`", "## msys.pcre.split(subject, pattern, [limit])",
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
