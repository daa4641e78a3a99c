package core

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/sdk"
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

// eachPeer calls f for each listen scope with anybody, and with an address out
// of each peer scope that can count there.
func (s *settings) eachPeer(f func(listen *option.Scope, pos option.Pos, peer netip.Addr)) {
	for _, l := range s.tree.Root.Children("esmtp_listener") {
		for _, listen := range l.Children("listen") {
			f(listen, listen.Pos, anybody())
			for _, peer := range append(l.Children("peer"), listen.Children("peer")...) {
				if addr, ok := firstAddr(peer.Instance); ok {
					f(listen, peer.Pos, addr)
				}
			}
		}
	}
}

func firstAddr(text string) (netip.Addr, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Addr(), true
	}
	a, err := netip.ParseAddr(text)
	return a, err == nil
}

// openRelays finds listeners that relay for everybody, or nearly.
func (s *settings) openRelays() []sdk.Problem {
	var out []sdk.Problem
	s.eachPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		p, err := s.profile(listen.Instance, peer)
		if err != nil || peer.IsLoopback() {
			return
		}
		why := ""
		switch {
		case p.OpenRelay && (peer == anybody() || wide(peer, pos, listen)):
			why = "open_relay"
		case hasWide(p.RelayHosts):
			why = "relay_hosts"
		case hasStar(p.RelayDomains):
			why = "relay_domains"
		case p.AuthForAnybody():
			why = "always_allow: whoever says AUTH may relay"
		default:
			return
		}
		found := sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column,
			Text: fmt.Sprintf("listener %q relays for everybody (%s)", listen.Instance, why)}
		if !slices.Contains(out, found) {
			out = append(out, found)
		}
	})
	return out
}

// wide reports a peer scope that covers a large part of the address space.
func wide(_ netip.Addr, pos option.Pos, listen *option.Scope) bool {
	for _, peer := range listen.Children("peer") {
		if p, err := netip.ParsePrefix(peer.Instance); err == nil && peer.Pos == pos {
			return p.Bits() < 8
		}
	}
	return false
}

func hasWide(list []netip.Prefix) bool {
	for _, p := range list {
		if p.Bits() < 8 {
			return true
		}
	}
	return false
}

func hasStar(list []string) bool {
	for _, d := range list {
		if d == "*" || d == "*.*" {
			return true
		}
	}
	return false
}
