package delivery

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// target is one address to connect to.
type target struct {
	host string // the exchanger's name, or the address as text
	addr netip.AddrPort
	from netip.Addr // zero: any
	rank int        // of its route
	pref int        // MX preference

	own    bool   // configured, not found in mail
	secure bool   // DNSSEC proves the way here
	guard  *guard // what the domain asks of the connection; nil: nothing
}

// exchanger is a host that takes mail for the domain.
type exchanger struct {
	host  string
	pref  int
	route *route
	addrs []netip.Addr
	word  string // why there is no address
	// secure says that DNSSEC proves the exchanger and its addresses.
	secure bool
}

const (
	maxExchangers = 30 // of one domain; the rest is left out
	maxTargets    = 60
)

// setback is why there is no connection for a batch. purge says that the
// domain's lookups have failed dns_failures_to_purge times in a row.
type setback struct {
	queue.Result
	purge bool
}

func refused(r *smtp.Reply) *setback { return &setback{Result: *unconnected(r)} }

// otherOptions gives a batch back, because what was learned of its domain brings
// other options into force.
func otherOptions() *setback {
	return &setback{Result: queue.Result{Verdict: queue.NotAttempted}}
}

// finder looks up the targets of one lane.
type finder struct {
	c      *Courier
	domain string
	lane   queue.Lane
	opt    *Options
}

// targets are the addresses to try for a lane, in order.
func (c *Courier) targets(ctx context.Context, lane queue.Lane, o *Options) ([]target, *setback) {
	f := &finder{c: c, domain: lane.Domain, lane: lane, opt: o}
	routes, err := routesOf(lane.Domain, o)
	if err != nil {
		return nil, refused(replyNoHosts.WithCause(err))
	}
	from, err := f.sources(ctx)
	if err != nil {
		return nil, refused(replyNoHosts.WithCause(err))
	}
	var hosts []*exchanger
	var failed *setback
	if !slices.ContainsFunc(routes, func(r route) bool { return r.kind == routeDomain }) && f.learned(nil) {
		return nil, otherOptions()
	}
	for i := range routes {
		found, s := f.exchangers(ctx, &routes[i])
		if s != nil && s.Verdict == queue.NotAttempted {
			return nil, s
		}
		hosts = append(hosts, found...)
		failed = cmp.Or(failed, s)
	}
	hosts = hosts[:min(len(hosts), maxExchangers)]
	if len(hosts) == 0 {
		return nil, failed
	}
	f.addresses(ctx, hosts, from)
	return f.order(hosts, from)
}

// exchangers are the hosts of one route.
func (f *finder) exchangers(ctx context.Context, r *route) ([]*exchanger, *setback) {
	switch r.kind {
	case routeAddress:
		return []*exchanger{{host: r.addr.String(), route: r, addrs: []netip.Addr{r.addr}}}, nil
	case routeHost:
		return []*exchanger{{host: r.host, route: r, secure: true}}, nil // RFC 7672 §2.2.2
	}
	a, err := f.c.Resolver.Lookup(ctx, sdk.DNSQuery{Name: r.host, Type: "MX"})
	if err != nil {
		return nil, refused(replyNoMXOrA.WithCause(err))
	}
	switch {
	case a.Error == dns.NXDomain && !r.own, a.Error == dns.FormErr && !r.own && !dns.Askable(r.host):
		// A domain that does not exist is an error, not a delay (RFC 5321 §5.1).
		return nil, refused(replyNoDomain.WithCause(fmt.Errorf("MX of %s: %s", r.host, a.Error)))
	case a.Error == dns.NoData, a.Error == dns.NXDomain, a.Error == "" && len(a.Records) == 0:
		// No MX: the domain is its own, with preference 0 (RFC 5321 §5.1).
		if r.kind == routeDomain && f.learned([]sdk.DNSRecord{{Value: r.host}}) {
			return nil, otherOptions()
		}
		return f.guard(r, []*exchanger{{host: r.host, route: r, secure: a.Secure}})
	case a.Error != "":
		return f.withoutMX(r, a.Error)
	}
	f.c.lookupWorked(f.domain, func(n *lookupFailures) { n.mx = 0 })
	if r.kind == routeDomain && f.learned(a.Records) {
		return nil, otherOptions()
	}
	return f.guard(r, exchangersOf(r, a))
}

// withoutMX is for an MX lookup that failed. The mail waits (RFC 5321 §5.1);
// when it has failed mx_failures_fallback_to_a times, the domain's own address
// is tried. Silence of our own servers does not count.
func (f *finder) withoutMX(r *route, word string) ([]*exchanger, *setback) {
	if word == dns.Timeout {
		return nil, refused(replyNoMXOrA.WithCause(fmt.Errorf("MX of %s: %s", r.host, word)))
	}
	n := f.c.lookupFailed(f.domain, true)
	if limit := f.opt.FallbackToA; n.mx >= max(limit, -limit) {
		return f.guard(r, []*exchanger{{host: r.host, route: r}})
	}
	s := refused(replyNoMXOrA.WithCause(fmt.Errorf("MX of %s: %s", r.host, word)))
	s.purge = f.opt.FailuresToPurge > 0 && n.all >= f.opt.FailuresToPurge
	return nil, s
}

