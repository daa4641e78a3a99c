package core

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// strangers are addresses from all over the address space, of no network that a
// peer scope is likely to be written for.
func strangers() []netip.Addr {
	out := []netip.Addr{anybody()}
	for _, text := range []string{"1.2.3.4", "57.1.2.3", "94.5.6.7", "130.8.9.10", "177.11.12.13", "199.14.15.16", "2001:db8::1", "2a00:1450::1", "2620:fe::1"} {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

// eachPeer calls f for each listen scope with strangers, and with addresses out
// of each peer scope that can count there: its ends, and those next to the
// scopes inside it, for whom it counts and they do not.
func (s *settings) eachPeer(f func(listen *option.Scope, pos option.Pos, peer netip.Addr)) {
	for _, l := range s.tree.Root.Children("esmtp_listener") {
		for _, listen := range l.Children("listen") {
			for _, a := range strangers() {
				f(listen, listen.Pos, a)
			}
			peers := append(slices.Clone(l.Children("peer")), listen.Children("peer")...)
			for _, peer := range peers {
				for _, a := range probes(peer, peers) {
					f(listen, peer.Pos, a)
				}
			}
		}
	}
}

// probes are addresses for which a peer scope may count.
func probes(peer *option.Scope, all []*option.Scope) []netip.Addr {
	own, ok := networkOf(peer.Instance)
	if !ok {
		return nil
	}
	out := []netip.Addr{own.Addr(), lastOf(own)}
	for _, other := range all {
		inner, ok := networkOf(other.Instance)
		if !ok || inner.Bits() <= own.Bits() {
			continue
		}
		for _, a := range []netip.Addr{inner.Addr().Prev(), lastOf(inner).Next()} {
			if own.Contains(a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func networkOf(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// firstAddr is an address of a peer scope.
func firstAddr(text string) (netip.Addr, bool) {
	p, ok := networkOf(text)
	return p.Addr(), ok
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// openRelays finds listeners that relay for everybody, or nearly.
func (s *settings) openRelays() []sdk.Problem {
	var out []sdk.Problem
	s.eachPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		p, err := s.profile(listen.Instance, peer)
		if err != nil || peer.IsLoopback() {
			return
		}
		crowd := pos == listen.Pos || wide(pos, listen, s.tree.Root)
		why := whyOpen(p, crowd)
		if why == "" {
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

// whyOpen names what makes a profile an open relay; crowd says that the scope
// it is for is a large part of the address space.
func whyOpen(p *smtpd.Profile, crowd bool) string {
	switch {
	case p.OpenRelay && crowd:
		return "open_relay"
	case p.Context["can_relay"] == "true" && crowd:
		return "context: can_relay"
	case covers(p.RelayHosts):
		return "relay_hosts"
	case hasStar(p.RelayDomains):
		return "relay_domains"
	case hasStar(p.BounceDomains):
		return "bounce_domains"
	case covers(p.XCLIENTHosts):
		return "xclient_hosts: a client is what it says it is"
	case p.Proxy && covers(p.ProxyHosts):
		return "proxy_hosts: a client is what it says it is"
	case p.AuthForAnybody():
		return "always_allow: whoever says AUTH may relay"
	}
	return ""
}

// wide reports a peer scope that covers a large part of the address space.
func wide(pos option.Pos, listen, root *option.Scope) bool {
	peers := slices.Clone(listen.Children("peer"))
	for _, l := range root.Children("esmtp_listener") {
		peers = append(peers, l.Children("peer")...)
	}
	for _, peer := range peers {
		if p, ok := networkOf(peer.Instance); ok && peer.Pos == pos {
			return p.Bits() < wideBits
		}
	}
	return false
}

// covers reports networks that are a large part of an address space, one by one
// or together.
func covers(list []netip.Prefix) bool {
	var share [2]float64 // IPv4, IPv6
	for i, p := range list {
		p = p.Masked()
		if slices.ContainsFunc(list[:i], func(q netip.Prefix) bool { return q.Masked().Bits() <= p.Bits() && q.Contains(p.Addr()) }) {
			continue
		}
		if p.Addr().IsPrivate() || p.Addr().IsLoopback() {
			continue
		}
		family := 0
		if p.Addr().Is6() && !p.Addr().Is4In6() {
			family = 1
		}
		bits := p.Bits()
		if p.Addr().Is4In6() {
			bits = max(bits-96, 0)
		}
		share[family] += 1 / float64(uint64(1)<<min(bits, 63))
	}
	const most = 1.0 / (1 << wideBits)
	return share[0] > most || share[1] > most
}

// hasStar reports a pattern that stands for all domains, or all below a public
// suffix such as com or co.uk.
func hasStar(list []string) bool {
	for _, d := range list {
		tail, glob := strings.CutPrefix(strings.TrimSuffix(d, "."), "*")
		if tail = strings.Trim(tail, ".*"); !glob {
			continue
		}
		if suffix, icann := publicsuffix.PublicSuffix(strings.ToLower(tail)); tail == "" || icann && strings.EqualFold(suffix, tail) {
			return true
		}
	}
	return false
}
