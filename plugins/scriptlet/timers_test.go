package scriptlet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// timerPackage gives scripts test.timer(after, every, fn), which returns a
// function that stops it.
func timerPackage() []api.Package {
	return append(api.Packages(), api.Package{Name: "test", Preload: true, Funcs: []api.Func{{
		Name: "timer", Params: []api.Param{{Name: "after", Type: api.Number}, {Name: "every", Type: api.Number}, {Name: "fn", Type: api.Function}},
		Do: func(e *api.Env, L *lua.LState) int {
			sec := func(n int) time.Duration { return time.Duration(L.ToNumber(n)) * time.Second }
			stop := e.World.Timer(L, sec(1), sec(2), "t", L.ToFunction(3))
			L.Push(L.NewFunction(func(*lua.LState) int { stop(); return 0 }))
			return 1
		},
	}}})
}

func TestTimers(t *testing.T) {
	c := newClock()
	d := c.deps()
	d.Packages, d.CPUs = timerPackage(), 4
	w, err := setup{scripts: map[string]string{"script": head + `
test.timer(0, 0, function() print("at load") end)
function mod:init()
  test.timer(5, 0, function() print("once") test.timer(1, 0, function() print("later") end) end)
  local n, stop = 0
  stop = test.timer(2, 2, function() n = n + 1 print("tick", n) if n == 3 then stop() end end)
  test.timer(1, 1, function() error("boom") end)()
  return true
end
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end` + foot}, deps: d}.prepare(t)
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	if len(w.host.lines()) != 0 {
		t.Fatalf("timers ran before Commit: %q", w.host.lines())
	}
	w.m.Commit(1)
	for range 12 {
		c.advance(time.Second)
	}
	want := []string{"at load", "tick\t1", "tick\t2", "once", "tick\t3", "later"}
	got := strings.Split(strings.ReplaceAll(w.host.paniclog(), "scriptlet: ", ""), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(w.m.generation(1).timers); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

func TestTimerErrorIsLogged(t *testing.T) {
	c := newClock()
	d := c.deps()
	d.Packages = timerPackage()
	w := setup{scripts: map[string]string{"script": head + `
test.timer(1, 1, function() error("boom") end)
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end` + foot}, deps: d}.start(t)
	c.advance(time.Second)
	c.advance(time.Second)
	if n := strings.Count(w.host.paniclog(), "scriptlet-00147: timer error: /etc/mtad/conf/script.lua:4: boom"); n != 2 {
		t.Errorf("%d entries:\n%s", n, w.host.paniclog())
	}
	w.m.Retire(1)
	c.advance(time.Minute)
	if n := strings.Count(w.host.paniclog(), "00147"); n != 2 {
		t.Errorf("a timer outlived its generation:\n%s", w.host.paniclog())
	}
}

// When a generation takes over, the timers of the one before it stop.
func TestCommitStopsTheOldTimers(t *testing.T) {
	c := newClock()
	d := c.deps()
	d.Packages = timerPackage()
	s := setup{scripts: map[string]string{"script": head + `
function mod:init() test.timer(1, 1, function() print("tick") end) return true end
function mod:validate_ehlo() test.timer(1, 0, function() print("not after the commit") end) return msys.core.VALIDATE_CONT end` + foot},
		order: []string{"script"}, deps: d}
	w := s.start(t)
	c.advance(time.Second)
	if _, err := w.m.Prepare(context.Background(), w.host, sdk.Config{Generation: 2, Scopes: []option.Scope{s.scope()}}); err != nil {
		t.Fatal(err)
	}
	w.m.Commit(2)
	w.one(1, sdk.ValidateEHLO)
	c.advance(time.Second)
	if diff := cmp.Diff([]string{"scriptlet: tick", "scriptlet: tick"}, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestRunInPool(t *testing.T) {
	w := scripted(t, head+`
function mod:validate_ehlo()
  print(msys.runInPool("IO", function() return 1, 2 end))
  print(msys.runInPool("IO", function() error("no", 0) end))
  print(msys.runInPool("CPU", function() print("async") end, true))
  msys.runInPool("CPU", function() return 7 end, function(n) print("completed", n) error("later", 0) end)
  print("caller ends")
  return msys.core.VALIDATE_CONT
end`+foot)
	w.one(1, sdk.ValidateEHLO)
	w.settled()
	log := w.host.paniclog()
	for _, want := range []string{"scriptlet: true\t1\t2", "scriptlet: false\tno", "scriptlet: async", "scriptlet: completed\t7", "scriptlet-00147: runInPool error: later"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Index(log, "async") < strings.Index(log, "caller ends") {
		t.Error("the asynchronous function ran before its caller had ended")
	}
}

// Two generations live side by side; each has globals of its own.
func TestGenerations(t *testing.T) {
	w := scripted(t, head+`n = (n or 0) + 1
function mod:init() print("init", n) return true end
function mod:validate_ehlo() print("old", n) return msys.core.VALIDATE_CONT end
function mod:deinit() print("deinit") return true end`+foot)
	w.host.scripts["script"] = head + `n = (n or 0) + 1
function mod:validate_ehlo() print("new", n) return msys.core.VALIDATE_CONT end` + foot
	s := setup{order: []string{"script"}}
	c := sdk.Config{Generation: 2}
	c.Scopes = append(c.Scopes, s.scope())
	if _, err := w.m.Prepare(context.Background(), w.host, c); err != nil {
		t.Fatal(err)
	}
	w.m.Commit(2)
	w.one(1, sdk.ValidateEHLO)
	st := &sdk.State{Conn: sdk.Conn{Session: 2}}
	if _, err := w.m.Call(context.Background(), &sdk.Call{Generation: 2, State: st, Phases: []sdk.Phase{{Hook: sdk.ValidateEHLO}}}); err != nil {
		t.Fatal(err)
	}
	w.m.Retire(1)
	want := []string{"scriptlet: init\t1", "scriptlet: old\t1", "scriptlet: new\t1", "scriptlet: deinit"}
	if diff := cmp.Diff(want, w.host.lines()); diff != "" {
		t.Error(diff)
	}
	if err := w.m.Heartbeat(context.Background()); err != nil {
		t.Error(err)
	}
}
