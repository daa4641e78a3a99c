package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/rpc"
	"github.com/mtad/mtad/sdk/sdktest"
	"github.com/mtad/mtad/sdk/smtp"
)

// rig is the module behind the streams that it has in earnest, with a clock
// that stands still.
type rig struct {
	*rpc.Client
	clock time.Time
}

func newRig(t *testing.T, pairs ...any) *rig {
	t.Helper()
	r := &rig{clock: sdktest.Created()}
	host := &sdktest.Host{}
	client, stop, err := rpc.Pipe(newModule(func() time.Time { return r.clock }), host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	r.Client = client
	sub := sdktest.Start(t, client, host, sdktest.Scope("greylist", "x", pairs...))
	if !sub.Hooks.Has(sdk.ValidateRcptTo) || len(host.Logs()) != 1 {
		t.Errorf("subscribed to %v, logged %v", sub.Hooks.List(), host.Logs())
	}
	return r
}

// rcpt makes one attempt, for one recipient or several in a pipeline.
func (r *rig) rcpt(t *testing.T, peer string, recipients ...smtp.Address) *sdk.Answer {
	t.Helper()
	c := sdktest.Call(sdktest.Session(peer).Mail("a@example.org").State())
	for _, addr := range recipients {
		c.Phases = append(c.Phases, sdk.Phase{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:" + addr.Path() + "\r\n", Address: addr})
	}
	a, err := r.Call(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGreylisting(t *testing.T) {
	r := newRig(t, "delay", 60, "expire", 1000, "exempt", []string{"203.0.113.0/24"}, "text", "later")
	steps := []struct {
		name  string
		after time.Duration // since the step before
		peer  string
		rcpt  smtp.Address
		code  int // 0: passes
	}{
		{"first", 0, "192.0.2.1:1000", "b@example.com", 451},
		{"too soon", 59 * time.Second, "192.0.2.1:1001", "b@example.com", 451},
		{"from the same network", time.Second, "192.0.2.77:1000", "b@example.com", 0},
		{"another recipient", 0, "192.0.2.1:1000", "c@example.com", 451},
		{"another network", 0, "192.0.3.1:1000", "b@example.com", 451},
		{"IPv6", 0, "[2001:db8::1]:25", "b@example.com", 451},
		{"IPv6, the same /64", 60 * time.Second, "[2001:db8::2]:25", "b@example.com", 0},
		{"exempt", 0, "203.0.113.9:1000", "b@example.com", 0},
		{"remembered", 900 * time.Second, "192.0.2.1:1000", "b@example.com", 0},
		{"forgotten", 1001 * time.Second, "192.0.2.1:1000", "b@example.com", 451},
	}
	for _, s := range steps {
		r.clock = r.clock.Add(s.after)
		result := r.rcpt(t, s.peer, s.rcpt).Results[0]
		code := 0
		if result.Reply != nil {
			code = result.Reply.Code
		}
		if code != s.code {
			t.Errorf("%s: %d, want %d", s.name, code, s.code)
		}
		if code != 0 && result.Reply.String() != "451 4.7.1 later" {
			t.Errorf("%s: %s", s.name, result.Reply)
		}
	}
}

func TestPipeline(t *testing.T) {
	r := newRig(t)
	r.rcpt(t, "192.0.2.1:1000", "b@example.com")
	r.clock = r.clock.Add(time.Minute)
	a := r.rcpt(t, "192.0.2.1:1000", "b@example.com", "new@example.com", "newer@example.com")
	if len(a.Results) != 2 || a.Results[0].Reply != nil || a.Results[1].Reply == nil {
		t.Errorf("%+v", a)
	}
	if v := a.Results[0].Changes[0]; v.Name != "greylist" || v.Value != "passed" {
		t.Errorf("context: %+v", v)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := newRig(t, "max_entries", 2)
	for _, addr := range []smtp.Address{"a@b", "b@b", "c@b"} {
		r.rcpt(t, "192.0.2.1:1000", addr)
	}
	r.clock = r.clock.Add(time.Minute)
	if r.rcpt(t, "192.0.2.1:1000", "a@b").Results[0].Reply == nil {
		t.Error("the oldest is still known")
	}
	if r.rcpt(t, "192.0.2.1:1000", "c@b").Results[0].Reply != nil {
		t.Error("the newest is not known")
	}
	if text, err := r.Control(context.Background(), []string{"greylist"}); text != "1 waiting, 1 passed" || err != nil {
		t.Errorf("console: %q %v", text, err)
	}
}

func TestBadOptions(t *testing.T) {
	m := newModule(time.Now)
	_, err := m.Prepare(context.Background(), &sdktest.Host{}, sdk.Config{Scopes: append(
		[]option.Scope{sdktest.Scope("greylist", "x", "delay", "soon")}, sdktest.Scope("greylist", "y", "dellay", 1))})
	var prepare *sdk.PrepareError
	if !errors.As(err, &prepare) || len(prepare.Problems) != 2 || prepare.Problems[0].Line != 2 {
		t.Errorf("prepare gave %v", err)
	}
}

func TestUnknownGeneration(t *testing.T) {
	m := newModule(time.Now)
	if _, err := m.Call(context.Background(), &sdk.Call{Generation: 9}); err == nil {
		t.Error("a call for a generation that is not there")
	}
}
