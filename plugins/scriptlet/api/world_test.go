package api

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/sdktest"
)

// fakeWorld is an interpreter as API functions see it: one Lua state, a lock
// that Wait gives up, and a record of what was printed, scheduled and spent.
type fakeWorld struct {
	t      testing.TB
	L      *lua.LState
	env    *Env
	host   *sdktest.Host
	frame  *Frame
	now    time.Time
	shared *Shared
	rules  []*sdk.AdaptiveRules

	mu      sync.Mutex // the interpreter
	ctx     context.Context
	waiting chan struct{} // told at each Wait
	waits   int
	spent   int
	limit   int // of spent; 0: none
	printed []string
	timers  []*fakeTimer
	after   []*lua.LFunction
}

type fakeTimer struct {
	after, every time.Duration
	name         string
	fn           *lua.LFunction
	stopped      bool
}

var _ World = (*fakeWorld)(nil)

func newWorld(t testing.TB) *fakeWorld {
	t.Helper()
	w := &fakeWorld{
		t: t, L: lua.NewState(), host: &sdktest.Host{}, now: time.Unix(1251200446, 0),
		ctx: context.Background(), waiting: make(chan struct{}, 1000),
	}
	t.Cleanup(w.L.Close)
	w.shared = sharedFor(t, w)
	w.env = &Env{World: w}
	Install(w.L, w.env, Packages(), MissingPackages())
	w.L.SetGlobal("require", w.L.NewFunction(func(L *lua.LState) int {
		pkg, why, ok := w.env.Registry().Open(L, L.CheckString(1))
		if !ok {
			L.RaiseError("module '%s' is not supported by mtad: %s", L.CheckString(1), why)
		}
		L.Push(pkg)
		return 1
	}))
	w.L.SetGlobal("tostring", w.L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(Text(L, L.CheckAny(1))))
		return 1
	}))
	return w
}

// frames puts the world into a phase that serves the given state.
func (w *fakeWorld) frames(s *sdk.State, p sdk.Phase) *fakeWorld {
	w.frame = &Frame{Ctx: w.ctx, State: s, Phase: p, Session: s.Conn.Session}
	return w
}

// run runs a script and gives its results as text.
func (w *fakeWorld) run(script string) []string {
	w.t.Helper()
	out, err := w.try(w.L, script)
	if err != nil {
		w.t.Fatalf("%s\n%v", script, err)
	}
	return out
}

// try runs a script on L, which is w.L or a thread of it.
func (w *fakeWorld) try(L *lua.LState, script string) ([]string, error) {
	w.t.Helper()
	proto, problems := dialect.Compile("test.lua", []byte(script), dialect.NewRuntime(dialect.Limits{}))
	for _, p := range problems {
		w.t.Fatalf("%s", p.String())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	L.SetTop(0)
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		return nil, err
	}
	out := make([]string, L.GetTop())
	for i := range out {
		out[i] = Text(L, L.Get(i+1))
	}
	return out, nil
}

// is fails unless the script returns what want says, joined with blanks.
func (w *fakeWorld) is(want, script string) {
	w.t.Helper()
	if got := strings.Join(w.run(script), " "); got != want {
		w.t.Errorf("%s\ngot  %s\nwant %s", script, got, want)
	}
}

// raises fails unless the script raises an error with part in its text.
func (w *fakeWorld) raises(part, script string) {
	w.t.Helper()
	out, err := w.try(w.L, script)
	if err == nil {
		w.t.Errorf("%s\nreturned %q, wanted an error with %q", script, out, part)
	} else if !strings.Contains(err.Error(), part) {
		w.t.Errorf("%s\nraised %v\nwanted %q", script, err, part)
	}
}

func (w *fakeWorld) Host() sdk.Host { return w.host }

func (w *fakeWorld) Wait(_ *lua.LState, _ bool, f func(ctx context.Context)) {
	w.waits++
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case w.waiting <- struct{}{}:
	default:
	}
	f(w.ctx)
}

func (w *fakeWorld) Frame(*lua.LState) *Frame { return w.frame }

func (w *fakeWorld) Spend(L *lua.LState, steps int) {
	if w.spent += steps; w.limit > 0 && w.spent > w.limit {
		L.RaiseError("the budget is used up")
	}
}

func (w *fakeWorld) Print(_ *lua.LState, s string)       { w.printed = append(w.printed, s) }
func (w *fakeWorld) Config() *sdk.Config                 { return &sdk.Config{} }
func (w *fakeWorld) Shared() *Shared                     { return w.shared }
func (w *fakeWorld) Now() time.Time                      { return w.now }
func (w *fakeWorld) Go(_ *lua.LState, fn *lua.LFunction) { w.after = append(w.after, fn) }

func (w *fakeWorld) Object(_ *lua.LState, class string, value any) *lua.LUserData {
	return w.env.Object(class, value)
}

func (w *fakeWorld) Register(*lua.LState, string, *lua.LTable)           {}
func (w *fakeWorld) RegisterControl(*lua.LState, string, *lua.LFunction) {}
func (w *fakeWorld) RegisterRules(_ *lua.LState, r *sdk.AdaptiveRules)   { w.rules = append(w.rules, r) }
func (w *fakeWorld) RegisterAuth(*lua.LState, string, *lua.LTable)       {}

func (w *fakeWorld) Timer(_ *lua.LState, after, every time.Duration, name string, fn *lua.LFunction) (stop func()) {
	t := &fakeTimer{after: after, every: every, name: name, fn: fn}
	w.timers = append(w.timers, t)
	return func() { t.stopped = true }
}
