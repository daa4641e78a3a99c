package dns_test

import (
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Each case looks up, moves the clock to just before and just behind the life
// of the answer, and counts the queries that went out.
func TestCacheLife(t *testing.T) {
	records := zone(t, "a.example. 300 IN A 192.0.2.1", "short.example. 1 IN A 192.0.2.1",
		"alias.example. 30 IN CNAME a.example.", "huge.example. 4294967295 IN A 192.0.2.1")
	bare := func(_ query, reply *mdns.Msg) bool { reply.Rcode = mdns.RcodeNameError; return true }
	fail := func(_ query, reply *mdns.Msg) bool { reply.Rcode = mdns.RcodeServerFailure; return true }
	for _, tc := range []struct {
		what, name string
		answer     func(query, *mdns.Msg) bool
		change     func(*dns.Options)
		life       time.Duration
	}{
		{"TTL", "a.example", records, nil, 300 * time.Second},
		{"the least of a chain", "alias.example", records, nil, 30 * time.Second},
		{"min_dns_ttl", "short.example", records, func(o *dns.Options) { o.MinTTL = time.Minute }, time.Minute},
		{"max_dns_ttl", "a.example", records, func(o *dns.Options) { o.MaxTTL = time.Minute }, time.Minute},
		{"top bit set", "huge.example", records, nil, 0},
		{"SOA minimum", "no.example", records, nil, 60 * time.Second},
		{"no SOA", "no.example", bare, nil, 0},
		{"failure", "a.example", fail, nil, 5 * time.Second},
	} {
		t.Run(tc.what, func(t *testing.T) {
			s := serve(t, tc.answer)
			c := client(t, tc.change, s)
			now := &clock{now: time.Unix(1e9, 0)}
			c.Now = now.Now
			count := func() int { lookup(t, c, "A", tc.name); return len(s.queries()) }
			first := count()
			if tc.life > 0 {
				now.move(tc.life - 1)
				if n := count(); n != first {
					t.Errorf("%d queries within the life of the answer", n-first)
				}
				now.move(1)
			}
			if n := count(); n == first {
				t.Error("answered from the cache after the end of its life")
			}
		})
	}
}

func TestCachedAndFlush(t *testing.T) {
	s := serve(t, zone(t, "a.example. 300 IN A 192.0.2.1"))
	c := client(t, nil, s)
	now := &clock{now: time.Unix(1e9, 0)}
	c.Now = now.Now
	q := sdk.DNSQuery{Type: "A", Name: "a.example"}
	if _, _, ok := c.Cached(q); ok {
		t.Error("an answer before any lookup")
	}
	lookup(t, c, "A", "a.example")
	now.move(100 * time.Second)
	a, left, ok := c.Cached(q)
	if !ok || show(a) != "192.0.2.1" || left != 200*time.Second {
		t.Errorf("Cached = %v %v %v", a, left, ok)
	}
	c.Flush()
	if _, _, ok := c.Cached(q); ok {
		t.Error("an answer after Flush")
	}
}

// The settings change under a running client; the cache stays.
func TestUse(t *testing.T) {
	one := serve(t, zone(t, "a.example. 300 IN A 192.0.2.1"))
	two := serve(t, zone(t, "b.example. 300 IN A 192.0.2.2"))
	c := client(t, nil, one)
	lookup(t, c, "A", "a.example")
	o := dns.Defaults()
	o.Nameservers = []string{two.addr.String()}
	set, err := dns.Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	c.Use(set)
	if got := lookup(t, c, "A", "b.example"); got != "192.0.2.2" {
		t.Errorf("the new server was not asked: %q", got)
	}
	if got := lookup(t, c, "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("the cache was lost: %q", got)
	}
}
