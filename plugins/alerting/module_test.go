package alerting

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// host keeps what is injected and logged.
type host struct {
	sdk.Host
	mails []*sdk.Injection
	logs  []string
}

func (h *host) Log(r sdk.LogRecord) { h.logs = append(h.logs, r.Text) }
func (h *host) Inject(_ context.Context, in *sdk.Injection) ([]string, error) {
	h.mails = append(h.mails, in)
	return []string{"id"}, nil
}

func text(s string) option.Value { return option.Value{Kind: option.KindString, Text: s} }

func config(rule ...option.Attr) sdk.Config {
	return sdk.Config{Generation: 1, Hostname: "mx.example.com", Scopes: []option.Scope{{
		Name: "alerting", Attrs: []option.Attr{{Name: "to", Value: text("ops@example.com")}, {Name: "alerting_cache_ttl", Value: text("600")}},
		Scopes: []option.Scope{{Name: "rule", Instance: "failures", Pos: option.Pos{File: "m.conf", Line: 9, Column: 3}, Attrs: rule}},
	}}}
}

func event(t *testing.T, m sdk.Module, note string) {
	t.Helper()
	_, err := m.Call(context.Background(), &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.CoreLogPermanentFailure, Line: note}}, State: &sdk.State{}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRuleRaisesOnceInAWhile(t *testing.T) {
	now := time.Unix(1000, 0)
	m, h := New(func() time.Time { return now }), &host{}
	sub, err := m.Prepare(context.Background(), h, config(
		option.Attr{Name: "event", Value: text("permanent_failure")}, option.Attr{Name: "pattern", Value: text("^550")},
		option.Attr{Name: "count", Value: text("3")}, option.Attr{Name: "window", Value: text("60")}))
	if err != nil || !sub.Hooks.Has(sdk.CoreLogPermanentFailure) {
		t.Fatalf("%v %v", sub, err)
	}
	m.Commit(1)
	event(t, m, "550 a")
	event(t, m, "421 not counted")
	now = now.Add(2 * time.Minute)
	event(t, m, "550 b")
	event(t, m, "550 c")
	if len(h.mails) != 0 {
		t.Fatal("three events in more than the window raised an alert")
	}
	event(t, m, "550 d")
	if len(h.mails) != 1 {
		t.Fatalf("%d mails", len(h.mails))
	}
	in := h.mails[0]
	if in.Recipients[0] != "ops@example.com" || in.Sender != "postmaster@mx.example.com" || !strings.Contains(string(in.Body.Inline), "550 d") {
		t.Errorf("mail %+v", in)
	}
	for range 9 {
		event(t, m, "550 e")
	}
	if len(h.mails) != 1 {
		t.Error("the alert was repeated within its ttl")
	}
	now = now.Add(11 * time.Minute)
	for range 3 {
		event(t, m, "550 f")
	}
	if len(h.mails) != 2 {
		t.Errorf("%d mails after the ttl, want 2", len(h.mails))
	}
}

func TestBadRulesNameTheirPlace(t *testing.T) {
	for want, attrs := range map[string][]option.Attr{
		"needs an event": {},
		"pattern":        {{Name: "event", Value: text("rejection")}, {Name: "pattern", Value: text("(")}},
		"count must be":  {{Name: "event", Value: text("rejection")}, {Name: "count", Value: text("0")}},
		"event":          {{Name: "event", Value: text("rejections")}},
	} {
		_, err := New(time.Now).Prepare(context.Background(), &host{}, config(attrs...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestEmptyScopeIsValid(t *testing.T) {
	sub, err := New(time.Now).Prepare(context.Background(), &host{}, sdk.Config{Generation: 1, Scopes: []option.Scope{{Name: "alerting"}}})
	if err != nil || sub.Hooks != 0 {
		t.Errorf("%v %v", sub, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := &sent{ttl: time.Hour, most: 3, at: map[string]time.Time{}}
	for i := range 10 {
		if !s.first(string(rune('a'+i)), time.Unix(int64(i), 0)) {
			t.Fatal("a new key was taken for an old one")
		}
	}
	if len(s.at) != 3 || s.first("j", time.Unix(11, 0)) {
		t.Errorf("%d kept", len(s.at))
	}
}
