package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
)

// TestHostLimits: a host without a free place is left out for the next one, and
// where there is none the mail waits without an attempt.
func TestHostLimits(t *testing.T) {
	w := newWorld(t)
	w.dns.MX["example.com"] = mx("10 mx.example.com", "20 b.example")
	w.dns.A["b.example"] = []string{"192.0.2.2"}
	full := map[string]bool{"mx.example.com": true}
	w.courier.HostLimits = func(_, host string) delivery.HostLimits {
		limit := 1
		if full[host] {
			limit = 0
		}
		return delivery.HostLimits{Shares: []queue.Share{{ShareKey: queue.ShareKey{Option: "max_outbound_connections", Scope: host}, Limit: limit}}}
	}
	w.at("192.0.2.2", greeting+whole+quit, greeting+whole+quit)
	for range 2 { // the place is given back
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com D 9 250 2.0.0 queued")
	}
	full["b.example"] = true
	src := w.serve("example.com", batch("s@x.org", "a@example.com"))
	src.want(t, "a@example.com - 0 -")
	if h := src.results[0].Held; h == nil || h.For <= 0 || h.Share.Scope != "mx.example.com" {
		t.Errorf("held by %+v", h)
	}
	if got := strings.Count(strings.Join(w.dialled, " "), "192.0.2.1"); got != 0 {
		t.Errorf("the full host was dialled %d times", got)
	}
	// A failed connection gives its place back, too.
	delete(full, "b.example")
	for range 2 {
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	}
	full["b.example"], full["mx.example.com"] = true, false
	for range 2 {
		if src := w.serve("example.com", batch("s@x.org", "a@example.com")); src.results[0].Held == nil {
			t.Error("mail is not held while one host has no place")
		}
	}
}

// TestHostRates: the rates of a host hold beside those of the lane.
func TestHostRates(t *testing.T) {
	w := newWorld(t)
	move := w.clock()
	rate := func(n int64) delivery.HostRate {
		return delivery.HostRate{Limiter: throttle.New(option.Throttle{Count: n, Seconds: 60}), Share: queue.Share{ShareKey: queue.ShareKey{Option: "rate"}}}
	}
	limits := delivery.HostLimits{Messages: rate(1), Connections: rate(2)}
	w.courier.HostLimits = func(string, string) delivery.HostLimits { return limits }
	w.at("192.0.2.1", greeting+whole+quit, greeting+quit)
	mail := batch("s@x.org", "a@example.com")
	w.serve("example.com", mail, mail).want(t, "a@example.com D 9 250 2.0.0 queued", "a@example.com - 0 -")
	src := w.serve("example.com", mail)
	src.want(t, "a@example.com - 0 -")
	src = w.serve("example.com", mail)
	if h := src.results[0].Held; h == nil || h.For > time.Minute || len(w.dialled) != 2 {
		t.Errorf("held by %+v after %v", h, w.dialled)
	}
	move(2 * time.Minute)
	w.at("192.0.2.1", greeting+whole+quit)
	w.serve("example.com", mail).want(t, "a@example.com D 9 250 2.0.0 queued")
}

// TestLearned: what a lookup brings into force counts before a connection.
func TestLearned(t *testing.T) {
	w := newWorld(t)
	var got []string
	other := true
	w.courier.Learned = func(_ queue.Lane, hosts []string) bool {
		got = append(got, strings.Join(hosts, "+"))
		return other
	}
	w.dns.MX["example.com"] = mx("10 MX.example.com", "10 b.example", "20 c.example")
	w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	w.serve("mx.example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	w.opt.Gateway = "203.0.113.1"
	w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	if strings.Join(got, " ") != "mx.example.com+b.example mx.example.com " || len(w.dialled) > 0 {
		t.Errorf("learned %q, dialled %v", got, w.dialled)
	}
}
