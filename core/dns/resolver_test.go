package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

func show(a *sdk.DNSAnswer) string {
	if a.Error != "" {
		return a.Error
	}
	var out []string
	for _, r := range a.Records {
		out = append(out, r.Value)
	}
	return strings.Join(out, " ")
}

func lookup(t *testing.T, r dns.Resolver, kind, name string) string {
	t.Helper()
	a, err := r.Lookup(context.Background(), sdk.DNSQuery{Type: kind, Name: name})
	if err != nil {
		t.Fatalf("%s %s: %v", kind, name, err)
	}
	return show(a)
}

func TestLookup(t *testing.T) {
	s := serve(t, zone(t,
		"a.example. 300 IN A 192.0.2.1", "a.example. 300 IN A 192.0.2.2",
		"a.example. 300 IN AAAA 2001:db8::1",
		"a.example. 300 IN MX 20 b.example.", "a.example. 300 IN MX 10 z.example.", "a.example. 300 IN MX 10 C.example.",
		"null.example. 300 IN MX 0 .",
		`t.example. 300 IN TXT "v=spf1 \"x\" " "-all \\ \195\164"`,
		"a.example. 300 IN NS ns.example.",
		"www.example. 300 IN CNAME a.example.",
		"far.example. 300 IN CNAME www.example.",
		"loop.example. 300 IN CNAME pool.example.", "pool.example. 300 IN CNAME loop.example.",
		"1.2.0.192.in-addr.arpa. 300 IN PTR a.example.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 300 IN PTR six.example.",
		"xn--bcher-kva.example. 300 IN A 192.0.2.9",
	))
	c := client(t, nil, s)
	for _, tc := range []struct{ kind, name, want string }{
		{"A", "a.example", "192.0.2.1 192.0.2.2"},
		{"a", "A.EXAMPLE.", "192.0.2.1 192.0.2.2"},
		{"AAAA", "a.example", "2001:db8::1"},
		{"MX", "a.example", "c.example z.example b.example"},
		{"mx", "null.example", "."},
		{"TXT", "t.example", `v=spf1 "x" -all \ ä`},
		{"NS", "a.example", "ns.example"},
		{"CNAME", "www.example", "a.example"},
		{"A", "far.example", "192.0.2.1 192.0.2.2"},
		{"A", "loop.example", "SERVFAIL"},
		{"PTR", "192.0.2.1", "a.example"},
		{"PTR", "::ffff:192.0.2.1", "a.example"},
		{"PTR", "2001:db8::1", "six.example"},
		{"PTR", "1.2.0.192.in-addr.arpa", "a.example"},
		{"A", "bücher.example", "192.0.2.9"},
		{"A", "t.example", "NODATA"},
		{"A", "no.example", "NXDOMAIN"},
		{"A", "localhost", "127.0.0.1"},
		{"AAAA", "localhost", "::1"},
		{"MX", "localhost", "NODATA"},
		{"A", "", "FORMERR"},
		{"A", "a..example", "FORMERR"},
		{"A", "two words.example", "FORMERR"},
		{"A", strings.Repeat("a", 64) + ".example", "FORMERR"},
	} {
		if got := lookup(t, c, tc.kind, tc.name); got != tc.want {
			t.Errorf("%s %q = %q, want %q", tc.kind, tc.name, got, tc.want)
		}
	}
}

func TestBadQuestions(t *testing.T) {
	c := client(t, nil, serve(t, zone(t)))
	_, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "WKS", Name: "a.example"})
	var te *dns.TypeError
	if !errors.As(err, &te) || te.Type != "WKS" {
		t.Errorf("type: %v", err)
	}
	if _, err = c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "a.example", Server: "nowhere"}); err == nil {
		t.Error("a server that is no address was accepted")
	}
}

