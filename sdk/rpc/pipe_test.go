package rpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/sdktest"
)

// moduleEnv makes the test binary serve a module instead of running tests.
const moduleEnv = "MTAD_TEST_MODULE"

func TestMain(m *testing.M) {
	if os.Getenv(moduleEnv) != "" {
		Serve(&fake{})
		return
	}
	goleak.VerifyTestMain(m)
}

// fake is a module with a function for each method that a test looks at.
type fake struct {
	prepare func(ctx context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error)
	call    func(ctx context.Context, c *sdk.Call) (*sdk.Answer, error)
	query   func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)
	beat    func(ctx context.Context) error

	mu    sync.Mutex
	steps []string
	ended []sdk.SessionEnd
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	f.steps = append(f.steps, fmt.Sprintf(format, args...))
	f.mu.Unlock()
}

func (f *fake) Info() sdk.Info {
	return sdk.Info{Name: "fake", Version: "1", API: sdk.APIVersion, Powers: sdk.CanQuery | sdk.CanControl}
}

func (f *fake) Prepare(ctx context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	f.note("prepare %d", c.Generation)
	if f.prepare == nil {
		return sdk.Subscription{}, nil
	}
	return f.prepare(ctx, host, c)
}
func (f *fake) Commit(g uint64) { f.note("commit %d", g) }
func (f *fake) Abort(g uint64)  { f.note("abort %d", g) }
func (f *fake) Retire(g uint64) { f.note("retire %d", g) }
func (f *fake) Close() error    { f.note("close"); return nil }

func (f *fake) Call(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
	if f.call == nil {
		return benchAnswer(), nil
	}
	return f.call(ctx, c)
}

func (f *fake) SessionsEnded(ends []sdk.SessionEnd) {
	f.mu.Lock()
	f.ended = append(f.ended, ends...)
	f.mu.Unlock()
}

func (f *fake) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) { return f.query(ctx, q) }

func (f *fake) Control(_ context.Context, words []string) (string, error) {
	return strings.Join(words, "+"), nil
}

func (f *fake) Heartbeat(ctx context.Context) error {
	if f.beat == nil {
		return nil
	}
	return f.beat(ctx)
}

func pipe(t testing.TB, m sdk.Module, host sdk.Host) *Client {
	t.Helper()
	c, stop, err := Pipe(m, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return c
}

func TestManyCallsAtOnce(t *testing.T) {
	host := &sdktest.Host{}
	m := &fake{}
	m.prepare = func(_ context.Context, h sdk.Host, _ sdk.Config) (sdk.Subscription, error) {
		m.call = func(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
			n, err := h.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterAdd, Path: "calls", Delta: 1})
			if err != nil || n == 0 {
				return nil, fmt.Errorf("counter %d: %w", n, err)
			}
			a := benchAnswer()
			a.Results[0].Changes[0].Value = string(c.State.Message.Sender)
			return a, nil
		}
		return sdk.Subscription{}, nil
	}
	c := pipe(t, m, host)
	sdktest.Start(t, c, host)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			for j := range 20 {
				call := benchCall()
				want := fmt.Sprintf("%d-%d@example.org", i, j)
				call.State.Message.Sender = "" // each its own
				call.State.Message.Sender += sender(want)
				a, err := c.Call(context.Background(), call)
				if err != nil || a.Results[0].Changes[0].Value != want {
					t.Errorf("%s: %+v, %v", want, a, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n, _ := host.Counter(context.Background(), sdk.CounterOp{Path: "calls"}); n != 4000 {
		t.Errorf("%d calls were counted, want 4000", n)
	}
}

func TestLogsComeBeforeTheVerdict(t *testing.T) {
	host := &sdktest.Host{}
	m := &fake{}
	m.prepare = func(_ context.Context, h sdk.Host, _ sdk.Config) (sdk.Subscription, error) {
		m.call = func(_ context.Context, c *sdk.Call) (*sdk.Answer, error) {
			for i := range 50 {
				h.Log(sdk.LogRecord{Level: sdk.LevelPrint, Source: "fake", Text: fmt.Sprintf("line %d \xff", i)})
			}
			return benchAnswer(), nil
		}
		return sdk.Subscription{}, nil
	}
	c := pipe(t, m, host)
	sdktest.Start(t, c, host)
	if _, err := c.Call(context.Background(), benchCall()); err != nil {
		t.Fatal(err)
	}
	logs := host.Logs()
	if len(logs) != 50 {
		t.Fatalf("%d records when the verdict was there, want 50", len(logs))
	}
	for i, r := range logs {
		if want := (sdk.LogRecord{Level: sdk.LevelPrint, Source: "fake", Text: fmt.Sprintf("line %d \xff", i)}); r != want {
			t.Errorf("record %d: %+v", i, r)
		}
	}
}

func TestDeadlineReachesTheModule(t *testing.T) {
	m := &fake{}
	cancelled := make(chan error, 1)
	m.call = func(ctx context.Context, _ *sdk.Call) (*sdk.Answer, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("no deadline")
		}
		<-ctx.Done()
		cancelled <- ctx.Err()
		return nil, ctx.Err()
	}
	c := pipe(t, m, &sdktest.Host{})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Call(ctx, benchCall()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call gave %v", err)
	}
	if err := <-cancelled; err == nil {
		t.Error("the module's context has no error")
	}
}

func TestCancelReachesTheModule(t *testing.T) {
	m := &fake{}
	started := make(chan struct{})
	m.call = func(ctx context.Context, _ *sdk.Call) (*sdk.Answer, error) {
		close(started)
		<-ctx.Done()
		return benchAnswer(), nil // what was done until then
	}
	c := pipe(t, m, &sdktest.Host{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-started
		cancel()
	}()
	if a, err := c.Call(ctx, benchCall()); err != nil || len(a.Results) != 1 {
		t.Errorf("a module that answers a cancelled call soon: %+v, %v", a, err)
	}
	if _, err := c.Call(ctx, benchCall()); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was cancelled before: %v", err)
	}
}

func TestStepsInOrder(t *testing.T) {
	m := &fake{}
	c, stop, err := Pipe(m, &sdktest.Host{})
	if err != nil {
		t.Fatal(err)
	}
	for g := range uint64(3) {
		if _, err := c.Prepare(context.Background(), &sdktest.Host{}, sdk.Config{Generation: g}); err != nil {
			t.Fatal(err)
		}
	}
	c.Commit(0)
	c.SessionsEnded([]sdk.SessionEnd{{Session: 1, Generation: 0}})
	c.SessionsEnded([]sdk.SessionEnd{{Session: 2, Generation: 0}})
	c.Retire(0)
	c.Abort(1)
	stop()
	want := []string{"prepare 0", "prepare 1", "prepare 2", "commit 0", "retire 0", "abort 1", "close"}
	if d := cmp.Diff(want, m.steps); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]sdk.SessionEnd{{Session: 1}, {Session: 2}}, m.ended); d != "" {
		t.Error(d)
	}
}

