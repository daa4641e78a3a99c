package core

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
)

// explaining is a core with a configuration, for what needs no more.
func explaining(t *testing.T, text string) *Core {
	t.Helper()
	s, err := configured(t, text)
	if err != nil {
		t.Fatal(err)
	}
	c := &Core{}
	c.adaptive = c.newAdaptive()
	c.settings.Store(s)
	c.opt.Conf.Path = s.tree.Files[0].Path
	return c
}

// TestWhereSettingsAre: the line that sets an option for a lane, else the
// default.
func TestWhereSettingsAre(t *testing.T) {
	c := explaining(t, "retry_interval = 60\ndomain \"example.com\" {\n  retry_interval = 90\n}\nbinding \"b\" {\n  max_outbound_connections = 3\n}\n")
	for _, row := range []struct {
		lane   queue.Lane
		option string
		want   setting
	}{
		{queue.Lane{Group: "default", Binding: "default", Domain: "example.com"}, "retry_interval", setting{"Retry_Interval", "90", "mtad.conf:4"}},
		{queue.Lane{Group: "default", Binding: "default", Domain: "other.test"}, "retry_interval", setting{"Retry_Interval", "60", "mtad.conf:2"}},
		{queue.Lane{Group: "default", Binding: "b", Domain: "other.test"}, "max_outbound_connections", setting{"Max_Outbound_Connections", "3", "mtad.conf:7"}},
		{queue.Lane{Group: "default", Binding: "default", Domain: "other.test"}, "max_outbound_connections", setting{"Max_Outbound_Connections", "32", "default"}},
	} {
		if got := c.settingOf(row.lane, row.option); got != row.want {
			t.Errorf("%+v %s: %+v", row.lane, row.option, got)
		}
	}
}

// TestEveryGateHasItsOptions: each reason names options that there are.
func TestEveryGateHasItsOptions(t *testing.T) {
	c := explaining(t, "")
	for kind := range gateNames {
		r := c.reasonOf(queue.Lane{Group: "default", Binding: "default", Domain: "x.test"}, queue.Gate{Kind: queue.GateKind(kind)})
		if r.Gate == "" || r.Text == "" || r.Until != nil {
			t.Errorf("kind %d: %+v", kind, r)
		}
		for _, name := range gateOptions[kind] {
			if c.settings.Load().schema.Option(name) == nil {
				t.Errorf("kind %d: there is no option %s", kind, name)
			}
		}
	}
}

func TestUnreachable(t *testing.T) {
	c := explaining(t, "")
	key := queue.Lane{Group: "default", Binding: "default", Domain: "x.test"}
	until := time.Now().Add(time.Minute)
	host := func(silent ...bool) delivery.Way {
		h := delivery.Host{Name: "mx"}
		for _, s := range silent {
			h.Addresses = append(h.Addresses, delivery.Address{Addr: netip.MustParseAddrPort("192.0.2.1:25"), Silent: s, Until: until})
		}
		return delivery.Way{Hosts: []delivery.Host{h}}
	}
	if r := c.unreachable(key, delivery.Way{Problem: "SERVFAIL", Failures: 2, TTL: time.Second}); r == nil || r.Gate != "DNS" || !strings.Contains(r.Text, "SERVFAIL, 2 times") {
		t.Errorf("a lookup that fails: %+v", r)
	}
	if r := c.unreachable(key, host(true, true)); r == nil || !r.Until.Equal(until) || r.Settings[0].Option != "Host_Failure_Retry" {
		t.Errorf("no address answers: %+v", r)
	}
	for _, w := range []delivery.Way{{}, {Problem: "not looked up"}, host(), host(true, false)} {
		if r := c.unreachable(key, w); r != nil {
			t.Errorf("%+v: %+v", w, r)
		}
	}
}

// TestNextAttempt: the last reason's end; nothing where one has none.
func TestNextAttempt(t *testing.T) {
	now := time.Unix(1000, 0)
	at := func(seconds int) *time.Time { u := now.Add(time.Duration(seconds) * time.Second); return &u }
	for _, c := range []struct {
		reasons []reason
		want    *time.Time
	}{
		{nil, at(0)}, {[]reason{{Until: at(5)}, {Until: at(3)}}, at(5)}, {[]reason{{Until: at(5)}, {}}, nil}, {[]reason{{Until: at(9), aside: true}}, at(0)},
	} {
		e := explained{now: now, Reasons: c.reasons}
		e.settle()
		if (e.Next == nil) != (c.want == nil) || c.want != nil && !e.Next.Equal(*c.want) {
			t.Errorf("%+v: %v", c.reasons, e.Next)
		}
	}
}
