package smtpd

import (
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"github.com/mtad/mtad/sdk"
)

// FrontOptions say whom we believe what they tell of their own clients: proxies,
// content filters and other relays in front of us.
type FrontOptions struct {
	Proxy         bool           `opt:"proxy_protocol" default:"false" scopes:"esmtp_listener,listen,peer" help:"Every connection begins with a PROXY header, version 1 or 2, and its client address counts from there on; in a peer scope: connections from that network do."`
	ProxyTimeout  time.Duration  `opt:"proxy_protocol_timeout" type:"seconds" unit:"seconds" default:"60" scopes:"esmtp_listener,listen,peer" help:"How long to wait for a whole PROXY header; 0: idle_time."`
	ProxyHosts    []netip.Prefix `opt:"proxy_hosts" type:"cidrs" scopes:"esmtp_listener,listen,peer" help:"Networks whose PROXY headers are believed; others are hung up on. Unset: loopback, private networks, and the peer scope that sets proxy_protocol."`
	XCLIENTHosts  []netip.Prefix `opt:"xclient_hosts" type:"cidrs" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Peers that may use XCLIENT where smtp_extensions lists it, besides authenticated ones and the peer scope that lists it."`
	PriorityHosts []netip.Prefix `opt:"mt_priority_hosts" type:"cidrs" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Peers whose MT-PRIORITY counts where smtp_extensions lists it, besides authenticated ones and the peer scope that lists it."`
}

// Listed says for what a session's own peer scope, narrower than everybody,
// lists its network. Set it before the profile's first use.
type Listed struct {
	Extensions bool // smtp_extensions
	Proxy      bool // proxy_protocol
}

// fronts are the networks of FrontOptions.
type fronts struct{ proxy, xclient, priority *bart.Lite }

func newFronts(o *Options) fronts {
	proxies := o.ProxyHosts
	if len(proxies) == 0 {
		proxies = privateNetworks()
	}
	return fronts{prefixes(proxies), prefixes(o.XCLIENTHosts), prefixes(o.PriorityHosts)}
}

func prefixes(list []netip.Prefix) *bart.Lite {
	t := new(bart.Lite)
	for _, p := range list {
		t.Insert(p)
	}
	return t
}

// privateNetworks are those that nobody outside can connect from (RFC 1918,
// RFC 4193, RFC 3927, RFC 4291 §2.4).
func privateNetworks() (out []netip.Prefix) {
	for _, text := range []string{
		"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
	} {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// trusted reports a peer that an extension is for: it is listed, in list or by
// its peer scope, or it authenticated.
func (s *session) trusted(list *bart.Lite) bool {
	return s.login.user != "" || s.p.Listed.Extensions || list.Contains(s.real.peer.Addr())
}

// offered reports an extension as it counts in this session: policy adds and
// removes some (esmtp_capability_add, _remove).
func (s *session) offered(keyword string, configured bool) bool {
	for i := len(s.caps) - 1; i >= 0; i-- {
		if sameKeyword(s.caps[i].Name, keyword) {
			return s.caps[i].Kind == sdk.CapabilitySet
		}
	}
	return configured
}