func TestErrorWords(t *testing.T) {
	for code, want := range map[int]string{
		mdns.RcodeServerFailure: "SERVFAIL", mdns.RcodeRefused: "REFUSED",
		mdns.RcodeNotImplemented: "NOTIMP", mdns.RcodeFormatError: "FORMERR", mdns.RcodeNotAuth: "SERVFAIL",
	} {
		s := serve(t, func(_ query, reply *mdns.Msg) bool { reply.Rcode = code; return true })
		if got := lookup(t, client(t, nil, s), "A", "a.example"); got != want {
			t.Errorf("rcode %d = %q, want %q", code, got, want)
		}
	}
}

// A second server is asked when the first is silent, refuses or is not there.
func TestNextServer(t *testing.T) {
	good := serve(t, zone(t, "a.example. 300 IN A 192.0.2.1"))
	silent := serve(t, func(query, *mdns.Msg) bool { return false })
	refusing := serve(t, func(_ query, reply *mdns.Msg) bool { reply.Rcode = mdns.RcodeRefused; return true })
	dead := &server{addr: unusedPort(t)}
	quick := func(o *dns.Options) { o.QueryTimeout = 20 * time.Millisecond }
	if got := lookup(t, client(t, quick, silent, good), "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("behind a silent server: %q", got)
	}
	if got := lookup(t, client(t, nil, refusing, good), "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("behind a refusing server: %q", got)
	}
	if got := lookup(t, client(t, nil, dead, good), "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("behind a dead server: %q", got)
	}
	if got := lookup(t, client(t, quick, silent), "A", "a.example"); got != dns.Timeout {
		t.Errorf("only a silent server: %q", got)
	}
	if got := lookup(t, client(t, nil, dead), "A", "a.example"); got != dns.Timeout {
		t.Errorf("only a dead server: %q", got)
	}
}

func unusedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return netip.MustParseAddrPort(p.LocalAddr().String())
}

func TestExplicitServer(t *testing.T) {
	one := serve(t, zone(t, "a.example. 300 IN A 192.0.2.1"))
	two := serve(t, zone(t, "a.example. 300 IN A 192.0.2.2"))
	c := client(t, nil, one)
	a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "a.example", Server: two.addr.String()})
	if err != nil || show(a) != "192.0.2.2" {
		t.Errorf("explicit server: %v %v", a, err)
	}
	if got := lookup(t, c, "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("the configured server was not asked: %q", got)
	}
}

func TestTruncated(t *testing.T) {
	full := zone(t, "a.example. 300 IN MX 10 b.example.", "a.example. 300 IN MX 20 c.example.")
	cut := func(q query, reply *mdns.Msg) bool {
		full(q, reply)
		if q.network == "udp" {
			reply.Truncated = true
			reply.Answer = reply.Answer[:1]
		}
		return true
	}
	if got := lookup(t, client(t, nil, serve(t, cut)), "MX", "a.example"); got != "b.example c.example" {
		t.Errorf("over TCP: %q", got)
	}
	noTCP := func(o *dns.Options) { o.FallbackToTCP = false }
	if got := lookup(t, client(t, noTCP, serve(t, cut)), "MX", "a.example"); got != "b.example" {
		t.Errorf("without TCP: %q", got)
	}
}

func TestServerWithoutEDNS(t *testing.T) {
	know := zone(t, "a.example. 300 IN A 192.0.2.1")
	s := serve(t, func(q query, reply *mdns.Msg) bool {
		if q.edns {
			reply.Rcode = mdns.RcodeFormatError
			reply.Question = nil
			return true
		}
		return know(q, reply)
	})
	if got := lookup(t, client(t, nil, s), "A", "a.example"); got != "192.0.2.1" {
		t.Errorf("got %q", got)
	}
}