func exchangersOf(r *route, a *sdk.DNSAnswer) []*exchanger {
	var out []*exchanger
	for _, rec := range a.Records {
		out = append(out, &exchanger{host: rec.Value, pref: rec.Preference, route: r, secure: a.Secure})
	}
	return out
}

// guard applies the rules about a domain's list of MXs: a null MX takes no
// mail (RFC 7505 §3), hosts not better than ourselves are no progress (RFC
// 5321 §5.1), and relay domains may keep to the best.
func (f *finder) guard(r *route, list []*exchanger) ([]*exchanger, *setback) {
	// Beside other MXs the root means nothing (RFC 7505 §3).
	list = slices.DeleteFunc(list, func(x *exchanger) bool { return x.host == "." })
	if len(list) == 0 {
		return nil, refused(replyNullMX)
	}
	if r.own {
		return list, nil
	}
	self := strings.TrimSuffix(f.c.Hostname(), ".")
	for _, x := range list {
		if strings.EqualFold(x.host, self) {
			list = slices.DeleteFunc(slices.Clone(list), func(y *exchanger) bool { return y.pref >= x.pref })
			break
		}
	}
	if len(list) == 0 {
		return nil, refused(replyLoop)
	}
	if f.opt.OnlyBestMX && f.c.RelayDomain != nil && f.c.RelayDomain(f.domain) {
		best := slices.MinFunc(list, func(a, b *exchanger) int { return a.pref - b.pref }).pref
		list = slices.DeleteFunc(list, func(x *exchanger) bool { return x.pref > best })
	}
	return list, nil
}

// addresses looks up the addresses of all hosts at once.
func (f *finder) addresses(ctx context.Context, hosts []*exchanger, from sources) {
	var wg sync.WaitGroup
	for _, x := range hosts {
		if len(x.addrs) == 0 {
			wg.Go(func() { f.resolve(ctx, x, from) })
		}
	}
	wg.Wait()
}

func (f *finder) resolve(ctx context.Context, x *exchanger, from sources) {
	var kinds []string
	if from.any || from.v4.IsValid() {
		kinds = append(kinds, "A")
	}
	if f.opt.UseIPv6 && (from.any || from.v6.IsValid()) {
		kinds = append(kinds, "AAAA")
	}
	for _, kind := range kinds {
		a, err := f.c.Resolver.Lookup(ctx, sdk.DNSQuery{Name: x.host, Type: kind})
		if err != nil {
			x.word = err.Error()
			continue
		}
		if a.Error != "" && x.word != dns.Timeout { // silence of our own servers stays what it is
			x.word = a.Error
		}
		x.secure = x.secure && (a.Secure || len(a.Records) == 0)
		for _, rec := range a.Records {
			if addr, err := netip.ParseAddr(rec.Value); err == nil {
				x.addrs = append(x.addrs, addr.Unmap())
			}
		}
	}
}

// order makes targets of the hosts' addresses: by route and preference, in
// random order among equals (RFC 5321 §5.1).
func (f *finder) order(hosts []*exchanger, from sources) ([]target, *setback) {
	var out []target
	found := false
	for _, x := range hosts {
		for _, addr := range x.addrs {
			found = true
			if !x.route.own && contains(f.opt.ProhibitedHosts, addr) {
				return nil, refused(replyProhibited.WithCause(fmt.Errorf("%s has the address %s", x.host, addr)))
			}
			local, ok := from.towards(addr)
			if !ok || !x.route.own && contains(f.opt.SkipHosts, addr) {
				continue
			}
			port := cmp.Or(x.route.port, uint16(f.opt.RemotePort))
			out = append(out, target{
				host: x.host, addr: netip.AddrPortFrom(addr, port), from: local, rank: x.route.rank, pref: x.pref,
				own: x.route.own, secure: x.secure,
			})
		}
	}
	switch {
	case !found:
		return nil, f.noAddress(hosts)
	case len(out) == 0:
		return nil, refused(replySkipped)
	}
	f.c.lookupWorked(f.domain, func(n *lookupFailures) { n.all = 0 })
	f.c.shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	slices.SortStableFunc(out, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.pref, b.pref), f.family(a, b))
	})
	return out[:min(len(out), maxTargets)], nil
}

// family puts IPv6 first where prefer_ipv6_mxs says so.
func (f *finder) family(a, b target) int {
	if !f.opt.PreferIPv6 || a.addr.Addr().Is6() == b.addr.Addr().Is6() {
		return 0
	}
	if a.addr.Addr().Is6() {
		return -1
	}
	return 1
}

// noAddress is for hosts that all have none.
func (f *finder) noAddress(hosts []*exchanger) *setback {
	last := hosts[len(hosts)-1]
	s := refused(replyNoMXOrA.WithCause(fmt.Errorf("addresses of %s: %s", last.host, last.word)))
	if slices.ContainsFunc(hosts, func(x *exchanger) bool { return x.word != dns.Timeout }) {
		n := f.c.lookupFailed(f.domain, false)
		s.purge = f.opt.FailuresToPurge > 0 && n.all >= f.opt.FailuresToPurge
	}
	return s
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}
