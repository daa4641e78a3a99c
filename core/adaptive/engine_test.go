package adaptive

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	rules "github.com/mtad/mtad/sdk/adaptive"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// clock is a clock that the test moves; due timers run in Advance.
type clock struct {
	now    time.Time
	timers []*timer
}

type timer struct {
	at   time.Time
	f    func()
	done bool
}

func (t *timer) Stop() bool { was := !t.done; t.done = true; return was }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) AfterFunc(d time.Duration, f func()) queue.Timer {
	t := &timer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return t
}

func (c *clock) advance(d time.Duration) {
	end := c.now.Add(d)
	for {
		var next *timer
		for _, t := range c.timers {
			if !t.done && !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			return
		}
		next.done, c.now = true, next.at
		next.f()
	}
}

// bench is an engine with what it was told and what it did.
type bench struct {
	*Engine
	t      *testing.T
	c      *clock
	base   Base
	module Module
	store  Store

	mu      sync.Mutex
	events  []string
	alerts  []string
	changed int
}

var lane = queue.Lane{Group: "default", Binding: "default", Domain: "example.com"}

func newBench(t *testing.T, text string, change ...func(*bench)) *bench {
	b := &bench{t: t, c: &clock{now: time.Unix(1_700_000_000, 0)}}
	var o Options
	option.Decode(&option.Scope{}, &o)
	option.Decode(&option.Scope{}, &b.module)
	var q queue.Options
	option.Decode(&option.Scope{}, &q)
	o.Enabled = true
	b.base = Base{Queue: &q, Delivery: delivery.Defaults(), Options: &o, Sweeps: Defaults(nil)}
	for _, f := range change {
		f(b)
	}
	b.Engine = New(Config{
		Clock: b.c, Base: func(queue.Lane) Base { return b.base }, Changed: func(queue.Lane) { b.changed++ },
		Classify: func(reply string) int {
			if strings.Contains(reply, "no such user") {
				return 10
			}
			return 20
		},
		Tell:    func(e Event) { b.events = append(b.events, e.Text) },
		Alert:   func(e Event, _ *Options) { b.alerts = append(b.alerts, e.Kind) },
		Problem: func(text string) { b.events = append(b.events, "problem: "+text) },
	})
	r, err := rules.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b.Use(NewSettings(b.module, b.store, r))
	b.Start()
	t.Cleanup(b.Stop)
	return b
}

func (b *bench) fails(reply string) queue.Result {
	b.t.Helper()
	r, ok := smtp.ParseReply(reply)
	if !ok {
		b.t.Fatal(reply)
	}
	verdict := queue.TransientFailure
	if r.Permanent() {
		verdict = queue.PermanentFailure
	}
	return b.Outcome(lane, queue.Result{Verdict: verdict, Reply: r})
}

func (b *bench) delivers() { b.Outcome(lane, queue.Result{Verdict: queue.Delivered}) }

// wantLast checks the last event.
func (b *bench) wantLast(text string) {
	b.t.Helper()
	if len(b.events) == 0 || !strings.Contains(b.events[len(b.events)-1], text) {
		b.t.Errorf("events %q, want the last with %q", b.events, text)
	}
}

func one(action string, more ...string) string {
	return `{"example.com": {"responses": [{"code": "^4\\d\\d bad", "action": ` + action + `}]` + strings.Join(more, "") + `}}`
}

func TestSuspends(t *testing.T) {
	b := newBench(t, one(`["suspend", "15 minutes"]`), func(b *bench) { b.base.Options.AlertTo = []string{"ops@example.org"} })
	b.fails("450 good")
	if b.Shape(lane).Queue.Suspend || len(b.events) > 0 {
		t.Fatal("another reply suspends")
	}
	b.fails("450 bad thing")
	q := b.Shape(lane).Queue
	if !q.Suspend || q.Hold == nil || q.Hold.By == "" || !q.Hold.Until.Equal(b.c.now.Add(15*time.Minute)) || !strings.Contains(q.Hold.Why, `"450 bad thing"`) {
		t.Fatalf("%+v", q.Hold)
	}
	b.wantLast("suspension for 15m0s")
	b.c.advance(5 * time.Minute)
	b.fails("450 bad thing") // it is not made longer
	if q := b.Shape(lane).Queue; !q.Hold.Until.Equal(b.c.now.Add(10 * time.Minute)) {
		t.Error(q.Hold.Until)
	}
	before := b.changed
	b.c.advance(11 * time.Minute)
	if b.changed == before || b.Shape(lane).Queue.Suspend {
		t.Error("the suspension does not end")
	}
	if fmt.Sprint(b.alerts) != "[suspension]" {
		t.Error(b.alerts)
	}
}

