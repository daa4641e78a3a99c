package conf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk/option"
)

// memFS is files in memory: absolute path to text.
type memFS map[string]string

func (m memFS) fs() fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range m {
		out[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func inside(name string) string {
	if name == "/" {
		return "."
	}
	return strings.TrimPrefix(name, "/")
}

func (m memFS) ReadFile(name string) ([]byte, error)       { return m.fs().ReadFile(inside(name)) }
func (m memFS) ReadDir(name string) ([]fs.DirEntry, error) { return m.fs().ReadDir(inside(name)) }
func (m memFS) Stat(name string) (fs.FileInfo, error)      { return m.fs().Stat(inside(name)) }

func load(t *testing.T, files memFS) *Tree {
	t.Helper()
	tree, diags := Load(Options{Path: "/main.conf", FS: files})
	if len(diags) > 0 {
		t.Fatalf("unexpected:\n%s", diags)
	}
	return tree
}

// show writes a tree without positions.
func show(s *option.Scope) string {
	var b strings.Builder
	for _, a := range s.Attrs {
		b.WriteString(a.Name + "=" + showValue(a.Value) + " ")
	}
	for i := range s.Scopes {
		b.WriteString(s.Scopes[i].Name + ":" + s.Scopes[i].Instance + "{" + show(&s.Scopes[i]) + "} ")
	}
	return strings.TrimSpace(b.String())
}

func showValue(v option.Value) string {
	var items []string
	switch v.Kind {
	case option.KindString:
		return "'" + v.Text + "'"
	case option.KindList:
		for _, i := range v.List {
			items = append(items, showValue(i))
		}
		return "[" + strings.Join(items, ",") + "]"
	case option.KindDict:
		for _, e := range v.Dict {
			items = append(items, e.Key+"="+showValue(e.Value))
		}
		return "{" + strings.Join(items, ",") + "}"
	}
	return v.Text
}

func TestLoad(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"single line", `Binding "b1" { Bind_Address = "127.0.0.2" }`, `binding:b1{bind_address='127.0.0.2'}`},
		{"parentheses", `uri = ( "sqlite:/p" )`, `uri='sqlite:/p'`},
		{"values", "a = 1\nb = -1.50\nc = 0660\nd = true\ne = [1, \"x\", [false]]\nf = { k = 1, \"0.0.0.1\" = \"v\"\n 100 = false }\n",
			`a=1 b=-1.50 c=0660 d=true e=[1,'x',[false]] f={k=1,0.0.0.1='v',100=false}`},
		{"escapes", `a = "%%{l} $${x} \\d \"q\" 220-Hi\r\n"`, "a='%{l} ${x} \\d \"q\" 220-Hi\r\n'"},
		{"heredoc", "a = <<EOT\none\n  two\nEOT\n", "a='one\n  two\n'"},
		{"flush heredoc", "a = <<-EOT\n  one\n  two\n  EOT\n", "a='one\ntwo\n'"},
		{"comments", "# a\n// b\n/* c */ a = 1 # d\n", `a=1`},
		{"labels", "pathway x {\n}\nPathway \"x y\" {\n}\nalerting {}\n", `pathway:x{} pathway:x y{} alerting:{}`},
		{"option beside scope", "pathway = \"x\"\npathway \"x\" {}\n", `pathway='x' pathway:x{}`},
		{"merge", "binding \"b\" {\n a = 1\n b = 1\n}\ndomain \"d\" {}\nBINDING \"b\" {\n a = 2\n domain \"x\" {}\n}\nbinding \"B\" {}\n",
			`binding:b{a=2 b=1 domain:x{}} domain:d{} binding:B{}`},
		{"domains have no case", "domain \"Example.COM\" {\n a = 1\n}\ndomain \"example.com\" {\n a = 2\n}\ndomain \"/A/\" {}\ndomain \"/a/\" {}\n",
			`domain:Example.COM{a=2} domain:/A/{} domain:/a/{}`},
		{"empty", "", ""},
		{"the word of a mended line", "__repaired__ \"x\" {\n a = 1\n}\n", "__repaired__:x{a=1}"},
		{"no final newline", "a = 1\r\nb = 2", "a=1 b=2"},
		{"underscore", "_unsafe_spool = true", "_unsafe_spool=true"},
		{"parentheses inside", `a = [("x"), (-3)]`, "a=['x',-3]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := load(t, memFS{"/main.conf": tt.text})
			if diff := cmp.Diff(tt.want, show(tree.Root)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	tree := load(t, memFS{"/main.conf": "a = 1\nscope \"x\" {\n\tb = [\n \"é\", 2]\n}\n"})
	inner := tree.Root.Children("scope")[0]
	b, _ := inner.Attr("b")
	got := []string{inner.Pos.String(), b.Pos.String(), b.Value.Pos.String(), b.Value.List[1].Pos.String()}
	want := []string{"/main.conf:2:1", "/main.conf:3:2", "/main.conf:3:6", "/main.conf:4:7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := tree.Snippet(b.Pos), "\tb = [\n\t^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := tree.Snippet(option.Pos{File: "/other", Line: 1, Column: 1}); got != "" {
		t.Errorf("snippet of a file that is not ours: %q", got)
	}
}

func TestInclude(t *testing.T) {
	files := memFS{
		"/main.conf": "a = 1\ninclude \"x\" {\n path = \"sub/inc.conf\"\n}\nb = 3\n" +
			"domain \"d\" {\n Include \"y\" {\n path = \"dom.conf\"\n}\n}\nreadonly_include \"z\" {\n path = \"dir\"\n}\n",
		"/sub/inc.conf":                  "a = 2\nb = 2\ninclude \"n\" {\n path = \"next.conf\"\n}\n",
		"/sub/next.conf":                 "next = \"beside\"\n",
		"/next.conf":                     "next = \"main's\"\n",
		"/home/etc/conf/global/dom.conf": "found = \"global\"\n",
		"/home/etc/conf/node1/dom.conf":  "found = \"node\"\n",
		"/home/etc/conf/node1/dir/20":    "order = \"20\"\n",
		"/home/etc/conf/node1/dir/10":    "order = \"10\"\n",
		"/home/etc/conf/node1/dir/.30":   "order = \"30\"\n",
		"/home/etc/conf/node1/dir/sub/x": "order = \"sub\"\n",
	}
	tree, diags := Load(Options{Path: "/main.conf", FS: files, Home: "/home", Node: "node1"})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	want := `a=2 b=3 next='beside' order='20' domain:d{found='global'}`
	if diff := cmp.Diff(want, show(tree.Root)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantFiles := []File{{"/main.conf", false}, {"/sub/inc.conf", false}, {"/sub/next.conf", false},
		{"/home/etc/conf/global/dom.conf", false}, {"/home/etc/conf/node1/dir/10", true}, {"/home/etc/conf/node1/dir/20", true}}
	if diff := cmp.Diff(wantFiles, tree.Files); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestIncludeTwiceIsReadOnly(t *testing.T) {
	one := "include \"x\" {\n path = \"inc\"\n}\n"
	tree := load(t, memFS{"/main.conf": one + "domain \"d\" {\n" + one + "}\n", "/inc": "a = 1\n"})
	if got, want := show(tree.Root), "a=1 domain:d{a=1}"; got != want {
		t.Errorf("got %s", got)
	}
	if !tree.Files[1].ReadOnly {
		t.Error("a file that is included twice is writable")
	}
}

func TestIncludeBounds(t *testing.T) {
	include := func(path string) string { return "include \"x\" {\n path = \"" + path + "\"\n}\n" }
	deep := memFS{"/main.conf": include("f0")}
	for i := range maxDepth + 1 {
		deep["/f"+string(rune('0'+i))] = include("f" + string(rune('1'+i)))
	}
	wide := memFS{"/main.conf": include("a"), "/a": strings.Repeat(include("b"), 101),
		"/b": strings.Repeat(include("c"), 101), "/c": ""}
	tests := []struct {
		name  string
		files memFS
		want  string
	}{
		{"cycle", memFS{"/main.conf": include("a"), "/a": include("b"), "/b": include("a")}, "include cycle: /a -> /b -> /a"},
		{"itself", memFS{"/main.conf": include(".")}, "include cycle: /main.conf -> /main.conf"},
		{"deep", deep, "includes are nested more than 32 deep"},
		{"wide", wide, "more than 10000 includes"},
	}
	for _, tt := range tests {
		_, diags := Load(Options{Path: "/main.conf", FS: tt.files})
		if len(diags) == 0 || diags[0].Text != tt.want {
			t.Errorf("%s: got %s", tt.name, diags)
		}
	}
}

func TestListed(t *testing.T) {
	text := "rule \"a\" {\n x = 1\n}\nrule \"a\" {\n x = 2\n}\n"
	tree, _ := Load(Options{Path: "/main.conf", FS: memFS{"/main.conf": text}, Listed: []string{"rule"}})
	if got, want := show(tree.Root), "rule:a{x=1} rule:a{x=2}"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestNoMainFile(t *testing.T) {
	_, diags := Load(Options{Path: "/none.conf", FS: memFS{}})
	if got, want := diags.String(), "/none.conf: Unable to open '/none.conf', errno=2 No such file or directory\n"; got != want {
		t.Errorf("got %q", got)
	}
	_, diags = Load(Options{Path: filepath.Join(t.TempDir())})
	if len(diags) != 1 || !strings.HasSuffix(diags[0].Text, "errno=21 Is a directory") {
		t.Errorf("a directory: %s", diags)
	}
	_, diags = Load(Options{Path: "/dev/zero"})
	if len(diags) != 1 || !strings.HasSuffix(diags[0].Text, "errno=22 Invalid argument") {
		t.Errorf("a device: %s", diags)
	}
	_, diags = Load(Options{Path: "/big", FS: memFS{"/big": strings.Repeat(" ", maxFileSize+1)}})
	if len(diags) != 1 || !strings.HasSuffix(diags[0].Text, "errno=27 File too large") {
		t.Errorf("a large file: %s", diags)
	}
}

func TestTooDeep(t *testing.T) {
	for _, text := range []string{"a = " + strings.Repeat("(", 5000), "a = " + strings.Repeat("[", 300),
		"a = " + strings.Repeat("-", 5000) + "1", "a = " + strings.Repeat("!", 5000), "a = " + strings.Repeat("x ? y : ", 5000),
		"a = \"" + strings.Repeat("%{if x}", 5000), "a = \"" + strings.Repeat("${", 5000), strings.Repeat("a {\n", 300)} {
		_, diags := Load(Options{Path: "/main.conf", FS: memFS{"/main.conf": text}})
		if len(diags) != 1 || !strings.Contains(diags[0].Text, "nested too deep") {
			t.Errorf("%.20s: %.300s", text, diags)
		}
	}
}

var schema = option.Schema{Name: "global",
	Options: []option.Option{{Name: "hostname"}, {Name: "retry_interval", Type: option.Seconds}},
	Scopes: []option.Schema{
		{Name: "esmtp_listener", Scopes: []option.Schema{{Name: "listen", Instance: option.InstanceRequired,
			Options: []option.Option{{Name: "file_mode", Type: option.Octal}}}}},
		{Name: "domain", Instance: option.InstanceRequired, Options: []option.Option{{Name: "retry_interval", Type: option.Seconds},
			{Name: "outbound_throttle_messages", Type: option.Rate}, {Name: "tls", Type: option.Enum, Enum: []string{"no", "required"}}}},
	}}

// TestErrors compares what is said of testdata/errors/*.conf with the .want
// file beside it.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		tree, diags := Load(Options{Path: file})
		if strings.Contains(file, "schema") {
			diags = append(diags, Check(tree, &schema)...)
		}
		want, _ := os.ReadFile(strings.TrimSuffix(file, ".conf") + ".want")
		if diff := cmp.Diff(string(want), diags.String()); diff != "" {
			t.Errorf("%s:\n%s\n-want +got\n%s", file, diags, diff)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	d := Diagnostics{{File: "b", Line: 1, Column: 1, Text: "x"}, {File: "a", Line: 2, Column: 3, Text: "y", Snippet: "s\n^"},
		{File: "a", Line: 2, Column: 1, Text: "z"}, {Text: "all"}, {File: "b", Line: 1, Column: 1, Text: "x"}}.Sort()
	if got, want := d.Err().Error(), "all\na:2:1: z\na:2:3: y\ns\n^\nb:1:1: x"; got != want {
		t.Errorf("got %q", got)
	}
	raw, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Diagnostics
	if err := json.Unmarshal(raw, &back); err != nil || !cmp.Equal(d, back) {
		t.Errorf("%v\n%s", err, raw)
	}
	if !strings.Contains(string(raw), `"line": 2`) {
		t.Errorf("%s", raw)
	}
	var none Diagnostics
	raw, _ = none.JSON()
	if none.Err() != nil || string(raw) != "[]" {
		t.Errorf("none: %v %s", none.Err(), raw)
	}
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("x", 200) + "HERE" + strings.Repeat("y", 200)
	tests := []struct {
		src          string
		line, column int
		want         string
	}{
		{"a\nbc\n", 2, 2, "bc\n ^"},
		{"a\r\n", 1, 9, "a\n ^"},
		{"\t\x1b[1mé x", 1, 6, "\t?[1mé x\n\t    ^"},
		{"a", 0, 1, ""},
		{"a", 3, 1, ""},
		{long, 1, 201, strings.Repeat("x", 80) + "HERE" + strings.Repeat("y", 76) + "\n" + strings.Repeat(" ", 80) + "^"},
	}
	for _, tt := range tests {
		if got := snippet([]byte(tt.src), tt.line, tt.column); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got, tt.want)
		}
	}
}

func TestSearchPath(t *testing.T) {
	tests := []struct {
		home, node string
		want       []string
	}{
		{"", "n", nil},
		{"/h", "", []string{"/h/etc/conf/global", "/h/etc/conf/default"}},
		{"/h", "n1", []string{"/h/etc/conf/global", "/h/etc/conf/n1", "/h/etc/conf/default"}},
		{"/h", "..", []string{"/h/etc/conf/global", "/h/etc/conf/default"}},
		{"/h", "a/b", []string{"/h/etc/conf/global", "/h/etc/conf/default"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, SearchPath(tt.home, tt.node)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestRealDirectory includes a directory through the real file system.
func TestRealDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"main.conf": "include \"d\" {\n path = \"d\"\n}\n", "d/b": "a = 2\n", "d/a": "a = 1\n", "d/.c": "a = 3\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, diags := Load(Options{Path: filepath.Join(dir, "main.conf"), Search: []string{"/none"}})
	if got := show(tree.Root); len(diags) > 0 || got != "a=2" {
		t.Errorf("%s %s", got, diags)
	}
}

func TestErrno(t *testing.T) {
	for err, want := range map[error]int{fs.ErrNotExist: 2, fs.ErrPermission: 13, errors.New("x"): 5} {
		if got, _ := errno(err); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
}
