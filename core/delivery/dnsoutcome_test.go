package delivery_test

import (
	"testing"

	"github.com/mtad/mtad/core/dns"
)

// What the DNS says about a domain's MX: what may pass is tried again.
func TestDNSOutcomes(t *testing.T) {
	const later = "T 0 454 4.4.4 [internal] no MX or A for domain"
	const never = "P 0 554 5.4.4 [internal] Domain Lookup Failed"
	for word, want := range map[string]string{
		dns.ServFail: later, dns.Refused: later, dns.Timeout: later, dns.NotImp: later, dns.FormErr: later, dns.NXDomain: never,
	} {
		w := newWorld(t)
		w.dns.Fail = map[string]string{"MX other.example": word}
		w.serve("other.example", batch("s@x.org", "a@other.example")).want(t, "a@other.example "+want)
	}
	w := newWorld(t) // a name that nobody can ask for
	w.serve("a..b", batch("s@x.org", "a@a..b")).want(t, "a@a..b "+never)
}

// Silence of our own servers about A does not turn into an answer by what they
// say about AAAA, so it never counts towards dns_failures_to_purge.
func TestSilenceIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	w.opt.UseIPv6, w.opt.FailuresToPurge = true, 1
	w.dns.Fail = map[string]string{"A mx.example.com": dns.Timeout, "AAAA mx.example.com": dns.NoData}
	w.deliver(t, "T 0 454 4.4.4 [internal] no MX or A for domain")
}
