package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that the test moves.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	c    *clock
	at   time.Time
	f    func()
	done bool
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c: c, at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return t
}

func (t *timer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := !t.done
	t.done = true
	return was
}

// advance moves the time and runs what falls due, in order.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for {
		c.mu.Lock()
		var next *timer
		for _, t := range c.timers {
			if !t.done && !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			c.mu.Unlock()
			return
		}
		next.done = true
		if next.at.After(c.now) {
			c.now = next.at
		}
		c.mu.Unlock()
		next.f()
	}
}

// spool keeps metadata in memory.
type spool struct {
	mu   sync.Mutex
	meta map[string][]byte
	done []string
}

func (s *spool) Meta(id string) ([]byte, message.BodyRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.meta[id]
	if !ok {
		return nil, message.BodyRef{}, errors.New("no such message")
	}
	return m, message.BodyRef{Segment: 1, Length: 5}, nil
}

func (s *spool) Change(id string, meta []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meta[id] = meta
	return nil
}

func (s *spool) Done(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.meta, id)
	s.done = append(s.done, id)
	return nil
}

func (s *spool) Each(f func(id string, meta []byte) error) error {
	s.mu.Lock()
	ids := make([]string, 0, len(s.meta))
	for id := range s.meta {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	slices.Sort(ids)
	for _, id := range ids {
		meta, _, err := s.Meta(id)
		if err != nil {
			return err
		}
		if err := f(id, meta); err != nil {
			return err
		}
	}
	return nil
}

// logger notes the kind of each record and its reply.
type logger struct {
	mu    sync.Mutex
	lines []string
}

func (l *logger) note(kind string, a *logs.Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", kind, a.Message.ID, a.Retries, a.Reply)))
}
func (l *logger) Delivery(a *logs.Attempt)         { l.note("D", a) }
func (l *logger) TransientFailure(a *logs.Attempt) { l.note("T", a) }
func (l *logger) PermanentFailure(a *logs.Attempt) { l.note("P", a) }
func (l *logger) Panic(r sdk.LogRecord) {
	l.mu.Lock()
	l.lines = append(l.lines, r.Text)
	l.mu.Unlock()
}

func (l *logger) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// courier hands each batch to the test and settles with what it says.
type courier struct {
	batches chan []string
	verdict chan Result
	idle    time.Duration
	once    bool // one batch for each connection
	served  sync.WaitGroup
}

func (c *courier) Serve(ctx context.Context, _ Lane, src Source) {
	c.served.Add(1)
	defer c.served.Done()
	for {
		b := src.Next(ctx, c.idle)
		if b == nil {
			return
		}
		ids := make([]string, len(b.Messages))
		for i, m := range b.Messages {
			ids[i] = m.ID
		}
		c.batches <- ids
		r := <-c.verdict
		for _, m := range b.Messages {
			src.Settle(m, r)
		}
		if r.Unreached || c.once {
			return
		}
	}
}

type bench struct {
	*Queue
	t   *testing.T
	c   *clock
	s   *spool
	l   *logger
	cr  *courier
	opt Options
	ok  error // what OnFail answers
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, c: &clock{now: time.Unix(1_000_000, 0)}, s: &spool{meta: map[string][]byte{}}, l: &logger{},
		cr:  &courier{batches: make(chan []string), verdict: make(chan Result)},
		opt: Options{RetryInterval: 20 * time.Minute, MaxRetryInterval: 12 * time.Hour, Expiration: 24 * time.Hour, MaxRetries: "auto", MaxConnections: 1, MaxBatch: 100, HostFailureRetry: 2 * time.Minute}}
	b.Queue = &Queue{Spool: b.s, Log: b.l, Clock: b.c, Courier: b.cr, OptionsFor: func(Lane) *Options { return &b.opt },
		OnFail: func(context.Context, *logs.Attempt) error { return b.ok }, MaxConnections: func() int { return 10 }}
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-b.cr.batches:
				case b.cr.verdict <- Result{Verdict: NotAttempted}:
				case <-done:
					return
				}
			}
		}()
		b.Stop(context.Background())
		close(done)
	})
	return b
}

func (b *bench) message(id string, change ...func(*message.Message)) *message.Message {
	m := &message.Message{ID: id, BatchID: "batch-" + id, Sender: "s@x.test", Recipient: "r@example.com", Binding: "default", BindingGroup: "default", Received: b.c.Now()}
	for _, f := range change {
		f(m)
	}
	b.s.mu.Lock()
	b.s.meta[id] = message.Encode(m)
	b.s.mu.Unlock()
	return m
}

