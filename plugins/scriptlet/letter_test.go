package scriptlet

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// expression is one and what print makes of its values. In want an S stands for
// the script and the line the expression begins on.
type expression struct{ expr, want string }

// evaluate runs each expression in a world of its own.
func evaluate(t *testing.T, list []expression) {
	t.Helper()
	for _, e := range list {
		want := strings.ReplaceAll(e.want, "S:", "/etc/mtad/conf/script.lua:4: ")
		w := scripted(t, head+"function mod:validate_ehlo(str, ac, vctx)\nprint("+e.expr+")\nreturn msys.core.VALIDATE_CONT end"+foot)
		r := w.one(1, sdk.ValidateEHLO)
		if got := strings.TrimPrefix(w.host.printed(), "scriptlet: "); r.Failed || got != want {
			t.Errorf("%s\ngot  %q\nwant %q\n%s", e.expr, got, want, w.host.paniclog())
		}
	}
}

// Text that stands where a number is needed is read by the dialect's rules: a
// leading 0 means octal (reference/lua-api-notes.md, section b).
func TestTextAsNumber(t *testing.T) {
	evaluate(t, []expression{
		{`"010" + 1, "010" * "010", -"010", "0x10" + 0, " 5 " - 1, "1e2" / 4, "2" ^ "3", "7" % "4"`, "9\t64\t-8\t16\t4\t25\t8\t3"},
		{`pcall(function() return "08" + 1 end)`, "false\tS:attempt to perform arithmetic on a string value"},
		{`pcall(function() return -"09" end)`, "false\tS:attempt to perform arithmetic on a string value"},
		{`pcall(function() return "0e1" * 2 end)`, "false\tS:attempt to perform arithmetic on a string value"},
		{`"5" + 1 .. "", 1 .. 2 + 3`, "6\t15"},
		{`(function() local n = 0 for i = "1", "010", "3" do n = n + i end return n end)()`, "12"},
		{`setmetatable({}, {__add = function(a, b) return type(a) .. type(b) end}) + "x"`, "tablestring"},
		{`"x" + setmetatable({}, {__add = function(a, b) return type(a) .. type(b) end})`, "stringtable"},
		{`("x"):rep("3"), string.rep("x", "010"), ("abc"):sub("2")`, "xxx\txxxxxxxx\tbc"},
		{`getmetatable("").__index == string, string.__index`, "true\tnil"},
	})
}

func TestModulo(t *testing.T) {
	evaluate(t, []expression{
		{`5 % 3, -5 % 3, 5 % -3, -5 % -3, 5.5 % 2, -4 % 2, 1e15 % 7`, "2\t1\t-1\t-2\t1.5\t0\t6"},
		{`tostring(5 % math.huge), tostring(5 % 0), 0 % 5`, "nan\tnan\t0"},
		{`setmetatable({}, {__mod = function(a, b) return b end}) % "x"`, "x"},
		{`pcall(function() local t = {} return t.a.b % 2 end)`, "false\tS:attempt to index field 'a' (a nil value)"},
		{`pcall(function() local t = {} return 2 % t end)`, "false\tS:attempt to perform arithmetic on local 't' (a table value)"},
	})
}

// Errors name what they are about, as Lua 5.1 does (luaG_typeerror).
func TestWording(t *testing.T) {
	raised := func(body, text string) expression {
		return expression{"pcall(function() local loc, tab = nil, {f = {}} " + body + " end)", "false\tS:" + text}
	}
	evaluate(t, []expression{
		raised("return loc.x", "attempt to index local 'loc' (a nil value)"),
		raised("loc.x = 1", "attempt to index local 'loc' (a nil value)"),
		raised("return tab.f.g.h", "attempt to index field 'g' (a nil value)"),
		raised("return tab[1].x", "attempt to index field '?' (a nil value)"),
		raised("return noGlobal.x", "attempt to index global 'noGlobal' (a nil value)"),
		raised("return (function() return loc.x end)()", "attempt to index upvalue 'loc' (a nil value)"),
		raised("loc()", "attempt to call local 'loc' (a nil value)"),
		raised("tab.nosuch()", "attempt to call field 'nosuch' (a nil value)"),
		raised("tab:nosuch()", "attempt to call method 'nosuch' (a nil value)"),
		raised("noGlobal()", "attempt to call global 'noGlobal' (a nil value)"),
		raised("tab.f()()", "attempt to call field 'f' (a table value)"),
		raised("(loc or 5)()", "attempt to call a number value"),
		raised("return loc + 1", "attempt to perform arithmetic on local 'loc' (a nil value)"),
		raised("return 1 + tab.f", "attempt to perform arithmetic on field 'f' (a table value)"),
		raised("return -tab", "attempt to perform arithmetic on local 'tab' (a table value)"),
		raised("return 'x' .. tab.f .. 'y'", "attempt to concatenate field 'f' (a table value)"),
		raised("return loc .. 'y'", "attempt to concatenate local 'loc' (a nil value)"),
		raised("return #loc", "attempt to get length of local 'loc' (a nil value)"),
		raised("return 1 < 'x'", "attempt to compare number with string"),
		raised("return tab >= tab", "attempt to compare two table values"),
		raised("for i = tab, 2 do end", "'for' initial value must be a number"),
		raised("for i = 1, loc do end", "'for' limit must be a number"),
		raised("for i = 1, 2, 'x' do end", "'for' step must be a number"),
		raised("for k in loc do end", "attempt to call a nil value"),
		raised("for k in {} do end", "attempt to call a table value"),
		raised("local s = 'x' s.y = 1", "attempt to index local 's' (a string value)"),
		raised("print(setmetatable({}, {__tostring = function() end}))", "'tostring' must return a string to 'print'"),
		raised("os.time({hour = 1})", "field 'day' missing in date table"),
		raised("tab[nil] = 1", "table index is nil"),
		raised("string.rep()", "bad argument #1 to 'rep' (string expected, got no value)"),
		raised("('x'):rep({})", "bad argument #1 to 'rep' (number expected, got table)"),
		raised("string.rep('x', ('y').z)", "bad argument #2 to 'rep' (number expected, got nil)"),
		raised("loc.a, tab.b = 1, 2", "attempt to index local 'loc' (a nil value)"),
		raised("tab.x.y, tab.b = 1, 2", "attempt to index field 'x' (a nil value)"),
		raised("coroutine.wrap(function() return loc.x end)()", "S:attempt to index upvalue 'loc' (a nil value)"),
		{`type(tostring(setmetatable({}, {__tostring = function() return {} end})))`, "table"},
		{`pcall(string.rep), pcall(nil)`, "false\tfalse\tattempt to call a nil value"},
		{`coroutine.resume(coroutine.create(function() local x x.y = 1 end))`, "false\tS:attempt to index local 'x' (a nil value)"},
		{`select("#", coroutine.resume(coroutine.create(function() end))), select("#", coroutine.resume(coroutine.create(function(...) return ... end), nil))`, "1\t2"},
	})
}

