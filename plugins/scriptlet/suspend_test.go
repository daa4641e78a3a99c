package scriptlet

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
)

// gate is an API function that waits until the test opens it.
type gate struct {
	arrived chan struct{}
	open    chan struct{}
}

func newGate(n int) *gate {
	return &gate{arrived: make(chan struct{}, n), open: make(chan struct{})}
}

// packages is the API with test.wait(n), which waits and returns n.
func (g *gate) packages() []api.Package {
	return append(api.Packages(), api.Package{Name: "test", Preload: true, Funcs: []api.Func{{
		Name: "wait", Params: []api.Param{{Name: "n", Type: api.Number}},
		Do: func(e *api.Env, L *lua.LState) int {
			e.World.Wait(L, true, func(ctx context.Context) {
				g.arrived <- struct{}{}
				select {
				case <-g.open:
				case <-ctx.Done():
				}
			})
			L.Push(L.Get(1))
			return 1
		},
	}}})
}

// Waiting must work wherever Lua calls a function, and G.CurrentThread must be
// right afterwards: each script checks it by yielding and by coroutine.running.
const waits = head + `
local function plain(n) return test.wait(n) end
local ways = {
  plain,
  function(n) local ok, v = pcall(plain, n) assert(ok) return v end,
  function(n) return setmetatable({}, {__index = function(t, k) return plain(k) end})[n] end,
  function(n) return (setmetatable({}, {__add = function(a, b) return plain(b) end}) + n) end,
  function(n) for v in function() return plain(n) end do return v end end,
  function(n) return coroutine.wrap(function() return plain(n) end)() end,
  function(n)
    local co = coroutine.create(function(x) local y = coroutine.yield(plain(x)) return y + plain(0) end)
    local ok, v = coroutine.resume(co, n)
    assert(ok and v == n and coroutine.status(co) == "suspended")
    ok, v = coroutine.resume(co, n)
    assert(ok and coroutine.status(co) == "dead")
    return v
  end,
  function(n) local r string.gsub("x", "x", function() r = plain(n) end) return r end,
  function(n) local r table.sort({2, 1}, function(a, b) r = r or plain(n) return a < b end) return r end,
  function(n) return coroutine.wrap(function() local ok, v = pcall(plain, n) return v end)() end,
}
function mod:validate_ehlo()
  next_way = (next_way or 0) + 1
  local n = next_way
  local way = ways[n % #ways + 1]
  assert(coroutine.running() == nil)
  local v = way(n)
  assert(v == n, "way " .. (n % #ways + 1) .. " gave " .. tostring(v))
  assert(coroutine.running() == nil)
  self.n = n
  done = true
  return msys.core.VALIDATE_CONT
end
function mod:validate_mailfrom() print(done) return msys.core.VALIDATE_CONT end` + foot

func TestThousandSuspendedHooks(t *testing.T) {
	const n = 1000
	g := newGate(2 * n)
	w := setup{scripts: map[string]string{"script": waits}, deps: Deps{Packages: g.packages(), CPUs: 1}}.start(t)
	var wg sync.WaitGroup
	results := make([]sdk.PhaseResult, n)
	for i := range n {
		wg.Go(func() { results[i] = w.one(uint64(i+1), sdk.ValidateEHLO) })
	}
	for range n {
		<-g.arrived
	}
	// All wait at once: a hook that does not wait still runs.
	if r := w.one(n+1, sdk.ValidateMailFrom); r.Failed {
		t.Fatalf("%+v", r)
	}
	close(g.open)
	wg.Wait()
	for i, r := range results {
		if r.Failed {
			t.Fatalf("hook %d: %+v\n%.3000s", i, r, w.host.paniclog())
		}
	}
	w.one(1, sdk.ValidateMailFrom)
	if log := w.host.lines(); log[len(log)-1] != "scriptlet: true" {
		t.Errorf("%.2000s", log)
	}
}

// A script that spins lets others run: here it spins until another session's
// callout ends it.
func TestSpinningScriptGivesWay(t *testing.T) {
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_connect() started = true while not stop do end return msys.core.VALIDATE_DONE end
function mod:validate_ehlo() stop = started return msys.core.VALIDATE_CONT end` + foot},
		attrs: map[string]string{"cpu_limit": "60000"},
	}.start(t)
	spun := make(chan sdk.PhaseResult)
	go func() { spun <- w.one(1, sdk.ValidateConnect) }()
	for {
		w.one(2, sdk.ValidateEHLO)
		select {
		case r := <-spun:
			if r.Failed || r.Verdict != sdk.Done {
				t.Errorf("%+v", r)
			}
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestCancelledCallEnds(t *testing.T) {
	g := newGate(1)
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_connect() pcall(test.wait, 1) while true do end end
function mod:validate_ehlo() while true do end end` + foot},
		attrs: map[string]string{"cpu_limit": "60000"}, deps: Deps{Packages: g.packages()},
	}.start(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan *sdk.Answer)
	go func() { done <- w.do(ctx, 1, sdk.Phase{Hook: sdk.ValidateConnect}) }()
	<-g.arrived
	cancel()
	if ans := <-done; !ans.Results[0].Failed {
		t.Errorf("%+v", ans)
	}
	if ans := w.do(ctx, 1, sdk.Phase{Hook: sdk.ValidateEHLO}); !ans.Results[0].Failed {
		t.Errorf("%+v", ans)
	}
	if log := w.host.paniclog(); strings.Count(log, "cancelled: context canceled") < 2 {
		t.Error(log)
	}
}

