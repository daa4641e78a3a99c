package dns

import (
	"sync/atomic"

	mdns "github.com/miekg/dns"
)

// counts are the resolver's counters.
type counts struct {
	a, aaaa, mx, txt, ptr, other atomic.Int64
	responses, bad               atomic.Int64
	lookups, hits                atomic.Int64
}

func (c *counts) sent(qtype uint16) {
	switch qtype {
	case mdns.TypeA:
		c.a.Add(1)
	case mdns.TypeAAAA:
		c.aaaa.Add(1)
	case mdns.TypeMX:
		c.mx.Add(1)
	case mdns.TypeTXT:
		c.txt.Add(1)
	case mdns.TypePTR:
		c.ptr.Add(1)
	default:
		c.other.Add(1)
	}
}

// Stats are counts since start for the console's `summary` and `dns_cache
// stats` (reference/console.tsv). A, AAAA, MX, TXT, PTR and Other are queries
// sent; Bad counts responses that were refusals, malformed or nobody's;
// Lookups and Hits are the cache's; Pending is the questions under way now.
type Stats struct {
	A, AAAA, MX, TXT, PTR, Other int64
	Responses, Bad               int64
	Lookups, Hits                int64
	Pending                      int64
}

// Stats reads the counters.
func (c *Client) Stats() Stats {
	n := &c.counts
	c.mu.Lock()
	pending := int64(c.airborne)
	c.mu.Unlock()
	return Stats{
		A: n.a.Load(), AAAA: n.aaaa.Load(), MX: n.mx.Load(), TXT: n.txt.Load(), PTR: n.ptr.Load(), Other: n.other.Load(),
		Responses: n.responses.Load(), Bad: n.bad.Load(),
		Lookups: n.lookups.Load(), Hits: n.hits.Load(), Pending: pending,
	}
}
