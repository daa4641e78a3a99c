package httpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	goodToken = "0123456789abcdef"
	simple    = "Date: x\r\nMessage-ID: <y>\r\nSubject: t\r\n\r\nhello\r\n"
)

// world is a server in front of a door with a spool in memory.
type world struct {
	*Server
	t        *testing.T
	spool    *memory
	listener *Listener
	profile  atomic.Pointer[Profile]
	client   *http.Client
	scheme   string

	mu       sync.Mutex
	queued   []*message.Message
	requests []logs.HTTPRequest
	accounts []logs.Authentication
	problems []string
	rejected []string
}

// policy is a module: what it says of a copy in msg_gen_data_spool.
type policy func(ctx context.Context, m *sdk.Message) sdk.PhaseResult

// Name is part of validate.Caller.
func (policy) Name() string { return "policy" }

// SessionEnded is part of validate.Caller.
func (policy) SessionEnded(uint64, validate.Seat) {}

// Hooks is part of validate.Caller.
func (p policy) Hooks() (s sdk.HookSet) {
	if p != nil {
		s.Add(sdk.MsgGenDataSpool)
	}
	return s
}

// Call is part of validate.Caller.
func (p policy) Call(ctx context.Context, c *sdk.Call, seat *validate.Seat) (*sdk.Answer, error) {
	seat.Incarnation = 1
	st, ans := c.State.Clone(), &sdk.Answer{}
	for _, ph := range c.Phases {
		st.Enter(ph, c.SplitIDs)
		r := p(ctx, st.Copies[ph.Copy])
		ans.Results = append(ans.Results, r)
		if r.EndsRun() {
			break
		}
	}
	return ans, nil
}

// start serves with options; tokens are needed unless they say otherwise.
func start(t *testing.T, o Options, p policy) *world {
	t.Helper()
	w := &world{t: t, spool: &memory{records: map[uint64][]byte{}}, scheme: "http"}
	var id atomic.Int64
	newID := func() string { return fmt.Sprintf("00/00-00001-%08X", id.Add(1)) }
	now := func() time.Time { return time.Unix(1251200446, 0).UTC() }
	v := &validate.Validator{CallTimeout: time.Minute, NewID: newID, After: time.After, Problem: w.problem}
	v.SetChain(validate.NewChain(1, []validate.Caller{p}, nil))
	door := &reception.Door{
		Spool: w.spool, Log: w, Validator: v, NewID: newID, Now: now, Hostname: func() string { return "mx.test" },
		Bindings: func() *binding.Table { return binding.NewTable(nil) },
		Options: func() *reception.Options {
			return &reception.Options{Date: "ifneeded", MessageID: "ifneeded", MissingHeader: "reject", MaxHeader: 4096}
		},
		Queue: w.enqueue, IsFull: func(err error) bool { return errors.Is(err, errFull) },
	}
	w.Server = New(Config{
		Validator: v, Door: door, Auth: passwords{}, Account: w.account, Request: w.request, Hostname: door.Hostname,
		NewID: newID, Problem: w.problem, Now: now,
		ProfileFor: func(string, netip.Addr) *Profile { return w.profile.Load() },
	})
	w.use(o)
	var err error
	if w.listener, err = w.Listen("127.0.0.1:0", 0); err != nil {
		t.Fatal(err)
	}
	w.listener.Start()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	w.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		w.Drain(context.Background())
	})
	return w
}

// use sets the profile that the next requests get.
func (w *world) use(o Options) {
	w.t.Helper()
	if o.Tokens == nil && !o.AlwaysAllow {
		o.Tokens = []string{"crm:" + goodToken}
	}
	o.Pathway, o.AuthRequired, o.Trace = "default", true, true
	p, err := NewProfile(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.scheme = "http"
	if p.tls != nil {
		w.scheme = "https"
	}
	w.profile.Store(p)
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	proto    string
	accepted acceptedJSON
	problem  errorJSON
}

// send makes a request; edit may change it.
func (w *world) send(kind, query, content string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.scheme+"://"+w.listener.Addr().String()+injectPath+query, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+goodToken)
	for _, e := range edit {
		e(r)
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, proto: resp.Proto}
	into := any(&struct {
		Error *errorJSON `json:"error"`
	}{&out.problem})
	if resp.StatusCode == http.StatusOK {
		into = &out.accepted
	}
	if err := json.Unmarshal(b, into); err != nil {
		w.t.Fatalf("%d %q: %v", resp.StatusCode, b, err)
	}
	return out
}

// wants checks a status and, where it is an error, its text.
func (a answer) wants(t *testing.T, status int, text string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.problem.Message, text) {
		t.Errorf("%d %q, want %d %q", a.status, a.problem.Message, status, text)
	}
}

func (w *world) enqueue(m *message.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queued = append(w.queued, m)
}

// stored gives the last message as it is in the spool.
func (w *world) stored() (string, *message.Message) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queued) == 0 {
		w.t.Fatal("nothing was queued")
	}
	m := w.queued[len(w.queued)-1]
	rec := w.spool.record(m.Content.Body.Segment)
	if m.Content.Header == nil {
		return string(rec), m
	}
	return string(m.Content.Header) + "\r\n" + string(rec[m.Content.BodyOffset:]), m
}

// Reception is part of reception.Logger.
func (w *world) Reception(*message.Message) {}

// Rejection is part of reception.Logger.
func (w *world) Rejection(r *logs.Rejection) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rejected = append(w.rejected, r.Reply.String())
}

// Panic is part of reception.Logger.
func (w *world) Panic(r sdk.LogRecord) { w.problem(r.Text) }

func (w *world) problem(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, text)
}

func (w *world) request(r *logs.HTTPRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, *r)
}

func (w *world) account(a *logs.Authentication) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts = append(w.accounts, *a)
}

// passwords knows anna.
type passwords struct{}

// Authenticate is part of Authenticator.
func (passwords) Authenticate(_ context.Context, _ *auth.Target, p *auth.Proof) sdk.AuthStatus {
	if p.User == "anna" && p.Password == "geheim" {
		return sdk.AuthOK
	}
	return sdk.AuthFail
}

var errFull = errors.New("spool is full")

// memory is a spool.
type memory struct {
	mu      sync.Mutex
	records map[uint64][]byte
	err     error
}

type record struct {
	s *memory
	bytes.Buffer
}

// NewBody is part of reception.Spool.
func (s *memory) NewBody() (reception.BodyWriter, error) { return &record{s: s}, nil }

// Abort is part of reception.BodyWriter.
func (r *record) Abort() {}

// Close is part of reception.BodyWriter.
func (r *record) Close() (message.BodyRef, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n := uint64(len(r.s.records) + 1)
	r.s.records[n] = r.Bytes()
	return message.BodyRef{Segment: n, Length: int64(r.Len())}, nil
}

func (s *memory) record(n uint64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[n]
}

// Commit is part of reception.Spool.
func (s *memory) Commit(context.Context, []reception.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Drop is part of reception.Spool.
func (s *memory) Drop(message.BodyRef) {}

type reader struct{ *bytes.Reader }

// Close is part of reception.BodyReader.
func (reader) Close() error { return nil }

// OpenBody is part of reception.Spool.
func (s *memory) OpenBody(ref message.BodyRef) (reception.BodyReader, error) {
	return reader{bytes.NewReader(s.record(ref.Segment))}, nil
}
