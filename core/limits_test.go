package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// shareNames are the shared limits of a lane, as "option scope limit".
func shareNames(l *lane) string {
	var out []string
	for _, s := range l.queue.Shares {
		out = append(out, s.Option+" of "+s.Scope)
	}
	return strings.Join(out, "; ")
}

// TestSharedLimits: every scope that sets a limit counts, under a name that is
// the same after a reload.
func TestSharedLimits(t *testing.T) {
	s, err := configured(t, `
scope_max_outbound_connections = 900
binding_group "g" {
  server_max_outbound_connections = 50
  binding "b" {
    server_max_outbound_connections = 20
    domain "/^x/" {
      scope_max_outbound_connections = 3
    }
  }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	key := queue.Lane{Group: "g", Binding: "b", Domain: "x1.test"}
	want := `scope_max_outbound_connections of global; server_max_outbound_connections of binding_group "g"; ` +
		`server_max_outbound_connections of binding_group "g" binding "b"; scope_max_outbound_connections of binding_group "g" binding "b" domain "/^x/"`
	if got := shareNames(s.lane(key)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	key.Domain = "y.test"
	if got := shareNames(s.lane(key)); strings.Contains(got, "/^x/") {
		t.Errorf("another domain: %s", got)
	}
	if s.globals.MaxConnections != 20000 || s.globals.Reserve != 200 {
		t.Errorf("server limits %d and %d", s.globals.MaxConnections, s.globals.Reserve)
	}
}

// TestRollup: domains whose preferred exchangers are rolled up under one name
// share its domain's limits, counted together; where nobody knows the exchangers
// yet one connection finds out.
func TestRollup(t *testing.T) {
	s, err := configured(t, `
host "/\\.big\\.test$/" {
  rollup_mx      = true
  rollup_mx_name = "big.test"
}
domain "big.test" {
  max_outbound_connections  = 5
  outbound_throttle_messages = "100/60"
  retry_interval = 77
}
domain "own.test" {
  retry_interval = 99
}
`)
	if err != nil {
		t.Fatal(err)
	}
	lane := func(domain string) *lane {
		return s.lane(queue.Lane{Group: "default", Binding: "default", Domain: domain})
	}
	if l := lane("new.test"); l.known || l.queue.MaxConnections != 1 {
		t.Errorf("before a lookup: %d connections", l.queue.MaxConnections)
	}
	c := &Core{queue: &queue.Queue{}}
	c.settings.Store(s)
	for domain, hosts := range map[string][]string{
		"new.test": {"mx1.big.test", "mx2.big.test"}, "own.test": {"mx2.big.test"}, "other.test": {"mx.big.test", "mx.small.test"}, "plain.test": {"mx.small.test"},
	} {
		rolls := domain == "new.test" || domain == "own.test"
		key := queue.Lane{Group: "default", Binding: "default", Domain: domain}
		if c.learned(key, slices.Clone(hosts)) != rolls {
			t.Errorf("%s: learned says %v", domain, !rolls)
		}
		if c.learned(key, hosts) {
			t.Errorf("%s: nothing new was learned", domain)
		}
	}
	a, b := lane("new.test"), lane("own.test")
	if a.queue.MaxConnections != 5 || a.queue.RetryInterval != 77*time.Second || b.queue.RetryInterval != 99*time.Second {
		t.Errorf("options %+v, %+v", a.queue, b.queue)
	}
	if a.queue.Messages == nil || a.queue.Messages != b.queue.Messages {
		t.Error("they do not share the throttle")
	}
	if shareNames(a) != shareNames(b) || shareNames(a) != `max_outbound_connections of binding "default" domain "big.test" (rolled up)` {
		t.Errorf("shares %s; %s", shareNames(a), shareNames(b))
	}
	for _, domain := range []string{"other.test", "plain.test"} {
		if l := lane(domain); l.rollup != "" || l.queue.MaxConnections != 32 || l.queue.Messages != nil {
			t.Errorf("%s is rolled up", domain)
		}
	}
}

// TestReloadKeepsRates: a reload is no new allowance.
func TestReloadKeepsRates(t *testing.T) {
	now := time.Now()
	one := func(text string, before *settings) *settings {
		s, err := configured(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil {
			s.follow(before)
		}
		return s
	}
	key := queue.Lane{Group: "default", Binding: "default", Domain: "x.test"}
	s := one("outbound_throttle_messages = \"10/60\"\n", nil)
	if _, ok := s.lane(key).queue.Messages.Take(now, 10); !ok {
		t.Fatal("the first ten are refused")
	}
	s = one("outbound_throttle_messages = \"10/60\"\n", s)
	if _, ok := s.lane(key).queue.Messages.Take(now, 1); ok {
		t.Error("a reload gave a new allowance")
	}
	s = one("outbound_throttle_messages = \"12/60\"\n", s)
	if _, ok := s.lane(key).queue.Messages.Take(now, 12); ok {
		t.Error("another rate gave a new allowance")
	}
}

// TestHostLimits: a host's limits are its own and its binding's.
func TestHostLimits(t *testing.T) {
	s, err := configured(t, `
max_outbound_connections = 7
host "mx.test" {
  scope_max_outbound_connections = 9
  outbound_throttle_connections = "5/1"
}
binding "b" {
  host "mx.test" {
    max_outbound_connections = 2
  }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	if l := s.hostLimits("b", "other.test"); len(l.Shares) != 0 || l.Connections.Limiter != nil {
		t.Errorf("another host: %+v", l)
	}
	if l := s.hostLimits("default", "mx.test"); len(l.Shares) != 1 || l.Shares[0].Limit != 9 || l.Connections.Limiter == nil {
		t.Errorf("default: %+v", l)
	}
	l := s.hostLimits("b", "mx.test")
	if len(l.Shares) != 2 || l.Shares[0].Scope != `binding "b" host "mx.test"` || l.Shares[0].Limit != 2 {
		t.Errorf("b: %+v", l)
	}
	if l.Connections.Limiter != s.hostLimits("default", "mx.test").Connections.Limiter {
		t.Error("the rate of the host is not shared")
	}
}