// deliver expects the next batch and settles it.
func (b *bench) deliver(r Result, want ...string) {
	b.t.Helper()
	got := <-b.cr.batches
	if !slices.Equal(got, want) {
		b.t.Errorf("batch %v, want %v", got, want)
	}
	b.cr.verdict <- r
}

// quiet waits until no worker is left.
func (b *bench) quiet() {
	b.running.Wait()
}

func TestDeliveredLeavesEverything(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: Delivered}, "a")
	b.quiet()
	if got := b.l.all(); got != "D a 0" || len(b.s.done) != 1 || len(b.lanes) != 0 || len(b.entries) != 0 {
		t.Errorf("log %q, done %v, %d lanes, %d entries", got, b.s.done, len(b.lanes), len(b.entries))
	}
}

func TestRetriesDoubleAndExpire(t *testing.T) {
	b := newBench(t)
	b.opt.Expiration = 3 * time.Hour
	refuse := Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "", "later")}
	b.Insert(b.message("a"))
	b.deliver(refuse, "a")
	for _, wait := range []time.Duration{20 * time.Minute, 40 * time.Minute, 80 * time.Minute} {
		b.quiet()
		b.c.advance(wait - time.Second)
		if active, delayed, _, conns := b.Totals(); active+conns != 0 || delayed != 1 {
			t.Fatalf("before %s: %d active, %d delayed, %d connections", wait, active, delayed, conns)
		}
		b.c.advance(time.Second)
		b.deliver(refuse, "a")
	}
	b.quiet()
	b.c.advance(40 * time.Minute) // the last attempt is at expiry
	b.deliver(refuse, "a")
	b.quiet()
	want := "T a 0 451 later\nT a 1 451 later\nT a 2 451 later\nT a 3 451 later\nT a 4 451 later\nP a 4 554 5.4.7 [internal] exceeded max time without delivery"
	if got := b.l.all(); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}

func TestPriorityGoesFirst(t *testing.T) {
	b := newBench(t)
	high := func(m *message.Message) { m.Priority = 1 }
	later := func(m *message.Message) { m.Next = b.c.Now().Add(time.Minute) }
	b.Insert(b.message("first"))
	if got := <-b.cr.batches; got[0] != "first" {
		t.Fatal(got)
	}
	b.Insert(b.message("a"))
	b.Insert(b.message("b", high))
	b.Insert(b.message("delayed", later))
	b.Insert(b.message("delayed-high", later, high))
	b.c.advance(2 * time.Minute)
	b.cr.verdict <- Result{Verdict: Delivered}
	for _, want := range []string{"b", "delayed-high", "a", "delayed"} {
		b.deliver(Result{Verdict: Delivered}, want)
	}
}

func TestOneTransactionForOneContent(t *testing.T) {
	b := newBench(t)
	same := func(m *message.Message) { m.BatchID = "same" }
	b.Insert(b.message("hold"))
	<-b.cr.batches
	for _, id := range []string{"a", "b", "c"} {
		b.Insert(b.message(id, same))
	}
	b.Insert(b.message("edited", same, func(m *message.Message) { m.Content.Header = []byte("X: 1\r\n") }))
	b.Insert(b.message("other"))
	b.cr.verdict <- Result{Verdict: Delivered}
	b.deliver(Result{Verdict: Delivered}, "a", "b", "c")
	b.deliver(Result{Verdict: Delivered}, "edited")
	b.deliver(Result{Verdict: Delivered}, "other")
}

func TestFailureWaitsForItsBounce(t *testing.T) {
	b := newBench(t)
	b.ok = errors.New("spool is full")
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: PermanentFailure, Reply: smtp.NewReply(550, "", "no")}, "a")
	b.quiet()
	if len(b.s.done) != 0 || !strings.Contains(b.l.all(), "bounce could not be queued") {
		t.Fatalf("done %v, log %q", b.s.done, b.l.all())
	}
	b.ok = nil
	b.c.advance(time.Minute)
	b.deliver(Result{Verdict: PermanentFailure, Reply: smtp.NewReply(550, "", "no")}, "a")
	b.quiet()
	if !slices.Equal(b.s.done, []string{"a"}) || !strings.HasSuffix(b.l.all(), "P a 0 550 no") {
		t.Errorf("done %v, log %q", b.s.done, b.l.all())
	}
}

