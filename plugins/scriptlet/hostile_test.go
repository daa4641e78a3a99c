package scriptlet

import (
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// hostile is scripts that never end by themselves, or take all memory, and a
// part of what the paniclog must say about each.
var hostile = []struct{ name, body, want string }{
	{"loop", `while true do end`, "ms of Lua time exceeded"},
	{"pcall loop", `while true do pcall(function() while true do end end) end`, "ms of Lua time exceeded"},
	{"pcall as last", `do return pcall(function() while true do end end) end`, "ms of Lua time exceeded"},
	{"xpcall loop", `while true do xpcall(function() while true do end end, function(e) while true do end end) end`, "ms of Lua time exceeded"},
	{"recursive pcall", `local function f() pcall(f) pcall(f) end f()`, "ms of Lua time exceeded"},
	{"coroutine loop", `coroutine.wrap(function() while true do end end)()`, "ms of Lua time exceeded"},
	{"pcall in coroutine", `coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()`, "ms of Lua time exceeded"},
	{"coroutine bomb", `while true do coroutine.resume(coroutine.create(function() coroutine.yield() end)) end`, "too many coroutines"},
	{"nested coroutines", `local function f() coroutine.wrap(f)() end f()`, "too many coroutines"},
	{"tail recursion", `local function f(n) return f(n + 1) end f(0)`, "ms of Lua time exceeded"},
	{"tail recursion and error", `local function f(n) if n == 0 then error("end") end return f(n - 1) end f(20000)`, "end"},
	{"deep recursion", `local function f() return 1 + f() end f()`, "stack overflow"},
	{"deep recursion caught", `local function f() return 1 + f() end while true do pcall(f) end`, "ms of Lua time exceeded"},
	{"__index recursion", `local t = {} setmetatable(t, {__index = function(t, k) return t[k] end}) local x = t.a`, "stack overflow"},
	{"__index loop", `local t = {} setmetatable(t, {__index = t}) local x = t.a`, "loop in gettable"},
	{"string.rep", `local s = string.rep("a", 1e9)`, "resulting string too large"},
	{"string.rep loop", `while true do local s = string.rep("a", 1e6) end`, "ms of Lua time exceeded"},
	{"doubling", `local s = "aaaaaaaaaaaaaaaa" while true do s = s .. s end`, "string too long"},
	{"table.concat", `local s, t = string.rep("a", 1e6), {} for i = 1, 1000 do t[i] = s end s = table.concat(t)`, "resulting string too large"},
	{"string.format", `local s = string.rep("a", 1e6) local f = string.rep("%s", 100) s = string.format(f, s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s)`, "resulting string too large"},
	{"table growth", `local t = {} local i = 0 while true do i = i + 1 t[i] = {i} end`, "exceeded"},
	{"string keys", `local t = {} local i = 0 while true do i = i + 1 t["k" .. i] = i end`, "exceeded"},
	{"sparse array", `local ts = {} while true do local t = {} t[262143] = 1 ts[#ts + 1] = t end`, "exceeded"},
	{"unpack", `local t = {} t[100000] = 1 local a = {unpack(t)}`, "too many results"},
	{"select", `local t = {} for i = 1, 7000 do t[i] = i end while true do select("#", unpack(t)) end`, "exceeded"},
	{"sort comparator", `local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)`, "ms of Lua time exceeded"},
	{"sort forever", `local t = {} for i = 1, 1000 do t[i] = -i end while true do pcall(table.sort, t, function(a, b) return true end) end`, "ms of Lua time exceeded"},
	{"gsub callback", `string.gsub(string.rep("a", 1e5), "a", function() while true do end end)`, "ms of Lua time exceeded"},
	{"insert in front", `local t = {} while true do table.insert(t, 1, 1) end`, "ms of Lua time exceeded"},
	{"tostring recursion", `local t = {} setmetatable(t, {__tostring = function(t) return tostring(t) end}) print(t)`, "stack overflow"},
	{"concat recursion", `local t = {} setmetatable(t, {__concat = function(a, b) return a .. b end}) local x = t .. "a"`, "stack overflow"},
	{"error loop", `while true do pcall(error, {}) end`, "ms of Lua time exceeded"},
	{"foreach", `local t = {1} table.foreach(t, function() while true do end end)`, "ms of Lua time exceeded"},
	{"loadstring", `while true do loadstring("return 1")() end`, "ms of Lua time exceeded"},
	{"require loop", `while true do pcall(require, "not.there") end`, "exceeded"},
	{"require of many names", `local i = 0 while true do i = i + 1 pcall(require, "not.there" .. i) end`, "exceeded"},
	{"far keys", `local t, i = {}, 2^30 while true do i = i + 1 t[i] = i end`, "exceeded"},
	{"copies of a long text", `local s = string.rep("a", 8e6) while true do local a, b, c = s:upper(), s:reverse(), s .. "x" end`, "exceeded"},
	{"print loop", `local s = string.rep("a", 1e4) while true do print(s) end`, "exceeded"}, // the log of the test is memory as well
	{"collectgarbage", `while true do collectgarbage() end`, "ms of Lua time exceeded"},
	{"for without end", `for i = 1, 1e300 do end`, "ms of Lua time exceeded"},
	{"string.find, nested", `string.find(string.rep("a", 30), string.rep("a-", 25) .. "b")`, "exceeded"},
	{"string.find, lazy", `string.find(string.rep("a", 3000), ".-.-.-.-b")`, "exceeded"},
	{"string.find, greedy", `string.find(string.rep("a", 900000), ".*b")`, "exceeded"},
	{"select, long", `local function f(...) while true do local x = select(-1, ...) end end f(unpack({}, 1, 7900))`, "ms of Lua time exceeded"},
	{"unpack loop", `local t = {} t[7900] = 1 while true do local a = {unpack(t, 1, 7900)} end`, "exceeded"},
	{"string.byte", `local s = string.rep("a", 7900) while true do local a = {s:byte(1, -1)} end`, "exceeded"},
	{"string.byte, far", `local s = string.rep("a", 1e6) local x = s:byte(1, -1)`, "string slice too long"},
	{"string.char", `local t = {} for i = 1, 7900 do t[i] = 65 end while true do local s = string.char(unpack(t)) end`, "ms of Lua time exceeded"},
	{"length of a hollow table", `local t = {} t[262142] = 1 t[262142] = nil while true do local n = #t end`, "ms of Lua time exceeded"},
	{"next after deletions", `local t = {} for i = 1, 50000 do t["k" .. i] = i end for i = 1, 50000 do t["k" .. i] = nil end while true do next(t) end`, "exceeded"},
	{"pairs after deletions", `local t = {} for i = 1, 50000 do t["k" .. i] = i end for i = 1, 50000 do t["k" .. i] = nil end while true do for k in pairs(t) do end end`, "exceeded"},
	{"table.insert in the middle", `local t = {} t[200000] = 1 while true do table.insert(t, 2, 1) table.remove(t, 2) end`, "exceeded"},
	{"table.insert before the start", `table.insert({}, -1e15, 1)`, "ms of Lua time exceeded"},
	{"table.remove", `local t = {} t[200000] = 1 while true do t[200001] = 1 table.remove(t, 1) end`, "exceeded"},
	{"table.concat, far", `table.concat({}, "", 1, 1e15)`, "invalid value"},
	{"table.concat of numbers", `local t = {} for i = 1, 200000 do t[i] = i / 3 end while true do table.concat(t, ",") end`, "exceeded"},
	{"table.maxn", `local t = {} for i = 1, 200000 do t[i] = i end while true do table.maxn(t) end`, "exceeded"},
	{"table.getn", `local t = {} t[262142] = 1 t[262142] = nil while true do table.getn(t) end`, "ms of Lua time exceeded"},
	{"table.sort, no end", `local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 200003 end while true do table.sort(t) end`, "exceeded"},
	{"sort of equal strings", `local s = string.rep("a", 1e6) local t = {} for i = 1, 1000 do t[i] = s .. i % 10 end while true do table.sort(t) end`, "exceeded"},
	{"comparison of long strings", `local s = string.rep("a", 4e6) local t = s .. "b" s = s .. "c" while true do local x = s < t end`, "ms of Lua time exceeded"},
	{"equality of long strings", `local s = string.rep("a", 4e6) local t = s .. "b" s = s .. "b" while true do local x = s == t end`, "ms of Lua time exceeded"},
	{"long strings as keys", `local s = string.rep("a", 4e6) .. "b" local t = {[s] = 1} while true do local x = t[s] end`, "exceeded"},
	{"upper", `local s = string.rep("a", 4e6) while true do s:upper() end`, "exceeded"},
	{"reverse", `local s = string.rep("a", 4e6) while true do s:reverse() end`, "exceeded"},
	{"sub", `local s = string.rep("a", 4e6) while true do local t = s:sub(2) .. "x" end`, "exceeded"},
	{"find, plain", `local s = string.rep("a", 4e6) while true do s:find("aaaaaaab", 1, true) end`, "ms of Lua time exceeded"},
	{"find, plain and long", `local s = string.rep("a", 4e6) local p = string.rep("a", 2e6) .. "b" while true do s:find(p, 1, true) end`, "ms of Lua time exceeded"},
	{"string.format, wide", `while true do string.format("%99d%99d%99d%99d%99d%99d%99.99f", 1, 1, 1, 1, 1, 1, 1) end`, "exceeded"},
	{"string.format, long", `local f = string.rep("%99s", 100000) string.format(f, unpack({}, 1, 1))`, "bad argument"},
	{"string.format, quoted", `local s = string.rep("\\", 1e6) while true do string.format("%q", s) end`, "exceeded"},
	{"tonumber of a long string", `local s = string.rep("1", 1e6) while true do tonumber(s) end`, "ms of Lua time exceeded"},
	{"tonumber with a base", `local s = string.rep("1", 1e6) while true do tonumber(s, 2) end`, "ms of Lua time exceeded"},
	{"arithmetic with a long string", `local s = string.rep(" ", 1e6) .. "1" while true do local x = s + 1 end`, "ms of Lua time exceeded"},
	{"%b", `local s = string.rep("(", 1e5) while true do s:find("%b()") end`, "exceeded"},
	{"%f", `local s = string.rep("a", 1e5) while true do s:find("%f[b]") end`, "exceeded"},
	{"back reference", `local s = string.rep("a", 1e5) while true do s:find("(.-)%1%1b") end`, "exceeded"},
	{"long set", `local p = "[" .. string.rep("a-z", 50000) .. "]" while true do ("x"):find(p) end`, "exceeded"},
	{"long pattern", `local p = string.rep("a?", 100000) while true do ("b"):find(p .. "c") end`, "exceeded"},
	{"gmatch", `local s = string.rep("a", 1e6) while true do for w in s:gmatch("a*b") do end end`, "exceeded"},
	{"gsub with a table", `local s = string.rep("a", 1e6) while true do s:gsub(".", {a = "bb"}) end`, "exceeded"},
	{"gsub in gsub", `local s = string.rep("a", 1e4) local function f() return (s:gsub(".", f)) end f()`, "stack overflow"},
	{"coroutine.wrap in gsub", `string.gsub(string.rep("a", 1e5), "a", coroutine.wrap(function() while true do end end))`, "ms of Lua time exceeded"},
	{"coroutine in a comparator", `table.sort({1, 2, 3}, function(a, b) return coroutine.wrap(function() while true do end end)() end)`, "ms of Lua time exceeded"},
	{"coroutines resumed for ever", `local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end`, "ms of Lua time exceeded"},
	{"coroutine handing on", `local function new(n) return coroutine.wrap(function() if n > 0 then new(n - 1)() end while true do end end) end new(50)()`, "exceeded"},
	{"__index chain", `local t = {} for i = 1, 1e9 do t = setmetatable({}, {__index = t}) end`, "exceeded"},
	{"__index chain, read", `local t = {} for i = 1, 90 do t = setmetatable({}, {__index = t}) end while true do local x = t.a end`, "ms of Lua time exceeded"},
	{"__newindex recursion", `local t = setmetatable({}, {__newindex = function(t, k, v) t[k] = v end}) t.a = 1`, "stack overflow"},
	{"__gc", `while true do setmetatable({}, {__gc = function() while true do end end}) end`, "exceeded"},
	{"__lt loop", `local t = setmetatable({}, {__lt = function() while true do end end}) local x = t < t`, "ms of Lua time exceeded"},
	{"__eq loop", `local mt = {__eq = function() while true do end end} local x = setmetatable({}, mt) == setmetatable({}, mt)`, "ms of Lua time exceeded"},
	{"__call loop", `setmetatable({}, {__call = function() while true do end end})()`, "ms of Lua time exceeded"},
	{"__call chain", `local t = setmetatable({}, {}) getmetatable(t).__call = t t()`, "attempt to call"},
	{"__iter loop", `for x in setmetatable({}, {__iter = function() while true do end end}) do end`, "ms of Lua time exceeded"},
	{"__tostring raises", `while true do pcall(tostring, setmetatable({}, {__tostring = function() error(setmetatable({}, {__tostring = error})) end})) end`, "ms of Lua time exceeded"},
	{"__mod recursion", `local t t = setmetatable({}, {__mod = function(a, b) return a % b end}) local x = t % 1`, "stack overflow"},
	{"xpcall handlers", `local function h(e) return xpcall(error, h) end while true do xpcall(error, h) end`, "exceeded"},
	{"error in a handler", `while true do xpcall(error, function() error("again") end) end`, "ms of Lua time exceeded"},
	{"errors that grow", `local s = "x" while true do local ok, e = pcall(error, s) s = e .. s end`, "string too long"},
	{"traceback", `local function f(n) if n == 0 then while true do debug.traceback() end end return 1 + f(n - 1) end f(150)`, "ms of Lua time exceeded"},
	{"load for ever", `load(function() return "local x = 1 " end)`, "exceeded"},
	{"load of empty loops", `local s = string.rep("while true do end ", 10000) while true do loadstring(s) end`, "exceeded"},
	{"load of one long line", `loadstring("return " .. string.rep("1 + ", 2e6) .. "1")`, "exceeded"},
	{"load, nested", `local s = string.rep("(", 1e6) while true do loadstring("return " .. s) end`, "exceeded"},
	{"load, nested tables", `while true do loadstring("return " .. string.rep("{", 190) .. string.rep("}", 190)) end`, "exceeded"},
	{"load, nested functions", `while true do loadstring(string.rep("return function() ", 190) .. string.rep(" end", 190)) end`, "exceeded"},
	{"load, many strings", `local t = {} for i = 1, 20000 do t[i] = "x" .. i .. " = '" .. i .. "'" end local s = table.concat(t, "\n") while true do loadstring(s) end`, "exceeded"},
	{"load, many locals", `local s = string.rep("do local a, b, c = 1, 2, 3 end ", 20000) while true do loadstring(s) end`, "exceeded"},
	{"load, long chains", `local s = string.rep("x = y" .. string.rep("+1", 4900) .. "\n", 50) while true do loadstring(s) end`, "exceeded"},
	{"load, calls of calls", `local s = string.rep("x = y" .. string.rep("()", 4900) .. "\n", 20) while true do loadstring(s) end`, "exceeded"},
	{"load, elseif", `local s = "if x then " .. string.rep("elseif y then ", 4900) .. "end" while true do loadstring(s) end`, "exceeded"},
	{"load, long table", `local s = "return {" .. string.rep("1,", 100000) .. "}" while true do loadstring(s) end`, "exceeded"},
	{"load, long table of texts", `local t = {} for i = 1, 50000 do t[i] = "'x" .. i .. "'," end local s = "return {" .. table.concat(t) .. "}" while true do loadstring(s) end`, "exceeded"},
	{"load, long set", `local t = {} for i = 1, 50000 do t[i] = "['x" .. i .. "'] = true," end local s = "return {" .. table.concat(t) .. "}" while true do loadstring(s)() end`, "exceeded"},
	{"load, fields", `local s = "return {" .. string.rep("a = 1, 2,", 50000) .. "}" while true do loadstring(s) end`, "exceeded"},
	{"concatenation in one expression", `local s = string.rep("a", 1e6) local f = loadstring("local s = ... return " .. string.rep("s .. ", 180) .. "s") f(s)`, "string too long"},
	{"concatenation of numbers", `local s = "" while true do s = s .. 1 .. 2 .. 3 .. 4 .. 5 .. 6 .. 7 .. 8 end`, "exceeded"},
	{"upvalues", `local f = function() end for i = 1, 1e9 do local g = f f = function() return g, i end end`, "exceeded"},
	{"numeric for, tiny step", `for i = 1, 2, 1e-300 do end`, "ms of Lua time exceeded"},
	{"math.random", `while true do math.random(1e9) end`, "ms of Lua time exceeded"},
	{"os.date", `while true do os.date(string.rep("%c", 1000)) end`, "exceeded"},
	{"os.date, long", `local s = string.rep("%c", 1e6) while true do os.date(s) end`, "exceeded"},
	{"setfenv", `setfenv(1, setmetatable({}, {__index = function(t, k) return t[k] end})) x()`, "stack overflow"},
	{"newproxy", `local t = {} while true do t[#t + 1] = newproxy(true) end`, "exceeded"},
	{"rawset", `local t = {} for i = 1, 1e9 do rawset(t, i .. "", i) end`, "exceeded"},
	{"assert", `local s = string.rep("a", 4e6) while true do pcall(assert, false, s) end`, "exceeded"},
	{"json", `local t = {} for i = 1, 1e6 do t = {t} end while true do json.encode(t) end`, ""},
	{"string.gsub growth", `local s = string.rep("a", 1e6) s = string.gsub(s, "a", string.rep("b", 300))`, "too long"},
}

func TestHostileScripts(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			attrs := map[string]string{"wall_limit": "120"}
			if strings.HasSuffix(c.want, "exceeded") { // else another limit must come first
				attrs["cpu_limit"] = "50"
			}
			w := setup{
				scripts: map[string]string{"script": head + "function mod:validate_ehlo()\n" + c.body + "\nreturn msys.core.VALIDATE_CONT\nend\n" +
					"function mod:validate_mailfrom() return msys.core.VALIDATE_DONE end" + foot},
				attrs: attrs,
			}.start(t)
			r := w.one(1, sdk.ValidateEHLO)
			if !r.Failed || r.Reply.Code != 421 {
				t.Fatalf("result %+v\n%s", r, w.host.paniclog())
			}
			log := w.host.paniclog()
			if !strings.Contains(log, "scriptlet-00147: validate_ehlo error: ") || !strings.Contains(log, c.want) {
				t.Errorf("paniclog lacks %q:\n%.2000s", c.want, log)
			}
			// The others are not hostile, and must not fail where the machine is busy.
			for _, in := range w.m.generation(1).interpreters {
				in.limits.cpu = time.Minute
			}
			if r = w.one(1, sdk.ValidateMailFrom); r.Failed || r.Verdict != sdk.Done {
				t.Errorf("the next callout: %+v\n%.2000s", r, w.host.paniclog())
			}
		})
	}
}

func TestLimitActionLog(t *testing.T) {
	w := setup{
		scripts: map[string]string{"script": head + "function mod:validate_ehlo() while true do end end" + foot},
		attrs:   map[string]string{"cpu_limit": "20", "limit_action": "log"},
	}.start(t)
	if r := w.one(1, sdk.ValidateEHLO); r.Failed || r.Reply != nil {
		t.Fatalf("%+v", r)
	}
	if !strings.Contains(w.host.paniclog(), "/etc/mtad/conf/script.lua:3: limit of 20 ms of Lua time exceeded") {
		t.Error(w.host.paniclog())
	}
}
