package modules

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/rpc"
	"github.com/mtad/mtad/sdk/sdktest"
)

// The test binary is its own module: moduleEnv names the one to serve. coreEnv
// makes it a core with one module, to be killed, and is its directory.
const (
	moduleEnv = "MTAD_TEST_MODULE"
	coreEnv   = "MTAD_TEST_CORE"
	socketEnv = "MTAD_TEST_SOCKET"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(moduleEnv); name != "" {
		rpc.Serve(newProbe(name))
		return
	}
	if os.Getenv(coreEnv) != "" {
		beCore()
		return
	}
	goleak.VerifyTestMain(m)
}

// probe is a module that does what a call's line says, and logs what is done to
// it.
type probe struct {
	name  string
	stuck chan struct{} // closed: the heart has stopped

	mu       sync.Mutex
	hosts    map[uint64]sdk.Host
	texts    map[uint64]string // by generation: the script
	sessions map[uint64]int    // self: calls so far
	watcher  net.Conn
}

func newProbe(name string) *probe {
	return &probe{
		name: name, stuck: make(chan struct{}), hosts: make(map[uint64]sdk.Host),
		texts: make(map[uint64]string), sessions: make(map[uint64]int),
	}
}

func (p *probe) Info() sdk.Info {
	info := sdk.Info{Name: p.name, Version: "1.2", API: sdk.APIVersion, Help: "A probe."}
	info.Schema = option.Schema{Name: p.name, Options: []option.Option{{Name: "refuse"}, {Name: "source"}, {Name: "ask"}, {Name: "exit"}}}
	if p.name == "datasource" {
		info.Powers = sdk.CanQuery
	}
	if p.name == "wrong_api" {
		info.API++
	}
	return info
}

func setting(c *sdk.Config, name string) string {
	for i := range c.Scopes {
		if a, ok := c.Scopes[i].Attr(name); ok {
			return a.Value.Text
		}
	}
	return ""
}

func (p *probe) Prepare(ctx context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	sub := sdk.Subscription{Controls: []string{p.name, p.name + " long"}, AuthSchemes: []string{p.name}, Warnings: []sdk.Problem{{Text: p.name + " warns"}}}
	sub.Hooks.Add(sdk.ValidateEHLO)
	p.log(host, "prepare", c.Generation)
	if setting(&c, "exit") != "" {
		os.Exit(7)
	}
	if setting(&c, "refuse") != "" {
		return sub, &sdk.PrepareError{Problems: []sdk.Problem{{Text: p.name + " refuses"}}}
	}
	text := ""
	if name := setting(&c, "source"); name != "" {
		src, err := host.Source(ctx, name)
		if err != nil {
			return sub, err
		}
		text = string(src.Text)
	}
	if setting(&c, "ask") != "" {
		if _, err := host.Query(ctx, &sdk.Query{SQL: "in init"}); err != nil {
			return sub, fmt.Errorf("init: %w", err)
		}
	}
	if path := os.Getenv(socketEnv); path != "" && p.watcher == nil {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return sub, err
		}
		p.watcher = conn
	}
	p.mu.Lock()
	p.hosts[c.Generation], p.texts[c.Generation] = host, text
	p.mu.Unlock()
	return sub, nil
}

func (p *probe) log(host sdk.Host, what string, generation uint64) {
	host.Log(sdk.LogRecord{Source: p.name, Text: fmt.Sprintf("%s %s %d", p.name, what, generation)})
}

func (p *probe) step(what string, generation uint64, forget bool) {
	p.mu.Lock()
	host := p.hosts[generation]
	if forget {
		delete(p.hosts, generation)
		delete(p.texts, generation)
	}
	p.mu.Unlock()
	p.log(host, what, generation)
}

func (p *probe) Commit(g uint64) { p.step("commit", g, false) }
func (p *probe) Abort(g uint64)  { p.step("abort", g, true) }
func (p *probe) Retire(g uint64) { p.step("retire", g, true) }

func (p *probe) Close() error {
	for g, host := range p.hosts {
		p.log(host, "close", g)
	}
	if p.watcher != nil {
		_, _ = p.watcher.Write([]byte("deinit"))
	}
	return nil
}