func TestUnreachedBlocksTheLane(t *testing.T) {
	b := newBench(t)
	b.opt.MaxConnections = 5
	b.Insert(b.message("a"))
	if got := <-b.cr.batches; got[0] != "a" {
		t.Fatal(got)
	}
	b.Insert(b.message("b"))
	b.cr.verdict <- Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "4.4.1", "[internal] No valid hosts (unable to make any connections)"), Unreached: true}
	b.quiet()
	if active, delayed, _, conns := b.Totals(); active != 1 || delayed != 1 || conns != 0 {
		t.Fatalf("%d active, %d delayed, %d connections", active, delayed, conns)
	}
	b.c.advance(2 * time.Minute)
	b.deliver(Result{Verdict: Delivered}, "b")
}

func TestSuspendedAndResumed(t *testing.T) {
	b := newBench(t)
	b.opt.Suspend = true
	b.Insert(b.message("a"))
	if active, _, _, conns := b.Totals(); active != 1 || conns != 0 {
		t.Fatalf("%d active, %d connections", active, conns)
	}
	b.opt.Suspend = false
	b.Reconfigured()
	b.deliver(Result{Verdict: Delivered}, "a")
}

func TestIdleConnectionTakesNewMail(t *testing.T) {
	b := newBench(t)
	b.cr.idle = 5 * time.Second
	b.Insert(b.message("a"))
	b.deliver(Result{Verdict: Delivered}, "a")
	for {
		b.mu.Lock()
		waiting := len(b.lanes) == 1 && len(b.lanes[Lane{"default", "default", "example.com"}].idle) == 1
		b.mu.Unlock()
		if waiting {
			break
		}
	}
	b.Insert(b.message("b"))
	b.deliver(Result{Verdict: Delivered}, "b")
	if _, _, _, conns := b.Totals(); conns != 1 {
		t.Errorf("%d connections, want the one", conns)
	}
	go b.c.advance(time.Minute)
	for _, _, _, conns := b.Totals(); conns != 0; _, _, _, conns = b.Totals() {
		b.c.advance(time.Second)
	}
}

func TestThrottle(t *testing.T) {
	b := newBench(t)
	b.cr.idle = time.Hour
	b.opt.Messages = throttle.New(option.Throttle{Count: 1, Seconds: 10})
	b.Insert(b.message("a"))
	b.Insert(b.message("b"))
	b.deliver(Result{Verdict: Delivered}, "a")
	for {
		b.mu.Lock()
		waiting := len(b.lanes[Lane{"default", "default", "example.com"}].idle) == 1
		b.mu.Unlock()
		if waiting {
			break
		}
	}
	b.c.advance(10 * time.Second)
	b.deliver(Result{Verdict: Delivered}, "b")
}

func TestStateSurvivesARestart(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("a", func(m *message.Message) { m.Priority = 1 }))
	b.deliver(Result{Verdict: TransientFailure, Reply: smtp.NewReply(451, "", "later")}, "a")
	b.quiet()
	b.Stop(context.Background())
	again := newBench(t)
	again.c.now = b.c.Now()
	again.s.meta = b.s.meta
	if err := again.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	e := again.entries["a"]
	if e == nil || e.retries != 1 || !e.high || e.due != b.c.Now().Add(20*time.Minute).UnixMilli() {
		t.Fatalf("entry %+v", e)
	}
	m, err := again.read("a")
	if err != nil || m.LastReply != "451 later" {
		t.Errorf("%+v %v", m, err)
	}
}

func TestDamagedMetadataIsSetAside(t *testing.T) {
	b := newBench(t)
	b.s.meta["bad"] = []byte{0xff, 0xff}
	b.message("good")
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.deliver(Result{Verdict: Delivered}, "good")
	b.quiet()
	if _, _, damaged, _ := b.Totals(); damaged != 1 || b.s.meta["bad"] == nil {
		t.Errorf("%d damaged, spool %v", damaged, b.s.meta)
	}
}

func TestBackoff(t *testing.T) {
	o := &Options{RetryInterval: 20 * time.Minute, MaxRetryInterval: 12 * time.Hour}
	for retries, want := range map[int]time.Duration{0: 20 * time.Minute, 1: 40 * time.Minute, 5: 640 * time.Minute, 6: 12 * time.Hour, 60: 12 * time.Hour} {
		if got := backoff(o, retries); got != want {
			t.Errorf("after %d retries %s, want %s", retries, got, want)
		}
	}
}

func TestStopCutsOffAtItsDeadline(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("a"))
	<-b.cr.batches
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	go func() { <-b.hard.Done(); b.cr.verdict <- Result{Verdict: NotAttempted} }()
	b.Stop(ctx)
	if len(b.s.done) != 0 || b.l.all() != "" {
		t.Errorf("done %v, log %q", b.s.done, b.l.all())
	}
}