func TestPrepareError(t *testing.T) {
	want := &sdk.PrepareError{Headline: "no", Problems: []sdk.Problem{{File: "a.conf", Line: 3, Column: 4, Text: "bad"}}}
	m := &fake{prepare: func(context.Context, sdk.Host, sdk.Config) (sdk.Subscription, error) {
		return sdk.Subscription{}, want
	}}
	c := pipe(t, m, &sdktest.Host{})
	_, err := c.Prepare(context.Background(), &sdktest.Host{}, sdk.Config{Generation: 1})
	var got *sdk.PrepareError
	if !errors.As(err, &got) || cmp.Diff(want, got) != "" {
		t.Errorf("prepare gave %v", err)
	}
}

func TestHostAnswers(t *testing.T) {
	body := make([]byte, 3*maxBodyPart+17)
	for i := range body {
		body[i] = byte(i * 31)
	}
	rows := &sdk.Rows{Columns: []string{"a", "b"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumInt, Int: -5}, {Kind: sdk.DatumText, Text: "x\xff"}}}}
	host := &sdktest.Host{
		Figures: map[sdk.TrafficQuery]int64{{Figure: sdk.TrafficSessions, Network: "10.0.0.0/8"}: 3},
		Sources: map[string]string{"a.b": "return 1"},
		DNS:     map[string]sdk.DNSAnswer{"MX x": {Records: []sdk.DNSRecord{{Value: "mx.x", Preference: 5}}}},
		Bodies:  map[uint64][]byte{9: body},
		Config:  map[string]string{"get x": "1"},
		QueryFunc: func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
			if q.SQL == "bad" {
				return nil, &sdk.QueryError{Stage: "failed to prepare", Text: "syntax", SQL: q.SQL}
			}
			return rows, nil
		},
	}
	m := &fake{prepare: func(ctx context.Context, h sdk.Host, _ sdk.Config) (sdk.Subscription, error) {
		return sdk.Subscription{}, askEverything(ctx, h, body, rows)
	}}
	c := pipe(t, m, &sdktest.Host{})
	if _, err := c.Prepare(context.Background(), host, sdk.Config{Generation: 1}); err != nil {
		t.Error(err)
	}
	if in := host.Injected(); len(in) != 1 || in[0].Sender != "a@b" || string(in[0].Body.Inline) != "body" {
		t.Errorf("injected: %+v", in)
	}
}