// Call answers with one change: what it saw.
func (p *probe) Call(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
	p.mu.Lock()
	text := p.texts[c.Generation]
	p.sessions[c.State.Conn.Session]++
	calls := p.sessions[c.State.Conn.Session]
	host := p.hosts[c.Generation]
	p.mu.Unlock()
	switch c.Phases[0].Line {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("the probe panics")
	case "block":
		p.log(host, "blocks", c.Generation)
		<-ctx.Done()
		return nil, ctx.Err()
	case "stick":
		close(p.stuck)
	case "print":
		fmt.Println("on stdout")
		fmt.Fprintln(os.Stderr, "on stderr")
	case "change":
		c.State.Conn.Context.Set("changed", "yes")
	}
	seen := fmt.Sprintf("%s gen=%d text=%q calls=%d procs=%s", p.name, c.Generation, text, calls, os.Getenv("GOMAXPROCS"))
	return &sdk.Answer{Results: []sdk.PhaseResult{{Changes: []sdk.Change{{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: "seen", Value: seen}}}}}, nil
}

func (p *probe) SessionsEnded(ends []sdk.SessionEnd) {
	for _, e := range ends {
		p.mu.Lock()
		host := p.hosts[e.Generation]
		p.mu.Unlock()
		p.log(host, fmt.Sprintf("session %d ended", e.Session), e.Generation)
	}
}

func (p *probe) Query(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
	return &sdk.Rows{Columns: []string{q.SQL}}, nil
}

func (p *probe) Control(_ context.Context, words []string) (string, error) {
	return p.name + ": " + strings.Join(words, " "), nil
}

func (p *probe) Heartbeat(ctx context.Context) error {
	select {
	case <-p.stuck:
		<-ctx.Done()
		return errors.New("stuck")
	default:
		return nil
	}
}

// bench is a Manager with a Host that all its modules share. Its log is that of
// the Manager and of the modules together, in order.
type bench struct {
	*Manager
	host *sdktest.Host
}

// quick makes the supervisor look often, and wait as long as a busy machine
// needs.
func quick() Timing {
	return Timing{Heartbeat: 20 * time.Millisecond, Stuck: time.Minute, Backoff: time.Millisecond}
}

func newBench(t *testing.T, timing Timing) *bench {
	t.Helper()
	b := &bench{host: &sdktest.Host{}}
	m, err := New(Options{
		Host: func(string) sdk.Host { return b.host }, Log: b.host.Log, SocketDir: "/tmp", Timing: timing,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Manager = m
	b.host.QueryFunc = m.Query
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// probeSpec is a probe in a process of its own.
func probeSpec(name string, rank Rank) Spec {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{Name: name, Rank: rank, Command: []string{exe}, Env: []string{moduleEnv + "=" + name}}
}

func configure(spec Spec, pairs ...any) ModuleConfig {
	return ModuleConfig{Spec: spec, Config: sdk.Config{Scopes: []option.Scope{sdktest.Scope(spec.Name, "x", pairs...)}}}
}

// run prepares and commits a generation.
func (b *bench) run(t *testing.T, number uint64, configs ...ModuleConfig) *Prepared {
	t.Helper()
	p, err := b.Prepare(t.Context(), number, configs)
	if err != nil {
		t.Fatal(err)
	}
	p.Commit()
	return p
}

// ask makes one call and gives what the probe saw.
func ask1(ctx context.Context, c validate.Caller, generation, session uint64, line string, seat *validate.Seat) (string, error) {
	state := sdktest.Session("192.0.2.1:4711").ID(session).State()
	call := &sdk.Call{Generation: generation, State: state, Phases: []sdk.Phase{{Hook: sdk.ValidateEHLO, Line: line}}}
	a, err := c.Call(ctx, call, seat)
	if err != nil {
		return "", err
	}
	if _, ok := state.Conn.Context.Get("changed"); ok {
		return "", errors.New("the module changed the core's state")
	}
	return a.Results[0].Changes[0].Value, nil
}

// texts are the logged texts that contain part, in order.
func (b *bench) texts(part string) []string {
	var out []string
	for _, r := range b.host.Logs() {
		if strings.Contains(r.Text, part) {
			out = append(out, r.Text)
		}
	}
	return out
}

func (b *bench) waitLog(t *testing.T, part string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := b.host.WaitLog(ctx, part); err != nil {
		t.Fatalf("%v; the log: %q", err, b.texts(""))
	}
}

// beCore runs a module and waits to be killed.
func beCore() {
	m, err := New(Options{Host: func(string) sdk.Host { return &sdktest.Host{} }, SocketDir: os.Getenv(coreEnv)})
	if err == nil {
		var p *Prepared
		if p, err = m.Prepare(context.Background(), 1, []ModuleConfig{configure(probeSpec("probe", RankThirdParty))}); err == nil {
			p.Commit()
			select {}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
