package delivery

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
)

// Cached is what a DNS cache holds for a question, and for how much longer
// (dns.Client.Cached). It asks nobody.
type Cached func(q sdk.DNSQuery) (*sdk.DNSAnswer, time.Duration, bool)

// Way is where a lane's mail would go, by what is known without asking anybody.
type Way struct {
	Hosts    []Host
	Problem  string        // why there are no hosts: a word of the DNS, or "not looked up"
	TTL      time.Duration // of the list of hosts; 0: it comes from the configuration, or is not known
	Failures int64         // lookups of the domain that failed in a row
}

// Host is one exchanger of a Way.
type Host struct {
	Name       string
	Preference int
	TTL        time.Duration
	Addresses  []Address
	Problem    string // why there are no addresses
}

// Address is one address of a Host, as a binding sees it.
type Address struct {
	Addr   netip.AddrPort
	Failed time.Time // when a connection to it failed lately; zero: it did not
	Until  time.Time // until when it is avoided
	Silent bool      // it kept us waiting, so that it is not tried until then; else it is tried last
}

// Inspect says where a lane's mail would go. Nothing is looked up, nothing
// counted.
func (c *Courier) Inspect(lane queue.Lane, cached Cached) Way {
	o := c.OptionsFor(lane.Group, lane.Binding, lane.Domain)
	var w Way
	routes, err := routesOf(lane.Domain, o)
	if err != nil {
		return Way{Problem: err.Error()}
	}
	if f, ok := c.domains.get(lane.Domain, c.now()); ok {
		w.Failures = f.all
	}
	i := &inspector{c: c, lane: lane, opt: o, cached: cached}
	for _, r := range routes {
		i.route(&w, r)
	}
	if len(w.Hosts) > maxExchangers {
		w.Hosts = w.Hosts[:maxExchangers]
	}
	return w
}

type inspector struct {
	c      *Courier
	lane   queue.Lane
	opt    *Options
	cached Cached
}

// route adds the hosts of one route.
func (i *inspector) route(w *Way, r route) {
	port := cmp.Or(r.port, uint16(i.opt.RemotePort))
	switch r.kind {
	case routeAddress:
		w.Hosts = append(w.Hosts, Host{Name: r.addr.String(), Addresses: []Address{i.address(r.addr, port)}})
		return
	case routeHost:
		w.Hosts = append(w.Hosts, i.host(r.host, 0, 0, port))
		return
	}
	a, ttl, ok := i.cached(sdk.DNSQuery{Name: r.host, Type: "MX"})
	switch {
	case !ok:
		w.Problem = "not looked up"
	case a.Error == dns.NoData, a.Error == dns.NXDomain && r.own:
		w.Hosts = append(w.Hosts, i.host(r.host, 0, ttl, port)) // RFC 5321 §5.1
	case a.Error != "":
		w.Problem = a.Error
	case len(a.Records) == 1 && a.Records[0].Value == ".":
		w.Problem = "null MX: the domain takes no mail" // RFC 7505 §3
	default:
		for _, rec := range a.Records {
			w.Hosts = append(w.Hosts, i.host(rec.Value, rec.Preference, ttl, port))
		}
	}
	w.TTL = ttl
}

// host is an exchanger with the addresses that are known.
func (i *inspector) host(name string, pref int, ttl time.Duration, port uint16) Host {
	h := Host{Name: name, Preference: pref, TTL: ttl, Problem: "not looked up"}
	kinds := []string{"A"}
	if i.opt.UseIPv6 {
		kinds = append(kinds, "AAAA")
	}
	if name == "localhost" {
		h.Addresses = append(h.Addresses, i.address(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)) // RFC 6761 §6.3
	}
	for _, kind := range kinds {
		a, _, ok := i.cached(sdk.DNSQuery{Name: name, Type: kind})
		if !ok {
			continue
		}
		h.Problem = a.Error
		for _, rec := range a.Records {
			if addr, err := netip.ParseAddr(rec.Value); err == nil {
				h.Addresses = append(h.Addresses, i.address(addr.Unmap(), port))
			}
		}
	}
	if len(h.Addresses) > 0 {
		h.Problem = ""
	}
	return h
}

// address is an address with what is remembered of it.
func (i *inspector) address(addr netip.Addr, port uint16) Address {
	a := Address{Addr: netip.AddrPortFrom(addr, port)}
	if f, ok := i.c.hosts.get(hostKey{i.lane.Binding, a.Addr}, i.c.now()); ok {
		a.Failed, a.Until, a.Silent = f.until.Add(-i.opt.HostFailureRetry), f.until, f.slow
	}
	return a
}

// Forget forgets the failed lookups of a domain; "" is every domain.
func (c *Courier) Forget(domain string) {
	if domain != "" {
		c.domains.forget(domain)
		return
	}
	c.domains.mu.Lock()
	defer c.domains.mu.Unlock()
	clear(c.domains.data)
}

// Connection is an outbound connection that is open.
type Connection struct {
	ID    string
	Lane  queue.Lane
	Host  string
	Addr  netip.AddrPort
	Since time.Time
}

// liveTable is the connections that are open. The zero value is ready.
type liveTable struct {
	mu   sync.Mutex
	open map[*session]Connection
}

func (t *liveTable) add(s *session, c Connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[*session]Connection{}
	}
	t.open[s] = c
}

func (t *liveTable) remove(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, s)
}

// Connections are the connections that are open, the oldest first. They are at
// most server_max_outbound_connections.
func (c *Courier) Connections() []Connection {
	c.live.mu.Lock()
	out := make([]Connection, 0, len(c.live.open))
	for _, conn := range c.live.open {
		out = append(out, conn)
	}
	c.live.mu.Unlock()
	slices.SortFunc(out, func(a, b Connection) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
	})
	return out
}