// All lookups must be under way at once: the server answers none before it has
// seen the last. They share a few source ports. A datagram may be lost in the
// burst, so the lookups ask again until then.
func TestThousandAtOnce(t *testing.T) {
	const n = 1000
	var mu sync.Mutex
	seen, all := map[string]bool{}, make(chan struct{})
	know := zone(t)
	s := serve(t, func(q query, reply *mdns.Msg) bool {
		mu.Lock()
		if !seen[q.Name] {
			seen[q.Name] = true
			if len(seen) == n {
				close(all)
			}
		}
		mu.Unlock()
		<-all
		return know(q, reply)
	})
	c := client(t, func(o *dns.Options) {
		o.MaxQueriesPerPort, o.QueryAttempts, o.QueryTimeout = 0, 10, time.Second
	}, s)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := fmt.Sprintf("h%d.example", i)
			a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: name})
			if err != nil || a.Error != dns.NXDomain {
				t.Errorf("%s: %v %v", name, a, err)
			}
		})
	}
	wg.Wait()
	ports := map[string]bool{}
	for _, q := range s.queries() {
		ports[q.from] = true
	}
	if len(ports) > 16 || len(ports) < 8 {
		t.Errorf("%d source ports, want a small pool", len(ports))
	}
	if st := c.Stats(); st.A < n || st.Pending != 0 {
		t.Errorf("stats: %+v", st)
	}
}

func TestPortsAreGivenUp(t *testing.T) {
	s := serve(t, zone(t, "a.example. 0 IN A 192.0.2.1"))
	c := client(t, func(o *dns.Options) { o.MaxQueriesPerPort = 1 }, s)
	for range 5 {
		lookup(t, c, "A", "a.example")
	}
	ports := map[string]bool{}
	for _, q := range s.queries() {
		ports[q.from] = true
	}
	if len(ports) != 5 {
		t.Errorf("5 queries came from %d ports", len(ports))
	}
}

// However many ask the same at once, one query goes out.
func TestOneFlight(t *testing.T) {
	know := zone(t, "a.example. 300 IN A 192.0.2.1")
	asked, release := make(chan struct{}, 100), make(chan struct{})
	s := serve(t, func(q query, reply *mdns.Msg) bool {
		asked <- struct{}{}
		<-release
		return know(q, reply)
	})
	c := client(t, func(o *dns.Options) { o.QueryTimeout = time.Hour }, s) // one that is slow is not asked again
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := lookup(t, c, "A", "a.example"); got != "192.0.2.1" {
				t.Errorf("got %q", got)
			}
		})
	}
	<-asked
	close(release)
	wg.Wait()
	if n := len(s.queries()); n != 1 {
		t.Errorf("%d queries for one question", n)
	}
}

func TestCallersOwnTime(t *testing.T) {
	s := serve(t, func(query, *mdns.Msg) bool { return false })
	c := client(t, func(o *dns.Options) { o.QueryTimeout = time.Hour }, s)
	a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "a.example", Timeout: time.Millisecond})
	if err != nil || a.Error != dns.Timeout {
		t.Errorf("timeout of the query: %v %v", a, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a, err = c.Lookup(ctx, sdk.DNSQuery{Type: "A", Name: "b.example"})
	if err != nil || a.Error != dns.Timeout {
		t.Errorf("context: %v %v", a, err)
	}
}

func TestClose(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := serve(t, func(query, *mdns.Msg) bool { asked <- struct{}{}; return false })
	c := client(t, func(o *dns.Options) { o.QueryTimeout = time.Hour }, s)
	got := make(chan string)
	go func() { got <- lookup(t, c, "A", "a.example") }()
	<-asked
	c.Close()
	if word := <-got; word != dns.Timeout {
		t.Errorf("lookup at Close: %q", word)
	}
	if _, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "b.example"}); !errors.Is(err, dns.ErrClosed) {
		t.Errorf("lookup after Close: %v", err)
	}
}

func TestStats(t *testing.T) {
	s := serve(t, zone(t, "a.example. 300 IN A 192.0.2.1", "a.example. 300 IN MX 1 a.example."))
	c := client(t, nil, s)
	for _, kind := range []string{"A", "A", "MX", "TXT", "PTR", "NS", "AAAA"} {
		lookup(t, c, kind, "a.example")
	}
	want := dns.Stats{A: 1, AAAA: 1, MX: 1, TXT: 1, PTR: 1, Other: 1, Responses: 6, Lookups: 7, Hits: 1}
	if diff := cmp.Diff(want, c.Stats()); diff != "" {
		t.Error(diff)
	}
}