// askEverything runs in the module, so it gives its findings as errors.
func askEverything(ctx context.Context, h sdk.Host, body []byte, rows *sdk.Rows) error {
	var problems []error
	check := func(what string, got, want any, err error) {
		if d := cmp.Diff(want, got); d != "" || err != nil {
			problems = append(problems, fmt.Errorf("%s: %v %s", what, err, d))
		}
	}
	src, err := h.Source(ctx, "a.b")
	check("source", src, &sdk.Source{Name: "a.b", Path: "(test)/a.b.lua", Text: []byte("return 1")}, err)
	_, err = h.Source(ctx, "c")
	var missing *sdk.SourceError
	check("missing source", errors.As(err, &missing), true, nil)
	dns, err := h.LookupDNS(ctx, sdk.DNSQuery{Name: "x", Type: "MX"})
	check("dns", dns, &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "mx.x", Preference: 5}}}, err)
	got, err := h.Query(ctx, &sdk.Query{SQL: "good"})
	check("query", got, rows, err)
	_, err = h.Query(ctx, &sdk.Query{SQL: "bad"})
	check("bad query", fmt.Sprint(err), "failed to prepare: syntax", nil)
	part, err := h.ReadBody(ctx, 9, 5, int64(len(body)))
	check("body", string(part) == string(body[5:]), true, err)
	_, err = h.ReadBody(ctx, 8, 0, 1)
	check("no such body", err != nil, true, nil)
	ids, err := h.Inject(ctx, &sdk.Injection{Sender: "a@b", Recipients: addresses("c@d"), Body: sdk.Body{Inline: []byte("body"), Size: 4}})
	check("inject", ids, []string{"test-1-0"}, err)
	n, err := h.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterAdd, Path: "p", Delta: -3})
	check("counter", n, int64(-3), err)
	check("audit", askAudit(ctx, h), "3 7 -1 true", nil)
	text, err := h.ConfigValue(ctx, []string{"get", "x"})
	check("config", text, "1", err)
	delayed, err := h.DelayDomain(ctx, "b.test", "451 l\xe4ter")
	check("delay", delayed, 1, err)
	return errors.Join(problems...)
}

func TestQueryAndControl(t *testing.T) {
	m := &fake{query: func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
		return &sdk.Rows{Columns: []string{q.Named["who"].Text}}, nil
	}}
	c := pipe(t, m, &sdktest.Host{})
	rows, err := c.Query(context.Background(), &sdk.Query{Named: map[string]sdk.Datum{"who": {Kind: sdk.DatumText, Text: "me"}}})
	if err != nil || rows.Columns[0] != "me" {
		t.Errorf("query: %+v %v", rows, err)
	}
	if text, err := c.Control(context.Background(), []string{"hello", "w\xffrld"}); err != nil || text != "hello+w\xffrld" {
		t.Errorf("control: %q %v", text, err)
	}
	plain := pipe(t, struct{ sdk.Module }{&fake{}}, &sdktest.Host{})
	if _, err := plain.Query(context.Background(), &sdk.Query{}); !errors.Is(err, sdk.ErrNotSupported) {
		t.Errorf("a module without the power: %v", err)
	}
	if err := plain.Heartbeat(context.Background()); err != nil {
		t.Errorf("a module without a heartbeat of its own: %v", err)
	}
}

func TestHeartbeatIsTheModulesOwn(t *testing.T) {
	stuck := make(chan struct{})
	m := &fake{beat: func(ctx context.Context) error {
		select {
		case <-stuck:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	c := pipe(t, m, &sdktest.Host{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.Heartbeat(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stuck module: %v", err)
	}
	close(stuck)
	if err := c.Heartbeat(context.Background()); err != nil {
		t.Errorf("a module that is well: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	huge := make([]byte, maxItem+1)
	m := &fake{call: func(_ context.Context, c *sdk.Call) (*sdk.Answer, error) {
		a := benchAnswer()
		a.Results[0].Changes[0].Data = huge[:c.State.Message.Retries]
		return a, nil
	}}
	c := pipe(t, m, &sdktest.Host{})
	call := benchCall()
	call.State.Message.Retries = 3 << 20 // a frame of its own
	if a, err := c.Call(context.Background(), call); err != nil || len(a.Results[0].Changes[0].Data) != 3<<20 {
		t.Errorf("a large answer: %v", err)
	}
	call.State.Message.Retries = len(huge)
	if _, err := c.Call(context.Background(), call); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("an answer that is too large: %v", err)
	}
	call.State.Message.Header = huge
	if _, err := c.Call(context.Background(), call); !errors.Is(err, errTooLarge) {
		t.Errorf("a call that is too large: %v", err)
	}
	call.State.Message.Header, call.State.Message.Retries = nil, 0
	if _, err := c.Call(context.Background(), call); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestGone(t *testing.T) {
	m := &fake{}
	var under atomic.Int64
	arrived := make(chan struct{})
	m.call = func(ctx context.Context, _ *sdk.Call) (*sdk.Answer, error) {
		if under.Add(1) == 20 {
			close(arrived)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := pipe(t, m, &sdktest.Host{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := c.Call(context.Background(), benchCall())
			if !errors.Is(err, sdk.ErrModuleGone) || errors.Is(err, ErrUnsent) {
				t.Errorf("a call under way: %v", err)
			}
		})
	}
	<-arrived
	c.Drop()
	wg.Wait()
	<-c.Gone()
	if _, err := c.Call(context.Background(), benchCall()); !errors.Is(err, ErrUnsent) {
		t.Errorf("a call afterwards: %v (cause %v)", err, c.Cause())
	}
}
