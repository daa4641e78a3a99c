package scriptlet

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// A hook that waits longer than its wall limit fails, however it tries to
// catch that; a pause does not count.
func TestWallLimit(t *testing.T) {
	g := newGate(2)
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_ehlo() pcall(require, "slow") while true do end end` + foot},
		deps: Deps{Packages: g.packages()},
	}.start(t)
	w.m.generation(1).interpreters[0].limits.wall = time.Millisecond
	if r := w.one(1, sdk.ValidateEHLO); !r.Failed || !strings.Contains(w.host.paniclog(), "limit of 1ms exceeded") {
		t.Errorf("%+v\n%s", r, w.host.paniclog())
	}
}

func TestAgainObeysTheWallLimit(t *testing.T) {
	c := newClock()
	w := setup{
		scripts: map[string]string{"script": head + `function mod:validate_ehlo() return msys.core.VALIDATE_AGAIN end` + foot},
		deps:    c.deps(),
	}.start(t)
	w.m.generation(1).interpreters[0].limits.wall = time.Nanosecond
	if r := w.one(1, sdk.ValidateEHLO); !r.Failed || r.Reply.Code != 421 {
		t.Errorf("%+v", r)
	}
}

func TestMemoryLimitCountsWhatIsAlive(t *testing.T) {
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_ehlo() for i = 1, 300 do local s = string.rep("a", 1e6) end return msys.core.VALIDATE_CONT end
function mod:validate_mailfrom() local t = {} for i = 1, 1e9 do t[i] = string.rep("a", 1e5) end end` + foot},
	}.start(t)
	if r := w.one(1, sdk.ValidateEHLO); r.Failed {
		t.Errorf("300 MB of garbage are no growth: %+v\n%s", r, w.host.paniclog())
	}
	if r := w.one(1, sdk.ValidateMailFrom); !r.Failed || !strings.Contains(w.host.paniclog(), "memory limit of 64 MiB exceeded") {
		t.Errorf("%+v\n%s", r, w.host.paniclog())
	}
}

// The watchdog sleeps while nothing runs; a run that goes on after a wait wakes
// it.
func TestMemoryLimitAfterAWait(t *testing.T) {
	g := newGate(1)
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_ehlo() test.wait(1) local t = {} for i = 1, 1e9 do t[i] = string.rep("a", 1e5) end end` + foot},
		deps: Deps{Packages: g.packages()},
	}.start(t)
	done := make(chan sdk.PhaseResult)
	go func() { done <- w.one(1, sdk.ValidateEHLO) }()
	<-g.arrived
	for !w.m.watch.idle.Load() {
		runtime.Gosched()
	}
	close(g.open)
	if r := <-done; !r.Failed || !strings.Contains(w.host.paniclog(), "memory limit of 64 MiB exceeded") {
		t.Errorf("%+v\n%s", r, w.host.paniclog())
	}
}

func TestOptions(t *testing.T) {
	cases := []struct{ name, value, want string }{
		{"interpreters", "none", `interpreters is "none"; it must be auto or a number from 1 to 256`},
		{"interpreters", "0", `it must be auto or a number`},
		{"on_error", "explode", "on_error"},
		{"cpu_limit", "0", "cpu_limit is 0s; it must be at least 1 ms"},
		{"call_depth", "3", "call_depth is 3; it must be at least 20"},
		{"on_eror", "reject", "on_error"},
	}
	for _, c := range cases {
		_, err := setup{attrs: map[string]string{c.name: c.value}, scripts: map[string]string{"script": ""}}.prepare(t)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v", c.name, c.value, err)
		}
	}
	_, err := setup{attrs: map[string]string{"unsafe_libs": "true", "isolation": "core"}, scripts: map[string]string{"script": ""}}.prepare(t)
	if err == nil || !strings.Contains(err.Error(), "unsafe_libs needs isolation") {
		t.Error(err)
	}
	if schema := New(Deps{}).closed(t).Info().Schema; schema.Name != "scriptlet" || len(schema.Scopes) != 1 || schema.Scopes[0].Instance != option.InstanceRequired {
		t.Errorf("%+v", schema)
	}
}

// closed closes a module at once, for what needs no generation.
func (m *Module) closed(t *testing.T) *Module {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTwoInstanceNames(t *testing.T) {
	s := setup{scripts: map[string]string{"script": ""}, order: []string{"script"}}
	a, b := s.scope(), s.scope()
	b.Instance = "other"
	o, problems := decode(&sdk.Config{Scopes: []option.Scope{a, b}})
	if o.Instance != "scriptlet" || len(problems) != 1 || !strings.Contains(problems[0].Text, "must have one name") {
		t.Errorf("%+v %+v", o, problems)
	}
}

func TestDisabledRunsNothing(t *testing.T) {
	w := setup{attrs: map[string]string{"enabled": "false"}, scripts: map[string]string{"script": "error('not run')"}}.start(t)
	if w.sub.Hooks != 0 {
		t.Errorf("%+v", w.sub)
	}
}

func TestUnsafeLibs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.lua")
	if err := os.WriteFile(file, []byte("return 1 != 2, 'loaded'"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := setup{
		attrs: map[string]string{"unsafe_libs": "true"},
		scripts: map[string]string{"script": head + `
function mod:validate_ehlo()
  print(dofile("` + file + `"))
  print(loadfile("/not/there"))
  print(type(io.open), type(os.execute), type(debug.getupvalue), type(os.date))
  return msys.core.VALIDATE_CONT
end` + foot},
	}.start(t)
	w.one(1, sdk.ValidateEHLO)
	w.wantLog("scriptlet: true\tloaded", "scriptlet: nil\topen /not/there: no such file or directory", "scriptlet: function\tfunction\tfunction\tfunction")
}

// Of runs that have run long one at a time waits for the interpreter.
func TestLongRunsWaitApart(t *testing.T) {
	w := scripted(t, head+foot)
	in := w.m.generation(1).interpreters[0]
	short := in.begin(t.Context(), in.limits)
	in.acquire(short, nil)
	var long sync.WaitGroup
	for range 3 {
		r := in.begin(t.Context(), in.limits)
		r.spent = longTime + 1
		long.Go(func() {
			in.acquire(r, nil)
			if !r.lane || in.longs.TryLock() {
				t.Error("a long run has the interpreter without its place in front of it")
			}
			in.release(r)
		})
	}
	for in.waiters.Load() < 3 || in.longs.TryLock() && unlock(&in.longs) {
		runtime.Gosched()
	}
	if short.lane {
		t.Error("a short run has taken the place of a long one")
	}
	in.release(short)
	long.Wait()
	if !in.longs.TryLock() {
		t.Error("the place in front of the interpreter was not given back")
	}
}

func unlock(mu *sync.Mutex) bool {
	mu.Unlock()
	return true
}

// Many short waits use up Lua time, and the miss of a script is remembered.
func TestRequireOfAMissingScriptIsCharged(t *testing.T) {
	w := setup{
		scripts: map[string]string{"script": head + `function mod:validate_ehlo() while true do pcall(require, "not.there") end end` + foot},
		attrs:   map[string]string{"cpu_limit": "20"},
	}.start(t)
	r := w.one(1, sdk.ValidateEHLO)
	if !r.Failed || !strings.Contains(w.host.paniclog(), "limit of 20 ms of Lua time exceeded") {
		t.Errorf("%+v\n%s", r, w.host.paniclog())
	}
	if in := w.m.generation(1).interpreters[0]; len(in.missing) != 1 {
		t.Errorf("%v", in.missing)
	}
}
