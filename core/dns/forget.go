package dns

import (
	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

// Forget drops what the cache holds of a domain's way: its MX, A and AAAA
// records, and those of its exchangers.
func (c *Client) Forget(domain string) {
	key, word, err := parseQuestion(sdk.DNSQuery{Name: domain, Type: "MX"})
	if err != nil || word != "" {
		return
	}
	names := []string{domain}
	if e, ok := c.cache.get(key, c.Now()); ok {
		for _, rec := range e.answer.Records {
			names = append(names, rec.Value)
		}
	}
	for _, name := range names {
		for _, kind := range []uint16{mdns.TypeMX, mdns.TypeA, mdns.TypeAAAA} {
			if text, ok := queryName(name, kind); ok {
				c.cache.store.Invalidate(question{name: text, qtype: kind})
			}
		}
	}
}
