package scriptlet

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeHost is the core as a module test sees it: scripts from a map, the
// paniclog in memory.
type fakeHost struct {
	sdk.Host
	scripts map[string]string

	mu  sync.Mutex
	log []string

	prints []string // what scripts printed, of log
}

func (h *fakeHost) Source(_ context.Context, name string) (*sdk.Source, error) {
	file := strings.ReplaceAll(name, ".", "/")
	if text, ok := h.scripts[file]; ok {
		return &sdk.Source{Name: name, Path: "/etc/mtad/conf/" + file + ".lua", Text: []byte(text)}, nil
	}
	return nil, &sdk.SourceError{Name: name, Tried: []sdk.TriedPath{
		{Path: "/etc/mtad/conf/" + file + ".lua", Errno: 2, Text: "No such file or directory"},
		{Path: "/etc/mtad/conf/default/" + file + ".lua", Errno: 2, Text: "No such file or directory"},
	}}
}

func (h *fakeHost) Log(r sdk.LogRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, r.Source+": "+r.Text)
	if r.Level == sdk.LevelPrint {
		h.prints = append(h.prints, r.Source+": "+r.Text)
	}
}

// lines is the paniclog so far.
func (h *fakeHost) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.log...)
}

func (h *fakeHost) paniclog() string { return strings.Join(h.lines(), "\n") }

// printed is what scripts printed.
func (h *fakeHost) printed() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.prints, "\n")
}

// world is a module under test with one committed generation.
type world struct {
	t    testing.TB
	m    *Module
	host *fakeHost
	sub  sdk.Subscription
}

// setup is what a test's configuration says.
type setup struct {
	scripts map[string]string // name -> text; run in the order of names
	order   []string
	attrs   map[string]string
	config  sdk.Config
	deps    Deps
}

func attr(name, text string) option.Attr {
	return option.Attr{Name: name, Value: option.Value{Kind: option.KindString, Text: text}}
}

// scope is the scriptlet scope of a setup.
func (s *setup) scope() option.Scope {
	sc := option.Scope{Name: "scriptlet", Instance: "scriptlet", Pos: option.Pos{File: "mtad.hcl", Line: 1, Column: 1}}
	if s.attrs["cpu_limit"] == "" { // a busy machine must not fail a test
		sc.Attrs = append(sc.Attrs, attr("cpu_limit", "60000"))
	}
	for name, text := range s.attrs {
		sc.Attrs = append(sc.Attrs, attr(name, text))
	}
	for i, name := range s.order {
		sc.Scopes = append(sc.Scopes, option.Scope{
			Name: "script", Instance: name, Attrs: []option.Attr{attr("source", name)},
			Pos: option.Pos{File: "mtad.hcl", Line: 2 + i, Column: 3},
		})
	}
	return sc
}

// prepare prepares generation 1, and 1 only.
func (s setup) prepare(t testing.TB) (*world, error) {
	t.Helper()
	host := &fakeHost{scripts: s.scripts}
	if s.order == nil {
		s.order = []string{"script"}
	}
	m := New(s.deps)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	s.config.Generation = 1
	s.config.Scopes = []option.Scope{s.scope()}
	sub, err := m.Prepare(context.Background(), host, s.config)
	return &world{t: t, m: m, host: host, sub: sub}, err
}

// start prepares and commits.
func (s setup) start(t testing.TB) *world {
	t.Helper()
	w, err := s.prepare(t)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	w.m.Commit(1)
	return w
}

// scripted starts a world of one script.
func scripted(t testing.TB, text string) *world {
	t.Helper()
	return setup{scripts: map[string]string{"script": text}}.start(t)
}

// call runs phases for a session without a message.
func (w *world) call(session uint64, phases ...sdk.Phase) *sdk.Answer {
	w.t.Helper()
	return w.do(context.Background(), session, phases...)
}

func (w *world) do(ctx context.Context, session uint64, phases ...sdk.Phase) *sdk.Answer {
	w.t.Helper()
	st := &sdk.State{Conn: sdk.Conn{Session: session}}
	ans, err := w.m.Call(ctx, &sdk.Call{Generation: 1, Phases: phases, State: st})
	if err != nil {
		w.t.Fatalf("call: %v", err)
	}
	return ans
}

// one runs one phase and gives its result.
func (w *world) one(session uint64, h sdk.Hook) sdk.PhaseResult {
	w.t.Helper()
	return w.call(session, sdk.Phase{Hook: h, Line: "EHLO x\r\n"}).Results[0]
}

// wantLog fails unless the paniclog has these entries, in order and next to
// each other from the first one on.
func (w *world) wantLog(want ...string) {
	w.t.Helper()
	got := w.host.lines()
	for i, line := range got {
		if line == want[0] && len(got) >= i+len(want) && fmt.Sprint(got[i:i+len(want)]) == fmt.Sprint(want) {
			return
		}
	}
	w.t.Fatalf("paniclog:\n%s\nwanted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// settled waits until no work of the generation is under way.
func (w *world) settled() {
	w.m.generation(1).work.Wait()
}

// clock is a clock that tests move.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	queue []*alarm
	added chan struct{}
}

type alarm struct {
	at   time.Time
	f    func()
	dead bool
}

func newClock() *clock {
	return &clock{now: time.Unix(1251200446, 0), added: make(chan struct{}, 1024)}
}

func (c *clock) deps() Deps { return Deps{Now: c.Now, AfterFunc: c.AfterFunc} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &alarm{at: c.now.Add(d), f: f}
	c.queue = append(c.queue, a)
	select {
	case c.added <- struct{}{}:
	default:
	}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := !a.dead
		a.dead = true
		return was
	}
}

// advance moves the clock and runs what is due, each to its end.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	for _, a := range c.queue {
		if !a.dead && !a.at.After(c.now) {
			a.dead = true
			due = append(due, a.f)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}
