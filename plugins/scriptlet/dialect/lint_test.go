package dialect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

var lintOptions = dialect.LintOptions{
	Callouts:   []string{"validate_connect", "validate_ehlo", "validate_data", "core_log_delivery_v1"},
	NeedReturn: func(name string) bool { return strings.HasPrefix(name, "validate_") },
	Globals:    []string{"msys", "print", "pairs", "ipairs", "table", "string", "error", "require", "module", "package", "rawset", "setmetatable", "pcall", "_TLS", "_G", "tostring"},
	Private:    []string{"_TLS", "_OSTLS"},
}

const lintHeader = "local mod = {}\n"
const lintFooter = "\nmsys.registerModule('m', mod)"

// findings is each finding of a kind as "line name", in order.
func findings(t *testing.T, src string, kind dialect.FindingKind) []string {
	t.Helper()
	r, problems := dialect.Lint("f", []byte(src), lintOptions)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", src, problems)
	}
	found := []string{}
	for _, f := range r.Findings {
		if f.Kind == kind {
			found = append(found, fmt.Sprintf("%d %s", f.Problem.Line, f.Name))
		}
	}
	return found
}

func TestLintSharedWrite(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"nothing", "function mod:validate_ehlo(ac) local n = 1 n = n + 1 return n end", nil},
		{"global", "function mod:validate_ehlo(ac) count = (count or 0) + 1 end", []string{"2 count"}},
		{"global function", "function mod:validate_ehlo(ac) function helper() end end", []string{"2 helper"}},
		{"file's variable", "local n = 0\nfunction mod:validate_ehlo(ac) n = n + 1 end", []string{"3 n"}},
		{"several at once", "local a, b\nfunction mod:validate_ehlo(ac)\na, b = b, a end", []string{"4 b", "4 a"}},
		{"table", "local t = {}\nfunction mod:validate_ehlo(ac) t.x = 1 t[ac] = 2 end", []string{"3 t.x", "3 t"}},
		{"the registered table", "function mod:validate_ehlo(ac) mod.last = ac end", []string{"2 mod.last"}},
		{"_G", "function mod:validate_ehlo(ac) _G.x = ac end", []string{"2 _G.x"}},
		{"per session", "function mod:validate_ehlo(ac, vctx) self.x = 1 vctx.disconnect = 1 _TLS.x = 2 end", nil},
		{"table functions", "local t = {}\nfunction mod:validate_ehlo(ac) table.insert(t, ac) rawset(t, 1, 2) local u = {} table.insert(u, 1) end", []string{"3 t", "3 t"}},
		{"another name for it", "local t = {a = {}}\nfunction mod:validate_ehlo(ac) local u = t.a u.x = 1 end", []string{"3 u.x"}},
		{"an element of it", "local t = {}\nfunction mod:validate_ehlo(ac) for k, v in pairs(t) do v.x = 1 end end", []string{"3 v.x"}},
		{"a helper", "local n = 0\nlocal function bump() n = n + 1 end\nfunction mod:validate_ehlo(ac) bump() end", []string{"3 n"}},
		{"through a parameter", "local t = {}\nlocal function set(u, k) u[k] = 1 end\nfunction mod:validate_ehlo(ac) set({}, 1) set(t, 2) end", []string{"4 t"}},
		{"through two parameters", "local t = {}\nlocal function set(u) u.x = 1 end\nlocal function twice(u) set(u) end\nfunction mod:validate_ehlo(ac) twice(t) end", []string{"5 t"}},
		{"an object's method", "local obj = {n = 0}\nfunction obj:inc() self.n = self.n + 1 end\nfunction mod:validate_ehlo(ac) obj:inc() end", []string{"4 obj"}},
		{"a local of the callout", "function mod:validate_ehlo(ac) local n = 0 pcall(function() n = n + 1 end) return n end", nil},
		{"a counter made at load", "local function make() local n = 0 return function() n = n + 1 return n end end\nlocal c = make()\nfunction mod:validate_ehlo(ac) return c() end", []string{"2 n"}},
		{"a counter made in the call", "local function make() local n = 0 return function() n = n + 1 return n end end\nfunction mod:validate_ehlo(ac) return make()() end", nil},
		{"at load and in init", "local t = {} count = 0 t.x = 1\nfunction mod:init() count = 1 t.x = 2 return true end\nfunction mod:deinit() t.x = nil return true end", nil},
		{"init by assignment", "local n\nmod.init = function() n = 1 return true end", nil},
		{"init is local", "local n\nlocal function init() n = 1 end\nmod.init = init", nil},
		{"operators", "local n = 0\nfunction mod:validate_ehlo(ac) n = n | 1 local s = 'a' .. n end", []string{"3 n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := findings(t, lintHeader+c.src+lintFooter, dialect.SharedWrite)
			if !slices.Equal(got, append([]string{}, c.want...)) {
				t.Errorf("%s\n got %v\nwant %v", c.src, got, c.want)
			}
		})
	}
}