func TestCoroutines(t *testing.T) {
	w := scripted(t, head+`
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
local kept = gen(10)
function mod:validate_ehlo()
  local sum = 0
  for i in gen(100) do sum = sum + i end
  print(sum, kept())
  local co = coroutine.create(function(a, b)
    local c = coroutine.yield(a + b)
    print("running", coroutine.status(coroutine.running()), c)
    error({code = 7})
  end)
  print(coroutine.resume(co, 1, 2))
  print(select(2, coroutine.resume(co, "x")).code, coroutine.status(co))
  print(coroutine.resume(co))
  print(pcall(coroutine.yield, 1))
  co = coroutine.wrap(function() return pcall(function() coroutine.yield(1) end) end)
  print(co())
  co = coroutine.wrap(function() for x in function() coroutine.yield(1) end do end end)
  print(pcall(co))
  co = coroutine.create(function() return coroutine.resume(co) end)
  print(coroutine.resume(co))
  print(pcall(coroutine.create, print))
  local tail = coroutine.wrap(function() return coroutine.yield("t1") end)
  print(tail(), tail("t2"))
  for i = 1, 1000 do coroutine.wrap(function() end)() end
  return msys.core.VALIDATE_CONT
end`+foot)
	for _, n := range []string{"1", "2"} {
		if r := w.one(1, sdk.ValidateEHLO); r.Failed {
			t.Fatal(w.host.paniclog())
		}
		w.wantLog(
			"scriptlet: 5050\t"+n,
			"scriptlet: true\t3",
			"scriptlet: running\trunning\tx",
			"scriptlet: 7\tdead",
			"scriptlet: false\tcannot resume dead coroutine",
			"scriptlet: false\tattempt to yield across metamethod/C-call boundary",
			"scriptlet: false\tattempt to yield across metamethod/C-call boundary",
			"scriptlet: false\tattempt to yield across metamethod/C-call boundary",
			"scriptlet: true\tfalse\tcannot resume running coroutine",
			"scriptlet: false\tbad argument #1 to '?' (Lua function expected)",
			"scriptlet: t1\tt2",
		)
	}
}

func TestXpcallSeesTheTraceback(t *testing.T) {
	w := scripted(t, head+`
local function deep() error("bang") end
function mod:validate_ehlo()
  local ok, text = xpcall(function() deep() end, debug.traceback)
  print(ok, text)
  print(xpcall(deep, function() error("again") end))
  print(select("#", xpcall(function() return 1, nil end, print)))
  local function lower() error("here", 2) end
  print(pcall(function() lower() end))
  print(pcall(error))
  print(select(2, pcall(error, {1}))[1])
  return msys.core.VALIDATE_CONT
end`+foot)
	if r := w.one(1, sdk.ValidateEHLO); r.Failed {
		t.Fatal(w.host.paniclog())
	}
	at := "/etc/mtad/conf/script.lua"
	log := w.host.paniclog()
	for _, want := range []string{
		"scriptlet: false\t" + at + ":4: bang\n\tstack traceback:\n\t[Go]: in function 'error'\n\t" + at + ":4: in function 'deep'\n\t" + at + ":6: in function <",
		"scriptlet: false\terror in error handling\n",
		"scriptlet: 3\n",
		"scriptlet: false\t" + at + ":11: here\n",
		"scriptlet: false\tnil\n",
		"scriptlet: 1",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in:\n%s", want, log)
		}
	}
}

// A closure that outlives the activation an error threw away keeps its value.
func TestUpvaluesSurviveErrors(t *testing.T) {
	w := scripted(t, head+`
local get
local function f(n) local x = n; get = function() return x end; if n == 0 then error("end") end return 1 + f(n - 1) end
local function over(n) local x = n; if n == 5 then get = function() return x end end return 1 + over(n + 1) end
function mod:validate_ehlo()
  pcall(f, 3)
  local a, b, c, d, e, g = 1, 2, 3, 4, 5, 6
  print(get())
  pcall(over, 0)
  local a, b, c, d, e, g = 11, 12, 13, 14, 15, 16
  print(get())
  xpcall(function() f(2) end, function() local p, q, r, s, t, u = 21, 22, 23, 24, 25, 26 end)
  print(get())
  return msys.core.VALIDATE_CONT
end
function mod:validate_mailfrom() f(1) end
function mod:validate_rcptto() local a, b, c, d, e = 31, 32, 33, 34, 35 print(get()) return msys.core.VALIDATE_CONT end`+foot)
	w.one(1, sdk.ValidateEHLO)
	w.wantLog("scriptlet: 0", "scriptlet: 5", "scriptlet: 0")
	w.one(1, sdk.ValidateMailFrom)
	w.one(1, sdk.ValidateRcptTo)
	if log := w.host.lines(); log[len(log)-1] != "scriptlet: 0" {
		t.Error(log)
	}
}