func TestTriggerCounts(t *testing.T) {
	b := newBench(t, `{"*": {"responses": [{"code": "bad", "trigger": "2/10", "action": ["suspend", "1 hours"]}]}}`)
	for range 3 {
		b.fails("450 bad")
		b.c.advance(6 * time.Second)
	}
	if len(b.events) != 0 {
		t.Fatal("three in eighteen seconds are not more than two in ten")
	}
	b.fails("450 bad")
	b.fails("450 bad")
	b.wantLast("suspension")
}

func TestThrottlesAndRaises(t *testing.T) {
	b := newBench(t, one(`["throttle", "down", "reduce_connections", 2]`), func(b *bench) {
		b.base.Rate = option.Throttle{Count: 1000, Seconds: 3600}
		b.base.Options.Connections = []string{"30", "40"}
		b.base.Options.AdjustEvery = 0
	})
	b.fails("421 bad")
	s := b.Shape(lane)
	if s.Queue.MaxConnections != 30 || s.Queue.Messages == nil {
		t.Fatalf("%d connections", s.Queue.MaxConnections)
	}
	b.fails("421 bad")
	if v := b.Values(Selection{}); len(v) != 2 || v[0].Value != 30 || v[1].Value != 640 || v[1].Initial != 1000 {
		t.Fatalf("%+v", v)
	}
	if b.Shape(lane) == s || b.Shape(lane).Queue.Messages == s.Queue.Messages {
		t.Error("the options are those from before")
	}
	b.delivers()
	if v := b.Values(Selection{}); v[1].Value != 640 {
		t.Error("it rises at once")
	}
	for range 20 {
		b.c.advance(time.Hour)
		b.delivers()
	}
	if v := b.Values(Selection{}); len(v) != 0 {
		t.Errorf("it does not rise again: %+v", v)
	}
	if b.Shape(lane).Queue.MaxConnections != 32 {
		t.Error("not the configured value")
	}
}

func TestNothingToLower(t *testing.T) {
	b := newBench(t, one(`["throttle", "down"]`))
	b.fails("421 bad")
	b.wantLast("outbound_throttle_messages is not set")
	if b.Shape(lane).Queue.Messages != nil {
		t.Error("a limit comes from nowhere")
	}
}

func TestAdjustmentsAreSpaced(t *testing.T) {
	b := newBench(t, one(`["reduce_connections", 1]`))
	for range 5 {
		b.fails("421 bad")
	}
	if got := b.Shape(lane).Queue.MaxConnections; got != 31 {
		t.Error(got)
	}
	b.c.advance(time.Minute)
	b.fails("421 bad")
	if got := b.Shape(lane).Queue.MaxConnections; got != 30 {
		t.Error(got)
	}
}

func TestTranscodes(t *testing.T) {
	b := newBench(t, `{"example.com": {"responses": [
		{"code": "reputation", "action": ["transcode", "451 4.7.1 later"]},
		{"code": "gone", "action": ["transcode", "554"]},
		{"code": "internal", "action": ["transcode", "451 no"]}]}}`)
	for in, want := range map[string]string{
		"550 5.7.1 reputation": "451 4.7.1 later", "451 4.2.1 gone away": "554 4.2.1 gone away", "550 5.4.4 [internal] no": "550 5.4.4 [internal] no",
		"450 else": "450 else",
	} {
		got := b.fails(in)
		if got.Reply.String() != want || (got.Verdict == queue.PermanentFailure) != (want[0] == '5') {
			t.Errorf("%s becomes %s, %v", in, got.Reply, got.Verdict)
		}
	}
}

func TestGreylistingAndConfiguration(t *testing.T) {
	b := newBench(t, one(`["greylisted", "5 minutes"]`, `, "configuration": {"max_deliveries_per_connection": 7, "retry_interval": [60, 3600]}`))
	if s := b.Shape(lane); s.Delivery.MaxDeliveries != 7 || s.Queue.RetryInterval != 20*time.Minute {
		t.Errorf("%d %s", s.Delivery.MaxDeliveries, s.Queue.RetryInterval)
	}
	b.fails("451 bad")
	if s := b.Shape(lane); s.Queue.RetryInterval != 5*time.Minute || s.Queue.MaxRetryInterval != 12*time.Hour {
		t.Errorf("%s %s", s.Queue.RetryInterval, s.Queue.MaxRetryInterval)
	}
}

func TestBlackholes(t *testing.T) {
	b := newBench(t, one(`["blackhole", "1 minutes"]`))
	b.fails("451 bad")
	if b.Blackholed(lane) == nil || b.Shape(lane).Queue.Suspend {
		t.Error("not discarded")
	}
	b.c.advance(2 * time.Minute)
	if b.Blackholed(lane) != nil {
		t.Error("still discarded")
	}
}

