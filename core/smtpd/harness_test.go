package smtpd

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// policy is what a test's module does in a phase.
type policy map[sdk.Hook]func(st *sdk.State, p sdk.Phase) sdk.PhaseResult

// module is a validate.Caller that runs a policy.
type module struct {
	policy policy
	mu     sync.Mutex
	calls  []string // "hook line"
	asked  int      // calls, of one or several phases
}

func (m *module) Name() string { return "testpolicy" }

func (m *module) Hooks() (set sdk.HookSet) {
	for h := range m.policy {
		set.Add(h)
	}
	return set
}

func (m *module) Call(_ context.Context, c *sdk.Call, seat *validate.Seat) (*sdk.Answer, error) {
	seat.Incarnation = 1
	st := c.State.Clone()
	m.asked++
	var ans sdk.Answer
	for _, p := range c.Phases {
		m.mu.Lock()
		m.calls = append(m.calls, strings.TrimSpace(p.Hook.String()+" "+p.Line))
		m.mu.Unlock()
		st.Enter(p, c.SplitIDs)
		r := m.policy[p.Hook](st, p)
		st.Leave(p, r.Reply.Refuses())
		ans.Results = append(ans.Results, r)
		if r.EndsRun() {
			break
		}
	}
	return &ans, nil
}

func (m *module) SessionEnded(uint64, validate.Seat) {}

// say is a policy that sets a reply.
func say(code int, text string) func(*sdk.State, sdk.Phase) sdk.PhaseResult {
	return func(*sdk.State, sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Reply: smtp.ParseReplyText(code, text)}
	}
}

// change is a policy that makes changes.
func change(c ...sdk.Change) func(*sdk.State, sdk.Phase) sdk.PhaseResult {
	return func(*sdk.State, sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{Changes: c} }
}

// delivered is a message as the test's door took it.
type delivered struct {
	env  reception.Envelope
	from smtp.Address
	to   []smtp.Address
	text string
	mess sdk.Dict
	conn sdk.Dict

	priority int
}

// fakeDoor keeps what it is given.
type fakeDoor struct {
	result  reception.Result // Reply nil: 250
	failing error            // what Write answers
	accept  func(ctx context.Context)
	mu      sync.Mutex
	mails   []delivered
	aborted int
}

func (d *fakeDoor) NewDraft(e reception.Envelope) Draft { return &fakeDraft{door: d, env: e} }

type fakeDraft struct {
	door *fakeDoor
	env  reception.Envelope
	text []byte
}

func (d *fakeDraft) Write(p []byte) (int, error) {
	if d.door.failing != nil {
		return 0, d.door.failing
	}
	d.text = append(d.text, p...)
	return len(p), nil
}

func (d *fakeDraft) Abort() {
	d.door.mu.Lock()
	d.door.aborted++
	d.door.mu.Unlock()
}

func (d *fakeDraft) Accept(ctx context.Context, s *validate.Session) reception.Result {
	if d.door.accept != nil {
		d.door.accept(ctx)
	}
	m := s.State.Message.Clone()
	d.door.mu.Lock()
	d.door.mails = append(d.door.mails, delivered{d.env, m.Sender, m.Recipients, string(d.text), m.Context, s.State.Conn.Context.Clone(), m.Priority})
	d.door.mu.Unlock()
	s.Reset()
	if d.door.result.Reply != nil {
		return d.door.result
	}
	return reception.Result{Reply: smtp.NewReply(250, "2.0.0", "Ok: queued")}
}

// rejects keeps the rejectlog.
type rejects struct {
	mu   sync.Mutex
	recs []logs.Rejection

	accounts []logs.Authentication
}

func (l *rejects) Rejection(r *logs.Rejection) {
	c := *r
	c.Conn, c.Mess = r.Conn.Clone(), r.Mess.Clone()
	l.mu.Lock()
	l.recs = append(l.recs, c)
	l.mu.Unlock()
}

func (l *rejects) all() []logs.Rejection {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]logs.Rejection(nil), l.recs...)
}

// rig is a server under test.
type rig struct {
	t       testing.TB
	srv     *Server
	v       *validate.Validator
	door    *fakeDoor
	log     *rejects
	mod     *module
	profile atomic.Pointer[Profile]
	l       *Listener
	waits   chan time.Duration // what After was asked for
}

// options are those of a small configuration.
func options() Options {
	return Options{
		Trace: true, IdleTime: time.Minute, AllowIPLiteral: true, AllowNullSender: true,
		LimitOptions:   LimitOptions{MaxErrors: 20},
		EnvelopeBlanks: true, PedanticAddress: true, RelayDomains: []string{"relay.test", "*.sub.test"},
		ReconfigMessage: "4.3.2 Reconfiguration in progress", TLSProtocols: "+ALL",
	}
}

var testDate = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// start serves on loopback with o and policy p, and drains at the test's end.
func start(t testing.TB, o Options, p policy) *rig { return startWith(t, o, p, nil) }

// startSwept is start with a test's own sweeps.
func startSwept(t testing.TB, o Options, sweeps <-chan time.Time) *rig {
	return startWith(t, o, nil, sweeps)
}

