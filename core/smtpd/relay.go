package smtpd

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
	"golang.org/x/net/idna"

	"github.com/mtad/mtad/sdk/smtp"
)

// varCanRelay is the connection variable that says that the peer may relay
// (reference/lua-api.tsv). Policy may set it.
const varCanRelay = "can_relay"

// relay is who may send where. An empty one relays for nobody, loopback
// included.
type relay struct {
	rcpt    globs // relay_domains and bounce_domains
	senders globs // relay_for_sending_domains
	hosts   *bart.Lite
	open    bool
}

func newRelay(o *Options) (relay, error) {
	r := relay{open: o.OpenRelay, hosts: new(bart.Lite)}
	for _, list := range [][]string{o.RelayDomains, o.BounceDomains} {
		if err := r.rcpt.add(list); err != nil {
			return r, err
		}
	}
	for _, p := range o.RelayHosts {
		r.hosts.Insert(p)
	}
	return r, r.senders.add(o.RelaySendingDomains)
}

// peer reports a peer that may relay whoever the sender is.
func (r *relay) peer(a netip.Addr) bool {
	return r.open && r.senders.empty() || r.hosts.Contains(a)
}

// sender reports a sender for whom the listener or peer scope opens the relay.
// The sender is what the client says it is, so its domain alone opens nothing.
func (r *relay) sender(a smtp.Address) bool {
	return r.open && (r.senders.empty() || r.senders.match(asciiDomain(a.Domain())))
}

// recipient reports a lower-case domain that everybody may send to.
func (r *relay) recipient(domain string) bool {
	return r.rcpt.match(asciiDomain(domain))
}

// asciiDomain is a lower-case domain as the configuration has it, with A-labels
// (RFC 6531 §3.2). One that has no such form matches nothing.
func asciiDomain(domain string) string {
	if isASCII(domain) {
		return domain
	}
	a, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return ""
	}
	return a
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// globs is a set of domains and left-globbed domains ("*.example.com",
// "*example.com", "*").
type globs struct {
	exact map[string]struct{}
	below map[string]struct{} // ".example.com" of "*.example.com"
	ends  []string            // "example.com" of "*example.com"; "" of "*"
}

func (g *globs) add(list []string) error {
	for _, text := range list {
		d := strings.ToLower(strings.TrimSuffix(text, "."))
		tail, globbed := strings.CutPrefix(d, "*")
		switch {
		case d == "" || strings.Contains(tail, "*"):
			return fmt.Errorf("domain %q: only one * is allowed, and only in front", text)
		case globbed && strings.HasPrefix(tail, "."):
			put(&g.below, tail)
		case globbed:
			g.ends = append(g.ends, tail)
		default:
			put(&g.exact, d)
		}
	}
	return nil
}

func put(set *map[string]struct{}, key string) {
	if *set == nil {
		*set = map[string]struct{}{}
	}
	(*set)[key] = struct{}{}
}

func (g *globs) empty() bool { return len(g.exact)+len(g.below)+len(g.ends) == 0 }

// match looks for a lower-case domain.
func (g *globs) match(domain string) bool {
	if domain == "" {
		return false
	}
	if _, ok := g.exact[domain]; ok {
		return true
	}
	if len(g.below) > 0 {
		for i := strings.IndexByte(domain, '.'); i >= 0; {
			if _, ok := g.below[domain[i:]]; ok && i > 0 {
				return true
			}
			next := strings.IndexByte(domain[i+1:], '.')
			if next < 0 {
				break
			}
			i += next + 1
		}
	}
	for _, end := range g.ends {
		if strings.HasSuffix(domain, end) {
			return true
		}
	}
	return false
}

// mayRelay reports whether the session may send to recipients of any domain.
func (s *session) mayRelay() bool {
	if v, _ := s.vs.State.Conn.Context.Get(varCanRelay); v == "true" {
		return true
	}
	return s.vs.State.Message != nil && s.p.relay.sender(s.vs.State.Message.Sender)
}
