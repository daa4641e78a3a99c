package scriptlet

import (
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// expressions and what print makes of their values. The expected text is that
// of Lua 5.1, or of thrlua where that differs.
var expressions = []struct{ expr, want string }{
	{`0.1 + 0.2`, "0.3"},
	{`1e15, 1e14, 123456789012345, 2^31, -0.0, 1/0, -1/0, 1e100`, "1e+15\t1e+14\t1.2345678901234e+14\t2147483648\t-0\tinf\t-inf\t1e+100"},
	{`tostring(0/0):gsub("-", "")`, "nan\t0"},
	{`1 .. 0.5 .. "x"`, "10.5x"},
	{`tonumber("010"), tonumber("08"), tonumber("0x1F"), tonumber(" 12 "), tonumber("1e3"), tonumber("ff", 16), tonumber("z"), tonumber(nil)`,
		"8\tnil\t31\t12\t1000\t255\tnil\tnil"},
	{`string.format("%d %5d|%-5d|%05d|%+d", 3.9, 42, 42, 42, 42)`, "3    42|42   |00042|+42"},
	{`string.format("%s %q %10s|%-10s|%.2s", "a", "b\n\"c\"\0", "right", "left", "cut")`, "a \"b\\\n\t\\\"c\\\"\\000\"      right|left      |cu"},
	{`string.format("%x %X %o %c%c %u", 255, 255, 8, 65, 66, 7)`, "ff FF 10 AB 7"},
	{`string.format("%f %.2f %e %g %g %g", 1.5, 2/3, 12345.678, 0.1, 1e20, 100000)`, "1.500000 0.67 1.234568e+04 0.1 1e+20 100000"},
	{`string.format("%5.1f|%-8.3f|%%", 3.14159, 2.5)`, "  3.1|2.500   |%"},
	{`string.format("%5.1f %d", 1/0, "10")`, "  inf 10"},
	{`pcall(function() string.format("%d", "x") end)`, "false\tS:bad argument #2 to 'format' (number expected, got string)"},
	{`pcall(function() string.format("%s") end)`, "false\tS:bad argument #2 to 'format' (no value)"},
	{`pcall(function() string.format("%y", 1) end)`, "false\tS:invalid option '%y' to 'format'"},
	{`pcall(function() string.format("%123d", 1) end)`, "false\tS:invalid format (width or precision too long)"},
	{`pcall(function() string.format("%", 1) end)`, "false\tS:invalid option '%' to 'format'"},
	{`("abc"):byte(), ("abc"):byte(-1), ("abc"):byte(1, -1)`, "97\t99\t97\t98\t99"},
	{`("abc"):byte(10)`, ""},
	{`("abcdef"):sub(2, 4), ("abcdef"):sub(-3), ("abcdef"):sub(0), ("abcdef"):sub(4, 2), ("abcdef"):sub(-100, 100)`, "bcd\tdef\tabcdef\t\tabcdef"},
	{`("aBc\195\132"):upper() == "ABC\195\132", ("ABC"):lower(), ("abc"):reverse(), ("ab"):rep(3), ("x"):rep(-1), #("abc")`, "true\tabc\tcba\tababab\t\t3"},
	{`string.char(72, 105), pcall(function() string.char(256) end)`, "Hi\tfalse\tS:bad argument #1 to 'char' (invalid value)"},
	{`("hello world"):find("o w"), ("hello"):match("(h)(.)"), ("abc"):gsub("%w", "%0%0")`, "5\th\taabbcc\t3"},
	{`string.gfind ~= nil, table.getn({1, 2}), math.mod(-5, 3), math.fmod(5, 3), -5 % 3`, "true\t2\t-2\t2\t1"},
	{`table.concat({1, 2.5, "x"}, ","), table.concat({}), table.concat({1, 2, 3}, "-", 2, 3), table.concat({1, 2}, "", 3)`, "1,2.5,x\t\t2-3\t"},
	{`pcall(table.concat, {1, {}})`, "false\tinvalid value (table) at index 2 in table for 'concat'"},
	{`(function() local t = {} for i = 1, 5000 do t[i] = "x" end return #table.concat(t, ",") end)()`, "9999"},
	{`(function() local t = {5, 2, 8} table.sort(t) table.insert(t, 1, 0) table.insert(t, 9) return table.concat(t, " "), table.remove(t), table.remove(t, 1), table.remove(t, 77), #t end)()`, "0 2 5 8 9\t9\t0\tnil\t3"},
	{`(function() local t = {5, 2, 8} table.sort(t, function(a, b) return a > b end) return unpack(t) end)()`, "8\t5\t2"},
	{`pcall(table.sort, {1, "x"})`, "false\tattempt to compare string with number"},
	{`(function() local s = "" table.foreach({a = 1}, function(k, v) s = s .. k .. v end) table.foreachi({7, 8}, function(i, v) s = s .. i .. v end) return s, table.foreach({1, 2}, function(k, v) return v end) end)()`, "a11728\t1"},
	{`(function(...) return arg.n, arg[2], arg[3] end)(1, nil, 3)`, "3\tnil\t3"},
	{`(function(...) return select("#", ...), (select(2, ...)) end)(1, nil, 3)`, "3\tnil"},
	{`unpack({1, 2, 3}, 2), unpack({}, 1, 2)`, "2\tnil\tnil"},
	{`type(collectgarbage("count")), collectgarbage(), pcall(function() collectgarbage("x") end)`, "number\t0\tfalse\tS:bad argument #1 to 'collectgarbage' (invalid option 'x')"},
	{`math.huge, math.huge == 1/0, math.floor(-1.5), math.max(1, 3, 2), math.random(5, 5)`, "inf\ttrue\t-2\t3\t5"},
	{`pcall(function() math.random(0) end)`, "false\tS:bad argument #1 to 'random' (interval is empty)"},
	{`loadstring("return 1 + 1")(), loadstring("return ="), loadstring("x = = 1", "=name")`, "2\tnil\tnil\tname:1: "},
	{`(function() local parts = {"return ", "4", "2"} local i = 0 return load(function() i = i + 1 return parts[i] end)() end)()`, "42"},
	{`os.time(), os.date("!%Y-%m-%d %H:%M:%S %j %a %p"), os.date("!%c"), os.date("!*t").year, os.date("!*t").yday`, "1251200446\t2009-08-25 11:40:46 237 Tue AM\tTue Aug 25 11:40:46 2009\t2009\t237"},
	{`os.time({year = 2009, month = 8, day = 25, hour = 0}) - os.time({year = 2009, month = 8, day = 24, hour = 0}), pcall(os.time, {year = 1})`, "86400\tfalse\tfield 'day' missing in date table"},
	{`os.getenv("NO_SUCH_VARIABLE"), os.difftime(5, 2), type(os.clock()), os.setlocale()`, "nil\t3\tnumber\tC"},
	{`io, os.execute, os.exit, os.remove, os.rename, os.tmpname, os.setenv, dofile, loadfile, debug.sethook, debug.getupvalue, package.loadlib, string.dump, channel, _printregs`,
		strings.TrimSuffix(strings.Repeat("nil\t", 15), "\t")},
	{`type(debug.traceback()), debug.getinfo(1, "l").currentline > 0, debug.getinfo(1, "S").short_src, debug.getinfo(print).what, debug.getinfo(99)`,
		"string\ttrue\t/etc/mtad/conf/script.lua\tC\tnil"},
	{`pcall(function() setmetatable(newproxy(), {}) end)`, "false\tS:bad argument #1 to 'setmetatable' (table expected, got userdata)"},
	{`pcall(setmetatable, setmetatable({}, {__metatable = 1}), {})`, "false\tcannot change a protected metatable"},
	{`tostring(setmetatable({}, {__tostring = function() return "me" end})), tostring(nil), tostring(true)`, "me\tnil\ttrue"},
	{`pcall(error, "x", 0), pcall(error, "x"), pcall(error), pcall(assert, false, "no"), pcall(assert, nil)`, "false\tfalse\tfalse\tfalse\tfalse\tassertion failed!"},
	{`_VERSION, _G._G == _G, type(_TLS), rawequal(_OSTLS, _OSTLS)`, "thrLua 5.1\ttrue\ttable\ttrue"},
	{`msys.type("x"), msys.type(1), msys.type({}), msys.type(print)`, "string\tnumber\ttable\tfunction"},
	{`pcall(msys.type)`, "false\tS:bad argument #1 to 'type' (value expected, got no value)"},
	{`pcall(msys.sleep, "x")`, "false\tS:bad argument #1 to 'sleep' (number expected, got string)"},
	{`pcall(msys.registerModule, "late", {})`, "false\tS:msys.registerModule can be called only while the script loads"},
	{`pcall(msys.registerModule, "late", nil)`, "false\tS:bad argument #2 to 'registerModule' (table expected, got nil)"},
}

func TestStandardLibrary(t *testing.T) {
	c := newClock()
	for _, e := range expressions {
		// Errors raised by Go functions stand at the line that calls them.
		want := strings.ReplaceAll(e.want, "S:", "/etc/mtad/conf/script.lua:4: ")
		w := setup{
			scripts: map[string]string{"script": head + "function mod:validate_ehlo()\nprint(" + e.expr + ")\nreturn msys.core.VALIDATE_CONT end" + foot},
			deps:    Deps{Now: c.Now, AfterFunc: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }},
		}.start(t)
		r := w.one(1, sdk.ValidateEHLO)
		got := strings.TrimPrefix(w.host.printed(), "scriptlet: ")
		if r.Failed || !strings.HasPrefix(got, want) || len(got) > len(want)+60 {
			t.Errorf("%s\ngot  %q\nwant %q", e.expr, got, want)
		}
	}
}

func TestThreadLocals(t *testing.T) {
	w := setup{deps: Deps{CPUs: 1}, scripts: map[string]string{"script": head + `
_OSTLS.n = 0
function mod:validate_ehlo()
  _OSTLS.n = _OSTLS.n + 1
  _TLS.n = (_TLS.n or 0) + 1
  print(_OSTLS.n, _TLS.n)
  return msys.core.VALIDATE_CONT
end` + foot}}.start(t)
	w.one(1, sdk.ValidateEHLO)
	w.one(1, sdk.ValidateEHLO)
	w.one(2, sdk.ValidateEHLO)
	w.wantLog("scriptlet: 1\t1", "scriptlet: 2\t2", "scriptlet: 3\t1")
}
