package alerting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func text(s string) option.Value { return option.Value{Kind: option.KindString, Text: s} }

func attr(name, value string) option.Attr { return option.Attr{Name: name, Value: text(value)} }

// scope is an alerting scope with one rule.
func scope(rule ...option.Attr) option.Scope {
	return option.Scope{
		Name: "alerting", Attrs: []option.Attr{attr("alerting_cache_ttl", "600"), attr("recovery", "60"), attr("max_alerts_per_hour", "10")},
		Scopes: []option.Scope{{Name: "rule", Instance: "r", Pos: option.Pos{File: "m.conf", Line: 9, Column: 3}, Attrs: rule}},
	}
}

// figures is a Host whose counters and metrics are what a test says.
type figures struct {
	sdktest.Host
	value int64
	err   error
	asked string
}

func (f *figures) Counter(_ context.Context, op sdk.CounterOp) (int64, error) {
	f.asked = op.Path
	return f.value, f.err
}

func (f *figures) Traffic(_ context.Context, q *sdk.TrafficQuery) (int64, error) {
	f.asked = fmt.Sprint(*q)
	return f.value, f.err
}

// bench is a module with a rule, and a clock that a test moves.
type bench struct {
	*testing.T
	*module
	host *figures
	at   time.Time
}

// fixture prepares and commits a configuration. Nothing ticks by itself.
func fixture(t *testing.T, s option.Scope) *bench {
	t.Helper()
	b := &bench{T: t, host: &figures{}, at: time.Unix(6000, 0)}
	b.module = New(func() time.Time { return b.at }).(*module)
	b.after = func(time.Duration) <-chan time.Time { return nil }
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	b.load(1, s)
	return b
}

func (b *bench) load(generation uint64, s option.Scope) {
	b.Helper()
	if _, err := b.Prepare(context.Background(), b.host, sdk.Config{Generation: generation, Hostname: "mx.example.com", Scopes: []option.Scope{s}}); err != nil {
		b.Fatal(err)
	}
	b.Commit(generation)
}

// event is a failure for good of a message to a recipient.
func (b *bench) event(note, recipient string, context ...sdk.Pair) {
	b.Helper()
	msg := &sdk.Message{Recipient: "x@example.org", Binding: "fast", Context: context}
	if recipient != "" {
		msg.Recipient = smtp.Address(recipient)
	}
	call := &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.CoreLogPermanentFailure, Line: note}}, State: &sdk.State{Copies: []*sdk.Message{msg}}}
	if _, err := b.Call(b.Context(), call); err != nil {
		b.Fatal(err)
	}
}

// pass lets time go by, and the rules look.
func (b *bench) pass(d time.Duration) {
	b.at = b.at.Add(d)
	b.check(b.Context())
}

