package api

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// argument is a value to call functions with, and what it is to Lua.
type argument struct{ code, kind string }

func arguments() []argument {
	return []argument{
		{"nil", "nil"}, {"true", "boolean"}, {"-1", "number"}, {"0/0", "number"}, {"1e308", "number"}, {"-1e308", "number"}, {"''", "word"},
		{`"x\0\r\ny"`, "word"}, {"{}", "table"}, {`{ 1, {}, a = print }`, "table"}, {"function() end", "function"}, {"msys.core.string_new()", "ec_string"},
	}
}

// refused reports an argument that the declaration rules out.
func (p *Param) refused(kind string) bool {
	fits := map[Type]string{
		String: "number word ec_string", Number: "number", Boolean: "boolean", Table: "table", Function: "function",
		StringOrTable: "number word ec_string table", StringOrFunction: "number word ec_string function", StringOrNumber: "number word ec_string",
	}
	switch {
	case p.Type == Any, kind == "nil" && (p.Optional || p.Variadic):
		return false
	case p.Type == Userdata:
		return kind != "ec_string" || p.Class != "" && p.Class != classString
	}
	return !strings.Contains(" "+fits[p.Type]+" ", " "+kind+" ")
}

// plausible is an argument that the declaration allows.
func (p *Param) plausible() string {
	switch p.Type {
	case Number, StringOrNumber:
		return "1"
	case Boolean:
		return "true"
	case Table:
		return "{}"
	case Function, StringOrFunction:
		return "function() end"
	case Userdata:
		return "nil"
	}
	return `"x"`
}

// crash matches what Go says where a function did not look at its arguments.
var crash = regexp.MustCompile(`runtime error|interface conversion|nil map|nil pointer|out of range \[|slice bounds|makeslice|reflect[:.]|strings: negative|unexpected fault`)

// TestArgumentsOfEveryFunction calls each declared function and method with
// arguments of every type in each place: none crashes, and what the declaration
// rules out is a bad argument with its number.
func TestArgumentsOfEveryFunction(t *testing.T) {
	t.Chdir(t.TempDir()) // some write files
	n := 0
	for _, p := range Packages() {
		for i := range p.Funcs {
			f := &p.Funcs[i]
			n += abuse(t, p.Name, qualified(p.Name, f.Name), strings.TrimPrefix(qualified(p.Name, f.Name), "_G."), "", f)
		}
		for _, c := range p.Classes {
			for i := range c.Methods {
				f := &c.Methods[i]
				found := regexp.MustCompile(`([\w.]+):` + f.Name + `\(`).FindStringSubmatch(f.Example)
				if found == nil {
					continue
				}
				n += abuse(t, p.Name, c.Name+":"+f.Name, found[1]+"."+f.Name, found[1]+", ", f)
			}
		}
	}
	if n < 5000 {
		t.Errorf("%d calls", n)
	}
}

// abuse makes the calls of one function, and gives how many there were.
func abuse(t *testing.T, pkg, name, callee, object string, f *Func) int {
	t.Helper()
	if f.Status == Unsupported || len(f.Params) == 0 {
		return 0
	}
	w := abused(t, pkg, name, f)
	n := 0
	for at := range f.Params {
		for _, a := range arguments() {
			args := make([]string, len(f.Params))
			for i := range args {
				args[i] = f.Params[i].plausible()
			}
			args[at] = a.code
			call := callee + "(" + object + strings.Join(args, ", ") + ")"
			_, err := w.try(w.L, call)
			n++
			text := fmt.Sprint(err)
			want := fmt.Sprintf("bad argument #%d to '%s'", at+1, f.Name)
			switch {
			case crash.MatchString(text):
				t.Errorf("%s crashes: %s", call, text)
			case f.Params[at].refused(a.kind) && !badBefore(f, at) && !strings.Contains(text, want):
				t.Errorf("%s: %s, want %s", call, text, want)
			}
		}
	}
	return n
}

// badBefore reports a parameter before at for which nothing is plausible: it is
// what the error is about.
func badBefore(f *Func, at int) bool {
	for i := range at {
		if f.Params[i].Type == Userdata && !f.Params[i].Optional {
			return true
		}
	}
	return false
}

// abused is the world of a function's example, in which nothing waits.
func abused(t *testing.T, pkg, name string, f *Func) *mailWorld {
	t.Helper()
	hook := exampleHooks(f.Phases)[0]
	w := exampleWorld(t, hook)
	needed := []string{"msys.timer", "msys.extended.message", "msys.extended.vctx"}
	if pkg != "" {
		needed = append(needed, pkg)
	}
	for _, p := range needed {
		w.env.Registry().Open(w.L, p)
	}
	for _, p := range preludes() {
		if strings.HasPrefix(name, p[0]) {
			w.run(p[1])
		}
	}
	if pkg != "" {
		_, _ = w.try(w.L, `local p = require("`+pkg+`")`+"\n"+global(pkg))
	}
	_, _ = w.try(w.L, exampleChunk(f.Example)) // the objects that it makes
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(w.ctx)
	cancel()
	return w
}

// global makes a package that has no dots reachable by its name.
func global(pkg string) string {
	if strings.Contains(pkg, ".") {
		return ""
	}
	return pkg + " = p"
}
