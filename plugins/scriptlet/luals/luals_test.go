package luals

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

func stubFiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := Files(Library)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// function is what a stub says of a function.
type function struct {
	Params     []string // "name type", "name? type"
	Returns    int
	Deprecated bool
}

var (
	paramLine  = regexp.MustCompile(`^---@param (\S+) (.+)$`)
	methodName = regexp.MustCompile(`^(\w+)_object:`)
)

// functions reads a stub: the statements by the dialect's parser, what the
// comments above a function say from the text before its line.
func functions(t *testing.T, file, text string) map[string]function {
	t.Helper()
	stmts, problems := dialect.Parse(file, []byte(text))
	for _, p := range problems {
		t.Fatal(p.String())
	}
	lines := strings.Split(text, "\n")
	found := make(map[string]function)
	for _, s := range stmts {
		def, ok := s.(*ast.FuncDefStmt)
		if !ok {
			continue
		}
		name := dotted(def.Name.Func)
		if def.Name.Method != "" {
			name = dotted(def.Name.Receiver) + ":" + def.Name.Method
		}
		name = methodName.ReplaceAllString(name, "$1:")
		if _, twice := found[name]; twice {
			t.Errorf("%s: %s is there twice", file, name)
		}
		f := annotations(lines[:s.Line()-1])
		params := append([]string(nil), def.Func.ParList.Names...)
		if def.Func.ParList.HasVargs {
			params = append(params, "...")
		}
		if len(params) > 0 && params[0] == "self" {
			params = params[1:]
		}
		if len(f.Params) != len(params) && !(f.Deprecated && len(f.Params) == 0) {
			t.Errorf("%s: %s(%v) is annotated %v", file, name, params, f.Params)
		}
		found[name] = f
	}
	return found
}

// annotations reads the comments at the end of lines.
func annotations(lines []string) (f function) {
	for i := len(lines) - 1; i >= 0 && strings.HasPrefix(lines[i], "---"); i-- {
		if m := paramLine.FindStringSubmatch(lines[i]); m != nil {
			f.Params = append([]string{m[1] + " " + m[2]}, f.Params...)
		}
		if strings.HasPrefix(lines[i], "---@return ") {
			f.Returns++
		}
		f.Deprecated = f.Deprecated || lines[i] == "---@deprecated"
	}
	return f
}

func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return dotted(e.Object) + "." + key.Value
		}
	}
	return ""
}

// declared is what the stub of a function must say.
func declared(name string, f *api.Func, known map[string]bool) function {
	types := map[api.Type]string{
		api.Any: "any", api.String: "string", api.Number: "number", api.Boolean: "boolean", api.Table: "table", api.Function: "function",
		api.StringOrTable: "string|table", api.StringOrFunction: "string|function", api.StringOrNumber: "string|number", api.Userdata: "userdata",
	}
	want := function{Deprecated: f.Status == api.Unsupported || api.Deprecated(name) != ""}
	for _, p := range f.Params {
		param, kind := p.Name, types[p.Type]
		switch {
		case p.Variadic:
			param = "..."
		case p.Optional:
			param += "?"
		}
		if p.Class != "" {
			kind = p.Class
		}
		want.Params = append(want.Params, param+" "+kind)
	}
	if f.Status != api.Unsupported {
		want.Returns = len(results(f.Returns, known))
	}
	return want
}

func TestStubsSayWhatIsDeclared(t *testing.T) {
	files := stubFiles(t)
	known := classNames(api.Packages())
	count := 0
	got := make(map[string]function)
	for name, text := range files {
		if strings.HasSuffix(name, ".lua") {
			for f, what := range functions(t, name, text) {
				got[f] = what
			}
		}
	}
	for _, p := range api.Packages() {
		check := func(name string, f *api.Func) {
			count++
			what, ok := got[name]
			if !ok {
				t.Errorf("%s has no stub", name)
				return
			}
			if diff := cmp.Diff(declared(name, f, known), what); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			delete(got, name)
		}
		for i := range p.Funcs {
			check(joined(p.Name, ".", p.Funcs[i].Name), &p.Funcs[i])
		}
		for _, c := range p.Classes {
			for i := range c.Methods {
				check(c.Name+":"+c.Methods[i].Name, &c.Methods[i])
			}
			text := files[fileName(p.Name)]
			for _, f := range c.Fields {
				if !strings.Contains(text, fmt.Sprintf("---@field %s %s ", f.Name, fieldType(f.Type, known))) {
					t.Errorf("%s.%s has no field", c.Name, f.Name)
				}
			}
			if !strings.Contains(text, "---@class "+c.Name+"\n") {
				t.Errorf("class %s is not declared", c.Name)
			}
		}
	}
	for name := range got {
		t.Errorf("the stub %s stands for no declaration", name)
	}
	if count < 150 {
		t.Errorf("%d functions", count)
	}
}