func TestLintReturns(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"returns", "return msys.x", nil},
		{"falls off", "print(1)\n", []string{"3 validate_data"}},
		{"if", "if msg then return 1 end\n", []string{"3 validate_data"}},
		{"if and else", "if msg then return 1 elseif 2 then return 2 else return 3 end\n", nil},
		{"bare return", "if msg then return end return 1", []string{"2 validate_data"}},
		{"returns nil", "return nil", []string{"2 validate_data"}},
		{"raises", "error('x')", nil},
		{"loop", "while msg do return 1 end\n", []string{"3 validate_data"}},
		{"endless loop", "while true do if msg then return 1 end end", nil},
		{"endless loop with a break", "while true do if msg then break end end\n", []string{"3 validate_data"}},
		{"repeat", "repeat return 1 until false", nil},
		{"repeat with a break", "repeat if msg then break end return 1 until false\n", []string{"3 validate_data"}},
		{"for", "for i = 1, 2 do return i end for k in pairs(msg) do return k end\n", []string{"3 validate_data"}},
		{"block", "do return 1 end", nil},
		{"inner function", "local f = function() end return f", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := lintHeader + "function mod:validate_data(msg) " + c.body + " end" + lintFooter
			if got := findings(t, src, dialect.NoReturnValue); !slices.Equal(got, append([]string{}, c.want...)) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := findings(t, lintHeader+"function mod:core_log_delivery_v1() end function mod.helper() end"+lintFooter, dialect.NoReturnValue); len(got) > 0 {
		t.Errorf("no value is needed: %v", got)
	}
}

func TestLintNames(t *testing.T) {
	src := lintHeader + "function mod:validate_helo(ac) return 1 end\nmod.validate_conect = function() return undefined end\nmod.validate_dta = 5\nfunction mod.trim() return defined, undefined end\ndefined = 1" + lintFooter
	if got, want := findings(t, src, dialect.MisspeltCallout), []string{"2 validate_helo", "3 validate_conect"}; !slices.Equal(got, want) {
		t.Errorf("misspelt %v, want %v", got, want)
	}
	if got, want := findings(t, src, dialect.UnknownGlobal), []string{"3 undefined"}; !slices.Equal(got, want) {
		t.Errorf("unknown %v, want %v", got, want)
	}
	r, _ := dialect.Lint("f", []byte(src), lintOptions)
	f := r.Findings[0]
	if f.Near != "validate_ehlo" || f.Problem.Column != 10 || !strings.Contains(f.Problem.Snippet, "function mod:validate_helo") {
		t.Errorf("finding %+v", f)
	}
}

func TestLintRegistrations(t *testing.T) {
	for _, c := range []struct {
		src, want string
		registers bool
	}{
		{"print(1)", "", false},
		{"local mod = {validate_ehlo = function() end, x = 1}\nmsys.registerModule('a', mod)", "msys.registerModule(a, mod): validate_ehlo() x", true},
		{"msys.registerModule('a', {validate_ehlo = print})", "msys.registerModule(a, {...}): validate_ehlo", true},
		{"function f() mod = {} function mod.g() end msys.registerModule(name, mod) end", "msys.registerModule(, mod): g()", true},
		{"local h = {}\nfunction h:request() end\nmsys.http_lua.registerModule('b', h)", "msys.http_lua.registerModule(b, h): request()", false},
		{"module('x', package.seeall)\nfunction validate_data() end\nmsys.registerModule('x', _M)", "msys.registerModule(x, _M): validate_data()", true},
		{"local registerModule = msys.registerModule\nregisterModule('c', {})", "registerModule(c, {...}):", true},
	} {
		r, problems := dialect.Lint("f", []byte(c.src), lintOptions)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var got string
		for _, reg := range r.Registrations {
			got += fmt.Sprintf("%s(%s, %s):", reg.Via, reg.Name, reg.Table)
			for _, k := range reg.Keys {
				got += " " + k.Name
				if k.Function {
					got += "()"
				}
			}
			if reg.Line == 0 || reg.Column == 0 {
				t.Errorf("%s: no position", got)
			}
		}
		if got != c.want || r.Registers() != c.registers {
			t.Errorf("%s\n got %s %v\nwant %s %v", c.src, got, r.Registers(), c.want, c.registers)
		}
	}
}

func TestLintSyntaxError(t *testing.T) {
	if r, problems := dialect.Lint("f", []byte("x ="), lintOptions); r != nil || len(problems) != 1 {
		t.Errorf("report %v, problems %v", r, problems)
	}
}
