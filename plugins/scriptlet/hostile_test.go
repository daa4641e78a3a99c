package scriptlet

import (
	"strings"
	"testing"

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
	{"__index loop", `local t = {} setmetatable(t, {__index = t}) local x = t.a`, "too many recursions"},
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
	{"sort forever", `local t = {} for i = 1, 1000 do t[i] = -i end while true do table.sort(t, function(a, b) return true end) end`, "ms of Lua time exceeded"},
	{"gsub callback", `string.gsub(string.rep("a", 1e5), "a", function() while true do end end)`, "ms of Lua time exceeded"},
	{"insert in front", `local t = {} while true do table.insert(t, 1, 1) end`, "ms of Lua time exceeded"},
	{"tostring recursion", `local t = {} setmetatable(t, {__tostring = function(t) return tostring(t) end}) print(t)`, "stack overflow"},
	{"concat recursion", `local t = {} setmetatable(t, {__concat = function(a, b) return a .. b end}) local x = t .. "a"`, "stack overflow"},
	{"error loop", `while true do pcall(error, {}) end`, "ms of Lua time exceeded"},
	{"foreach", `local t = {1} table.foreach(t, function() while true do end end)`, "ms of Lua time exceeded"},
	{"loadstring", `while true do loadstring("return 1")() end`, "ms of Lua time exceeded"},
	{"require loop", `while true do pcall(require, "not.there") end`, "exceeded"},
	{"print loop", `local s = string.rep("a", 1e4) while true do print(s) end`, "exceeded"}, // the log of the test is memory as well
	{"collectgarbage", `while true do collectgarbage() end`, "ms of Lua time exceeded"},
	{"for without end", `for i = 1, 1e300 do end`, "ms of Lua time exceeded"},
	{"string.find, nested", `string.find(string.rep("a", 30), string.rep("a-", 25) .. "b")`, "exceeded"},
	{"string.find, lazy", `string.find(string.rep("a", 3000), ".-.-.-.-b")`, "exceeded"},
	{"string.find, greedy", `string.find(string.rep("a", 900000), ".*b")`, "exceeded"},
	{"string.gsub growth", `local s = string.rep("a", 1e6) s = string.gsub(s, "a", string.rep("b", 300))`, "too long"},
}

func TestHostileScripts(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			attrs := map[string]string{"wall_limit": "120"}
			if strings.HasSuffix(c.want, "exceeded") { // else another limit must come first
				attrs["cpu_limit"] = "100"
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