// heard are the notices of the paniclog since the last time, the parts between
// "alert " and ":".
func (b *bench) heard() string {
	var kinds []string
	for _, r := range b.host.Logs() {
		if rest, is := strings.CutPrefix(r.Text, "alert "); is {
			kind, _, _ := strings.Cut(rest, ":")
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, " ")
}

func (b *bench) wants(want, when string) {
	b.Helper()
	if got := b.heard(); got != want {
		b.Errorf("%s: %q, want %q", when, got, want)
	}
}

func TestEventsRaiseOnceAndRecover(t *testing.T) {
	b := fixture(t, scope(attr("event", "permanent_failure"), attr("pattern", "^550"), attr("count", "3"), attr("window", "60")))
	b.event("550 a", "")
	b.event("421 not counted", "")
	b.pass(2 * time.Minute)
	b.event("550 b", "")
	b.event("550 c", "")
	b.wants("", "three events in more than the window")
	b.event("550 d", "")
	b.wants("raised", "three in the window")
	for range 9 {
		b.event("550 e", "")
	}
	b.wants("raised", "nine more")
	for range 22 {
		b.pass(30 * time.Second)
		b.event("550 f", "")
		b.event("550 f", "")
		b.event("550 f", "")
	}
	b.wants("raised ongoing", "it lasts longer than the ttl")
	b.pass(59 * time.Second)
	b.wants("raised ongoing", "it still holds")
	b.pass(30 * time.Second)
	b.wants("raised ongoing", "it was away for half of recovery")
	b.pass(40 * time.Second)
	b.wants("raised ongoing recovered", "it was away for longer")
	b.pass(time.Hour)
	b.wants("raised ongoing recovered", "an hour later")
}

func TestFlappingIsNoStorm(t *testing.T) {
	b := fixture(t, scope(attr("event", "permanent_failure"), attr("window", "10")))
	for range 20 {
		b.event("550", "")
		b.pass(90 * time.Second)
		b.pass(90 * time.Second)
	}
	if n := strings.Count(b.heard(), "raised"); n < 4 || n > 7 {
		t.Errorf("%d alerts in an hour, with a ttl of ten minutes: %s", n, b.heard())
	}
	if strings.Count(b.heard(), "recovered") != strings.Count(b.heard(), "raised") {
		t.Errorf("who heard of an alert hears of its end: %s", b.heard())
	}
}

func TestEachDomainCountsByItself(t *testing.T) {
	b := fixture(t, scope(attr("event", "permanent_failure"), attr("per", "domain"), attr("count", "2")))
	b.event("550", "a@one.test")
	b.event("550", "a@two.test")
	b.wants("", "one each")
	b.event("550", "b@TWO.test")
	b.wants("raised", "two at one of them")
	if s := b.show(); !strings.Contains(s, "two.test: now 2, raised") || !strings.Contains(s, "one.test: now 1\n") {
		t.Errorf("console:\n%s", s)
	}
	b.event("550", "c@two.test", sdk.Pair{Key: markOfAlerts, Value: "1"})
	if s := b.show(); !strings.Contains(s, "two.test: now 2,") {
		t.Errorf("alert mail was counted:\n%s", s)
	}
	for i := range 3 * maxStates {
		b.event("550", fmt.Sprintf("a@d%d.test", i))
	}
	if n := len(b.current.rules[0].states); n > maxStates+1 {
		t.Errorf("%d domains are known", n)
	}
	// The limit of an hour holds whatever there is.
	for i := range maxStates / 2 {
		b.event("550", fmt.Sprintf("a@d%d.test", i))
	}
	if n := strings.Count(b.heard(), "raised"); n != 10 {
		t.Errorf("%d alerts within an hour", n)
	}
	if s := b.show(); !strings.Contains(s, "10 alerts in an hour of at most 10, 49") {
		t.Errorf("console:\n%s", s[strings.LastIndex(s, "\n1"):])
	}
	b.pass(10 * time.Minute)
	b.pass(2 * time.Minute)
	if n := len(b.current.rules[0].states); n > 1 {
		t.Errorf("%d domains are known long after", n)
	}
}

func TestFiguresRaise(t *testing.T) {
	t.Run("level", func(t *testing.T) {
		b := fixture(t, scope(attr("metric", "queue_delayed_messages"), attr("above", "10"), attr("window", "100")))
		for _, v := range []int64{11, 11, 10, 11} {
			b.host.value = v
			b.pass(50 * time.Second)
		}
		b.wants("", "never for the whole window")
		b.pass(50 * time.Second)
		b.pass(50 * time.Second)
		b.wants("raised", "for the whole window")
		if b.host.asked != "metric:queue_delayed_messages" {
			t.Errorf("asked for %s", b.host.asked)
		}
	})
	t.Run("growth", func(t *testing.T) {
		b := fixture(t, scope(attr("metric", `rejections_total{code="4*"}`), attr("above", "5"), attr("window", "60")))
		b.host.value = 1000 // what was before does not count
		b.pass(10 * time.Second)
		b.host.value = 1005
		b.pass(10 * time.Second)
		b.wants("", "five more")
		b.host.value = 2 // the server was restarted
		b.pass(10 * time.Second)
		b.host.value = 3
		b.pass(10 * time.Second)
		b.wants("raised", "six more")
	})
	t.Run("below", func(t *testing.T) {
		b := fixture(t, scope(attr("metric", "ready"), attr("below", "1"), attr("window", "1")))
		b.pass(time.Second)
		b.pass(time.Second)
		b.wants("raised", "it is not ready")
	})
	t.Run("counter", func(t *testing.T) {
		b := fixture(t, scope(attr("counter", "my/counter"), attr("above", "0")))
		b.pass(time.Second)
		b.host.value = 1
		b.pass(time.Second)
		b.wants("raised", "a script counted")
	})
	t.Run("audit", func(t *testing.T) {
		b := fixture(t, scope(attr("audit", "rejections"), attr("above", "3"), attr("network", "192.0.2.0/24")))
		b.host.value = 4
		b.pass(time.Second)
		b.wants("raised", "inbound_audit says so")
		if b.host.asked != "{2 300,6 192.0.2.0/24 0 5}" {
			t.Errorf("asked for %s", b.host.asked)
		}
	})
}

func TestUnreadableFigureIsSaidOnce(t *testing.T) {
	b := fixture(t, scope(attr("metric", "nothing"), attr("above", "1")))
	b.host.err = errors.New("no such metric")
	b.pass(time.Second)
	b.pass(time.Second)
	if logs := b.host.Logs(); len(logs) != 1 || !strings.Contains(logs[0].Text, `rule "r": no such metric`) {
		t.Errorf("%v", logs)
	}
	if s := b.show(); !strings.Contains(s, "cannot be read: no such metric") {
		t.Errorf("console:\n%s", s)
	}
}

func TestReloadKeepsWhatIsRaised(t *testing.T) {
	s := scope(attr("event", "permanent_failure"))
	b := fixture(t, s)
	b.event("550", "")
	b.load(2, s)
	b.event("550", "") // of the generation before
	b.Retire(1)
	b.pass(time.Minute)
	b.wants("raised", "the reload")
	b.pass(10 * time.Minute)
	b.wants("raised recovered", "the end")
}

func TestSilenceAndTest(t *testing.T) {
	b := fixture(t, scope(attr("event", "permanent_failure")))
	control := func(words ...string) string {
		out, err := b.Control(b.Context(), append([]string{"alerting"}, words...))
		if err != nil {
			return err.Error()
		}
		return out
	}
	for want, words := range map[string][]string{
		"Rule r is silent until 1970-01-01T01:41:40Z.\n": {"silence", "r", "100"}, `there is no rule "x"`: {"silence", "x", "1"},
		"seconds must be from 0 to 604800": {"silence", "r", "-1"}, errUsage.Error(): {"dance"},
		"A test notice goes to 0 targets and the paniclog.\n": {"test"},
	} {
		if got := control(words...); got != want {
			t.Errorf("%v: %q, want %q", words, got, want)
		}
	}
	b.wants("test", "the test")
	b.event("550", "")
	b.wants("test", "a silent rule")
	if s := control(); !strings.Contains(s, "silent until") || !strings.Contains(s, "nobody told") {
		t.Errorf("console:\n%s", s)
	}
	b.pass(101 * time.Second)
	b.event("550", "")
	b.wants("test raised", "the silence is over")
}

func TestBadConfigurationNamesItsPlace(t *testing.T) {
	webhook := func(attrs ...option.Attr) option.Scope {
		return option.Scope{Name: "alerting", Scopes: []option.Scope{{Name: "webhook", Instance: "w", Pos: option.Pos{File: "m.conf", Line: 9}, Attrs: attrs}}}
	}
	syslog := func(url string) option.Scope {
		return option.Scope{Name: "alerting", Scopes: []option.Scope{{Name: "syslog", Instance: "s", Pos: option.Pos{File: "m.conf", Line: 9}, Attrs: []option.Attr{attr("url", url)}}}}
	}
	for want, s := range map[string]option.Scope{
		"needs one of event":          scope(),
		"needs one of event, metric":  scope(attr("event", "rejection"), attr("metric", "x")),
		"pattern":                     scope(attr("event", "rejection"), attr("pattern", "(")),
		"count must be":               scope(attr("event", "rejection"), attr("count", "0")),
		"event":                       scope(attr("event", "rejections")),
		"needs one of above and":      scope(attr("metric", "x")),
		"not above or below":          scope(attr("event", "rejection"), attr("above", "1")),
		"window must be":              scope(attr("event", "rejection"), attr("window", "0")),
		"pattern and per go":          scope(attr("metric", "x"), attr("above", "1"), attr("per", "domain")),
		"network: ":                   scope(attr("audit", "sessions"), attr("above", "1"), attr("network", "here")),
		"url must be https":           webhook(attr("url", "ftp://x")),
		"https only":                  webhook(attr("url", "http://192.0.2.1/"), attr("secret", "x")),
		"timeout must be":             webhook(attr("url", "https://x"), attr("timeout", "0")),
		"retries must be":             webhook(attr("url", "https://x"), attr("retries", "11")),
		"no such file":                webhook(attr("url", "https://x"), attr("ca_file", "/nowhere/ca.pem")),
		"url must be unix":            syslog("udp://host"),
		"must be unix:///path":        syslog("gopher://host:1"),
		"check_interval must be":      {Name: "alerting", Attrs: []option.Attr{attr("check_interval", "0")}},
		"max_alerts_per_hour must be": {Name: "alerting", Attrs: []option.Attr{attr("max_alerts_per_hour", "0")}},
	} {
		m := New(time.Now)
		_, err := m.Prepare(context.Background(), &sdktest.Host{}, sdk.Config{Generation: 1, Scopes: []option.Scope{s}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestEmptyScopeIsValid(t *testing.T) {
	m := New(time.Now)
	sub, err := m.Prepare(context.Background(), &sdktest.Host{}, sdk.Config{Generation: 1, Scopes: []option.Scope{{Name: "alerting"}}})
	if err != nil || sub.Hooks != 0 || len(sub.Controls) != 1 {
		t.Errorf("%v %v", sub, err)
	}
}

func TestMemoryOfWhatWasSentIsBounded(t *testing.T) {
	s := &sent{ttl: time.Hour, most: 3, perHour: 5, at: map[string]time.Time{}}
	for i := range 10 {
		key, now := string(rune('a'+i)), time.Unix(int64(i), 0)
		if !s.fresh(key, now) || s.room(now) != (i < 5) {
			t.Errorf("%s", key)
		}
		s.remember(key, now)
	}
	if len(s.at) != 3 || s.fresh("j", time.Unix(11, 0)) || !s.room(time.Unix(4000, 0)) {
		t.Errorf("%d kept", len(s.at))
	}
}