// Each line is the one that Lua 5.1 gives: an instruction has the line of its
// last operand.
func TestErrorLines(t *testing.T) {
	for body, want := range map[string]string{
		"local a = {}\nlocal b = 1\n+\na":            "4: attempt to perform arithmetic on local 'a' (a table value)",
		"local a\na(\n1\n)":                          "2: attempt to call local 'a' (a nil value)",
		"local a\nreturn a\n.b\n.c":                  "3: attempt to index local 'a' (a nil value)",
		"local t = {}\nt.x.y =\n5":                   "3: attempt to index field 'x' (a nil value)",
		"for k in\nnil\ndo end":                      "2: attempt to call a nil value",
		"local t = {}\nt\n.a(\n)":                    "3: attempt to call field 'a' (a nil value)",
		"for i = 1,\n{}\ndo end":                     "3: 'for' limit must be a number",
		"return 'a'\n..\n{}\n.. 'b'":                 "4: attempt to concatenate a table value",
		"local t = {}\nfunction t.a\n.b() end":       "2: attempt to index field 'a' (a nil value)",
		"local f = function()\nerror('x')\nend\nf()": "2: x",
	} {
		w := scripted(t, head+"local f, why = loadstring([==["+body+"]==], '=f')\nif not f then error(why) end\nlocal _, e = pcall(f)\nprint(e)"+foot)
		if got := w.host.printed(); got != "scriptlet: f:"+want {
			t.Errorf("%s\ngot  %q\nwant %q", body, got, want)
		}
	}
}

// What cannot be as in Lua 5.1 without another virtual machine: each is a line of
// docs/quirks.md.
func TestQuirks(t *testing.T) {
	evaluate(t, []expression{
		{`(function(z) return z * -1 end)(0)`, "0"},
		{`#setmetatable({}, {__len = function() return 7 end})`, "7"},
		{`type(getmetatable("").__add)`, "function"},
		{`pcall(function() return setmetatable({}, {__add = 5}) + 1 end)`, "false\tS:attempt to perform arithmetic on a table value"},
		{`select(2, loadstring("x = = [[\n\n]]", "=f"))`, "f:1: unexpected symbol near '='"},
		{`select(2, loadstring("x = y [[\n\n", "=f"))`, "f:1: unfinished long string near '<eof>'"},
		{`select("#", coroutine.resume(coroutine.create(function() return print("x") end)))`, "x\nscriptlet: 2"},
		{`xpcall(function() error("x") end, function() return (debug.traceback()):match("error") end)`, "false\terror"},
	})
}

func TestFormatAsC(t *testing.T) {
	evaluate(t, []expression{
		{`string.format("%g %g %g", 1/3, 1e15, 0.1)`, "0.333333 1e+15 0.1"},
		{`string.format("%+x % u %#x %#o", 255, 7, 0, 8)`, "ff 7 0 010"},
		{`string.format("[%.0d] [%+.0d] [%5.0d]", 0, 0, 0)`, "[] [+] [     ]"},
		{`string.format("[%#.0f] [%#.0e]", 3, 100)`, "[3.] [1.e+02]"},
		{`#string.format("%s", "a\0b"), #string.format("%.5s", "a\0b"), #string.format("%c", 0), #string.format("%s", ("a\0"):rep(60))`, "1\t1\t0\t120"},
		{`pcall(function() string.format("%d %d", 1) end)`, "false\tS:bad argument #3 to 'format' (no value)"},
	})
}
