package scriptlet

import (
	"runtime"
	"testing"
	"weak"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// upvalues.go knows private parts of gopher-lua's; an update may change them.
func TestUpvalueLayout(t *testing.T) {
	if u := newUpvalues(); !u.known {
		t.Errorf("%+v", u)
	}
}

// A variable and the closures that share it stay one after an error that was
// caught, and closures that an error has cut off keep what they had.
func TestUpvaluesStayShared(t *testing.T) {
	evaluate(t, []expression{
		{`(function() local n = 0 local function inc() n = n + 1 end inc() pcall(error, "x") inc() n = n + 10 return n, (function() inc() return n end)() end)()`, "12\t13"},
		{`(function() local n = 0 local function inc() n = n + 1 end for i = 1, 3 do pcall(function() inc() local x = nil .. i end) end return n end)()`, "3"},
		{`(function() local get pcall(function() local v = 5 get = function() v = v + 1 return v end error("x") end) local a, b, c, d = 1, 2, 3, 4 return get(), get(), a + b + c + d end)()`, "6\t7\t10"},
		{`(function() local get pcall(function() local v = 5 get = function() v = v + 1 return v end local function deep(n) local w = n if n == 0 then return nil .. w end return 1 + deep(n - 1) end deep(20) end) return get(), get() end)()`, "6\t7"},
		{`(function() local get, n = nil, 1 local co = coroutine.create(function() local v = 5 get = function() v = v + n return v end coroutine.yield() error("x") end) coroutine.resume(co) n = 10 coroutine.resume(co) n = 100 return get(), get() end)()`, "105\t205"},
		{`(function() local n = 0 local function inc() n = n + 1 end pcall(function() pcall(error, "a") inc() error("b") end) xpcall(function() inc() error("c") end, function() inc() end) inc() return n end)()`, "4"},
		{`(function() local t = {} for i = 1, 3 do local v = i t[i] = function() v = v + 1 return v end pcall(error, "x") v = v * 10 end return t[1](), t[2](), t[3](), t[1]() end)()`, "11\t21\t31\t12"},
	})
}

// A thread that an error has left behind must not be kept by closures that
// outlive it: with it went all that the script had on its stack.
func TestBrokenThreadsAreFreed(t *testing.T) {
	w := scripted(t, head+`
local function fail(t) error(#t) end
function mod:validate_ehlo() local t = {} for i = 1, 1000 do t[i] = i end fail(t) end`+foot)
	in := w.m.generation(1).interpreters[0]
	var used []weak.Pointer[lua.LState]
	for i := range 5 {
		used = append(used, weak.Make(in.idle[len(in.idle)-1].L))
		if r := w.one(uint64(i+1), sdk.ValidateEHLO); !r.Failed {
			t.Fatalf("%+v", r)
		}
	}
	runtime.GC()
	runtime.GC()
	kept := 0
	for _, p := range used {
		if p.Value() != nil {
			kept++
		}
	}
	if kept > 1 { // the one that loaded the script may be known to its closures
		t.Errorf("%d of %d threads are still there", kept, len(used))
	}
}