// parkAll sweeps until that many sessions are parked.
func (r *rig) parkAll(sweeps chan<- time.Time, sessions int) {
	for r.parked() < sessions {
		sweeps <- time.Now().Add(parkAfter)
		runtime.Gosched()
	}
}

func (r *rig) parked() int {
	l := r.srv.lot
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.parked)
}

func startWith(t testing.TB, o Options, p policy, sweeps <-chan time.Time) *rig {
	t.Helper()
	profile, err := NewProfile(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, door: &fakeDoor{}, log: &rejects{}, mod: &module{policy: p}, waits: make(chan time.Duration, 100)}
	r.v = &validate.Validator{
		CallTimeout: time.Minute, NewID: func() string { return "id" },
		Problem: func(text string) { t.Errorf("problem: %s", text) }, After: time.After,
	}
	r.profile.Store(profile)
	r.reload(1)
	var ids sync.Mutex
	last := 0
	r.srv = New(Config{
		Validator: r.v, Door: r.door, Log: r.log, Hostname: func() string { return "mta.test" },
		ProfileFor: func(string, netip.Addr) *Profile { return r.profile.Load() },
		NewID: func() string {
			ids.Lock()
			defer ids.Unlock()
			last++
			return "00/00-00000-" + strconv.Itoa(last)
		},
		Problem: func(text string) { t.Errorf("problem: %s", text) },
		Auth:    testAuth(t), Account: r.log.account, Sweeps: sweeps,
		Now: func() time.Time { return testDate },
		After: func(d time.Duration) <-chan time.Time {
			if d == hangupTime {
				return nil
			}
			r.waits <- d
			c := make(chan time.Time, 1)
			c <- testDate
			return c
		},
	})
	if r.l, err = r.srv.Listen("127.0.0.1:0", Socket{}); err != nil {
		t.Fatal(err)
	}
	r.l.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r.srv.Drain(ctx)
		r.v.SetChain(validate.NewChain(0, nil, nil))
	})
	return r
}

func (r *rig) reload(generation uint64) {
	r.v.SetChain(validate.NewChain(generation, []validate.Caller{r.mod}, nil))
}

// peer is a client.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (r *rig) dial() *peer {
	r.t.Helper()
	c, err := net.Dial("tcp", r.l.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return newPeer(r.t, c)
}

func newPeer(t testing.TB, c net.Conn) *peer {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{t, c, bufio.NewReader(c)}
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := p.Write([]byte(text)); err != nil {
		p.t.Fatalf("send %q: %v", text, err)
	}
}

// reply reads one whole reply, its lines joined by \n.
func (p *peer) reply() string {
	p.t.Helper()
	var lines []string
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("reply after %q: %v", lines, err)
		}
		if !strings.HasSuffix(line, "\r\n") {
			p.t.Fatalf("reply line %q does not end in CRLF", line)
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

func (p *peer) expect(pattern string) string {
	p.t.Helper()
	got := p.reply()
	if !regexp.MustCompile(pattern).MatchString(got) {
		p.t.Fatalf("reply %q does not match %q", got, pattern)
	}
	return got
}

// expectEOF has the server close, and closes.
func (p *peer) expectEOF() {
	p.t.Helper()
	defer func() { _ = p.Close() }()
	if line, err := p.r.ReadString('\n'); err == nil || line != "" {
		p.t.Fatalf("got %q instead of the end", line)
	} else if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		p.t.Fatal("the server did not close")
	}
}

// talk runs a transcript: "C: line", "S: pattern of a whole reply", "EOF".
// \r, \n, \0 and \x.. in client lines are escapes.
func (p *peer) talk(script string) {
	p.t.Helper()
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line = strings.TrimLeft(line, "\t")
		if line == "" {
			continue
		}
		what, arg, _ := strings.Cut(line, ":")
		arg = strings.TrimPrefix(arg, " ")
		switch what {
		case "C":
			text, err := strconv.Unquote(`"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`)
			if err != nil {
				p.t.Fatalf("line %d: %v", i+1, err)
			}
			p.send(text + "\r\n")
		case "S":
			p.expect(arg)
		case "EOF":
			p.expectEOF()
		default:
			p.t.Fatalf("line %d: %q", i+1, line)
		}
	}
}

// only gives the one message that the door got.
func (r *rig) only() delivered {
	r.t.Helper()
	r.door.mu.Lock()
	defer r.door.mu.Unlock()
	if len(r.door.mails) != 1 {
		r.t.Fatalf("%d messages came through, not one", len(r.door.mails))
	}
	return r.door.mails[0]
}

func (r *rig) count() int {
	r.door.mu.Lock()
	defer r.door.mu.Unlock()
	return len(r.door.mails)
}

// headed sends something in front of what is written first.
type headed struct {
	net.Conn
	head string
}

func (h *headed) Write(p []byte) (int, error) {
	if h.head == "" {
		return h.Conn.Write(p)
	}
	_, err := h.Conn.Write(append([]byte(h.head), p...))
	h.head = ""
	return len(p), err
}
