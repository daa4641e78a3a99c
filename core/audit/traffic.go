package audit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mtad/mtad/sdk"
)

// trafficFigures is how many figures a monitor counts: connections, receptions
// and rejections, in the order of sdk.TrafficFigure.
const trafficFigures = 3

// traffic counts what peers do, over each monitor, and their open sessions.
type traffic struct {
	mu       sync.Mutex
	monitors []*monitored
	sessions *tree
}

type monitored struct {
	monitor
	tree *tree
}

func newTraffic() *traffic {
	return &traffic{sessions: newTree(shape{count: 1, figures: 1}, unbounded)}
}

// unbounded is the bound of the tree of sessions: there are as many nodes as
// connections allow.
const unbounded = 1 << 40

// use moves to other settings. A monitor that stays keeps its counts.
func (t *traffic) use(s *Settings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*monitored
	for _, m := range s.monitors {
		if slices.ContainsFunc(list, func(o *monitored) bool { return o.name == m.name }) {
			continue
		}
		i := slices.IndexFunc(t.monitors, func(o *monitored) bool { return o.name == m.name })
		if i < 0 {
			list = append(list, &monitored{m, newTree(m.shape, m.within(s.networks))})
			continue
		}
		t.monitors[i].tree.max = m.within(s.networks)
		list = append(list, t.monitors[i])
	}
	t.monitors = list
}

// count adds one to a figure of a peer.
func (t *traffic) count(f sdk.TrafficFigure, peer netip.Addr, now int64) {
	p, ok := host(peer)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.monitors {
		m.tree.add(p, int(f), 1, now)
	}
}

// session counts a session in or out.
func (t *traffic) session(peer netip.Addr, delta int64) {
	p, ok := host(peer)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sessions.add(p, 0, delta, 0) == 0 {
		t.sessions.remove(p)
	}
}

// host is the network of one address.
func host(a netip.Addr) (netip.Prefix, bool) {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), a.IsValid()
}

// ask answers a query.
func (t *traffic) ask(q *sdk.TrafficQuery, now int64) (int64, error) {
	p, err := network(q.Network)
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.Figure == sdk.TrafficSessions {
		return t.sessions.count(p, 0, 0, 0, 0), nil
	}
	if q.Figure > sdk.TrafficRejections {
		return 0, sdk.ErrNotSupported
	}
	want, err := parseMonitor(q.Monitor)
	if err == nil {
		for _, m := range t.monitors {
			if m.name == want.name {
				return m.tree.count(p, int(q.Figure), now, q.Start, q.End), nil
			}
		}
	}
	return 0, fmt.Errorf("inbound_audit has no monitor %q (it has %s)", q.Monitor, t.names())
}

func (t *traffic) names() string {
	var names []string
	for _, m := range t.monitors {
		names = append(names, fmt.Sprintf("%q", m.name))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// network reads an address, or a network with its length in bits.
func network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		p, _ := host(a) // it is valid
		return p, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a network", text)
	}
	return p.Masked(), nil
}

// sweep drops expired counts, some at a time so that nobody waits long.
func (t *traffic) sweep(now int64) {
	const some = 500
	more := true
	for more {
		more = false
		t.mu.Lock()
		for _, m := range t.monitors {
			more = m.tree.sweep(now, some) || more
		}
		t.mu.Unlock()
	}
}