func TestSweepRules(t *testing.T) {
	for share, want := range map[int]string{1: "", 4: "outbound_throttle_messages 3600 -> 2880: sweep rule", 30: "suspension for 4h0m0s: sweep rule"} {
		b := newBench(t, `{}`, func(b *bench) {
			b.base.Options.Attempts = 100
			b.base.Rate = option.Throttle{Count: 1, Seconds: 1}
			b.module.BounceSweep = 30 * time.Minute
		})
		for i := range 200 {
			if i < share*2 {
				b.fails("550 no such user")
			} else {
				b.delivers()
			}
		}
		if s := b.Sweeps(lane); s[0].Count != int64(2*share) || s[0].Total != 200 {
			t.Errorf("%+v", s)
		}
		b.c.advance(31 * time.Minute)
		if got := strings.Join(b.events, "\n"); (want == "") != (got == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%d%%: %q", share, got)
		}
	}
}

func TestOffDoesNothing(t *testing.T) {
	b := newBench(t, one(`["suspend", "1 hours"]`), func(b *bench) { b.base.Options.Enabled = false })
	b.fails("450 bad")
	if s := b.Shape(lane); s.Queue != b.base.Queue || len(b.events)+len(b.Suspensions(Selection{})) > 0 {
		t.Error("adaptive_enabled = false does something")
	}
	b.base.Options.Enabled = true
	b.Use(nil)
	b.fails("450 bad")
	if s := b.Shape(lane); s.Queue != b.base.Queue || len(b.events) > 0 {
		t.Error("it does something without an adaptive scope")
	}
}

func TestOverrideAndReset(t *testing.T) {
	b := newBench(t, one(`["reduce_connections", 1, "suspend", "1 hours"]`))
	b.fails("450 bad")
	other := Selection{Domains: []string{"example.org"}}
	disable := func(s *Suspension) { s.Disabled = true }
	if b.Override(other, disable) != 0 || b.Override(Selection{Domains: []string{"example.com"}}, disable) != 1 || b.Shape(lane).Queue.Suspend {
		t.Error("not lifted")
	}
	if b.Override(Selection{}, func(s *Suspension) { s.Disabled, s.Until = false, b.c.now.Add(10*time.Second) }); !b.Shape(lane).Queue.Suspend {
		t.Error("not in force again")
	}
	b.c.advance(11 * time.Second)
	if b.Shape(lane).Queue.Suspend {
		t.Error("the new time does not count")
	}
	if b.Reset(other) != 0 || b.Reset(Selection{}) != 1 || b.Shape(lane).Queue.MaxConnections != 32 {
		t.Error("not reset")
	}
}

func TestStateOutlastsARestart(t *testing.T) {
	dir := t.TempDir()
	keep := func(b *bench) { b.store.Path = dir }
	b := newBench(t, one(`["reduce_connections", 4, "suspend", "1 hours"]`), keep)
	b.fails("450 bad")
	b.SetAge("default", 48*time.Hour)
	b.Stop()
	again := newBench(t, `{}`, keep)
	s := again.Shape(lane)
	if !s.Queue.Suspend || s.Queue.MaxConnections != 28 || again.Ages()["default"] != 48*time.Hour || len(again.events) > 0 {
		t.Errorf("%+v %v %q", s.Queue, again.Ages(), again.events)
	}
	again.c.advance(2 * time.Hour)
	if again.Shape(lane).Queue.Suspend {
		t.Error("it does not end")
	}
}

func TestIdleLanesAreForgotten(t *testing.T) {
	b := newBench(t, `{}`, func(b *bench) { b.module.CacheSize = 1 })
	b.delivers()
	other := queue.Lane{Binding: "default", Domain: "example.org"}
	b.Outcome(other, queue.Result{Verdict: queue.Delivered})
	if len(b.lanes) != 1 {
		t.Errorf("%d lanes, adaptive_cache_size is 1", len(b.lanes))
	}
	b.c.advance(13 * time.Hour)
	if len(b.lanes) != 0 {
		t.Error("an idle lane is kept")
	}
}

func TestChecks(t *testing.T) {
	text := func(s string) option.Value { return option.Value{Kind: option.KindString, Text: s} }
	list := func(words ...string) option.Value {
		v := option.Value{Kind: option.KindList}
		for _, w := range words {
			v.List = append(v.List, text(w))
		}
		return v
	}
	scope := func(name string, v option.Value) *option.Scope {
		return &option.Scope{Attrs: []option.Attr{{Name: name, Value: v}}}
	}
	for _, bad := range []*option.Scope{scope("adaptive_default_suspension", text("4 years")), scope("adaptive_retry_interval", list("5")), scope("adaptive_retry_interval", list("9", "1"))} {
		if CheckOptions(bad) == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	for _, bad := range []*option.Scope{scope("codes", list("10x")), scope("high_action", list("explode")), scope("low_action", list("transcode", "451 x"))} {
		if CheckSweep(bad) == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	if bad := CheckSweep(scope("codes", list("bc:10", "fbl:abuse"))); bad != nil {
		t.Error(bad)
	}
}
