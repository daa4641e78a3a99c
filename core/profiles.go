package core

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/sdk/option"
)

// tryProfiles makes the profile of every listener and peer once, so that what
// only smtpd can judge (domain patterns, TLS files) fails here and not in the
// first session.
func (s *settings) tryProfiles() option.Problems {
	var bad option.Problems
	s.eachPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		if _, err := s.profile(listen.Instance, peer); err != nil {
			bad = append(bad, option.Problem{Pos: pos, Text: fmt.Sprintf("%s %q: %v", listen.Name, listen.Instance, err)})
		}
	})
	return bad
}

// checkRoutes tries every gateway and route of the configuration, whatever
// scope it stands in.
func checkRoutes(scope *option.Scope) option.Problems {
	var bad option.Problems
	for _, a := range scope.Attrs {
		if a.Name != "gateway" && a.Name != "routes" {
			continue
		}
		values := a.Value.List
		if len(values) == 0 {
			values = []option.Value{a.Value}
		}
		for _, v := range values {
			if err := delivery.CheckRoute(v.Text); err != nil {
				bad = append(bad, option.Problem{Pos: a.Pos, Text: fmt.Sprintf("%s: %v", a.Name, err)})
			}
		}
	}
	for i := range scope.Scopes {
		bad = append(bad, checkRoutes(&scope.Scopes[i])...)
	}
	return bad
}

// relayDomain reports whether mail for domain is relayed by the global
// relay_domains: exact, or *.example.com.
func (s *settings) relayDomain(domain string) bool {
	return slices.ContainsFunc(s.relayDomains, func(pattern string) bool {
		suffix, wild := strings.CutPrefix(strings.ToLower(pattern), "*")
		return wild && strings.HasSuffix(domain, suffix) || strings.EqualFold(pattern, domain)
	})
}

// anybody is an address that no peer scope is written for (RFC 5737).
func anybody() netip.Addr { return netip.MustParseAddr("203.0.113.1") }
