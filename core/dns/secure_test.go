package dns_test

import (
	"context"
	"testing"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

// A server on this machine is believed that an answer is proved, where the
// configuration says so, and only about all of a chain.
func TestSecure(t *testing.T) {
	records := zone(t,
		"_25._tcp.mx.example. 300 IN TLSA 3 1 1 ABCD",
		"mx.example. 300 IN A 192.0.2.1",
		"proved.example. 300 IN CNAME open.example.", "open.example. 300 IN A 192.0.2.2",
	)
	s := serve(t, func(q query, reply *mdns.Msg) bool {
		// Each step of the chain is an answer of its own.
		records(q, reply)
		reply.AuthenticatedData = q.Name != "open.example."
		return true
	})
	for _, trust := range []bool{true, false} {
		c := client(t, func(o *dns.Options) { o.TrustAD = trust }, s)
		for _, tc := range []struct {
			kind, name, want string
			secure           bool
		}{
			{"TLSA", "_25._tcp.mx.example", "3 1 1 abcd", true},
			{"A", "mx.example", "192.0.2.1", true},
			{"AAAA", "mx.example", "NODATA", true},
			{"A", "none.example", "NXDOMAIN", true},
			{"A", "open.example", "192.0.2.2", false},
		} {
			for range 2 { // the second from the cache
				a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: tc.kind, Name: tc.name})
				if err != nil || show(a) != tc.want || a.Secure != (tc.secure && trust) {
					t.Errorf("trust %v, %s %s: %s, secure %v, %v", trust, tc.kind, tc.name, show(a), a.Secure, err)
				}
			}
		}
		if a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "proved.example"}); err != nil || a.Secure {
			t.Errorf("a chain that ends in the open is taken for proved: %+v %v", a, err)
		}
	}
}