// A stub is a script that could run: require of it would give the package, with
// the values of its constants.
func TestStubsHoldTheConstants(t *testing.T) {
	files := stubFiles(t)
	for _, p := range api.Packages() {
		L := lua.NewState()
		proto, problems := dialect.Compile(p.Name, []byte(files[fileName(p.Name)]), dialect.NewRuntime(dialect.Limits{}))
		for _, problem := range problems {
			t.Fatal(problem.String())
		}
		L.Push(L.NewFunctionFromProto(proto))
		L.Call(0, 1)
		pkg := L.Get(-1)
		if p.Name == "" {
			pkg = L.G.Global
		}
		for _, c := range p.Consts {
			if v := L.GetField(pkg, c.Name); v != c.Value {
				t.Errorf("%s is %v, want %v", c.Name, v, c.Value)
			}
		}
		L.Close()
	}
}

func TestCallouts(t *testing.T) {
	text := stubFiles(t)["callouts.lua"]
	for _, h := range sdk.Hooks[1:] {
		if !strings.Contains(text, "---@field "+h.Name+"? fun(self: table") {
			t.Errorf("%s is not there", h.Name)
		}
	}
	for _, want := range []string{
		"validate_rcptto? fun(self: table, msg: ec_message, str: ec_string, ac: accept_construct, vctx: validate_context): number ",
		"core_final_validation? fun(self: table, msg: ec_message, ac: accept_construct, vctx: validate_context) Looks",
		"init? fun(self: table): boolean",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if _, problems := dialect.Parse("callouts.lua", []byte(text)); len(problems) > 0 {
		t.Error(problems[0].String())
	}
}

func TestSettings(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(stubFiles(t)[Settings]), &got); err != nil {
		t.Fatal(err)
	}
	if got["runtime.version"] != "Lua 5.1" || fmt.Sprint(got["workspace.library"]) != "["+Library+"]" {
		t.Errorf("%v", got)
	}
}

func TestResults(t *testing.T) {
	known := map[string]bool{"timer": true, "json": true, "xml_doc": true, "a_node": true, "b_node": true}
	for words, want := range map[string]string{
		"nothing":                         "",
		"string":                          "string",
		"string or nil":                   "string|nil",
		"timer":                           "timer",
		"string, number":                  "string; number",
		"array | nil, message":            "any[]|nil; string|nil",
		"string | nil, message, offset":   "string|nil; string|nil; number|nil",
		"1 or 0":                          "number",
		"1, string or 0, nil":             "number; string|nil",
		"table, or boolean when setting":  "table|boolean",
		"table or false":                  "table|boolean",
		"table {mimetype, charset}":       "table",
		"json value | nil, code, message": "json|nil; number|nil; string|nil",
		"iterator | nil, message":         "(fun(): any)|nil; string|nil",
		"true | number":                   "boolean|number",
		"rc, key, value":                  "number; string; any",
		"string, table where there are several texts": "table|string",
		"what the moon says":                          "any",
		"doc | nil, message":                          "xml_doc|nil; string|nil",
		"node":                                        "any",
		"string, DKIM_STAT":                           "string; number",
	} {
		var kinds []string
		for _, r := range results(words, known) {
			kinds = append(kinds, r.kind)
		}
		if got := strings.Join(kinds, "; "); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	written, kept, err := Write(dir)
	if err != nil || kept || len(written) < 20 {
		t.Fatalf("%d files, kept %v, %v", len(written), kept, err)
	}
	old, own := filepath.Join(dir, Library, "gone.lua"), filepath.Join(dir, Library, "own.lua")
	for path, text := range map[string]string{old: heading("gone") + "gone = {}\n", own: "own = {}\n", filepath.Join(dir, Settings): "{}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, kept, err = Write(dir); err != nil || !kept {
		t.Errorf("kept %v, %v", kept, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, Settings)); err != nil || string(b) != "{}\n" {
		t.Errorf("the settings became %q, %v", b, err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("an old stub stayed")
	}
	if _, err := os.Stat(own); err != nil {
		t.Error("a file that is not ours is gone")
	}
	if _, _, err := Write(filepath.Join(own, "below")); err == nil {
		t.Error("wrote below a file")
	}
}
