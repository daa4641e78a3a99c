package simnet

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Net is the Internet. Names and hosts are added before it is used.
type Net struct {
	Seed uint64

	mu      sync.Mutex
	began   time.Time
	zones   map[string]*Zone
	queries map[string]int
	hosts   map[netip.Addr]*Host
	ledger  ledger
	open    map[*conn]struct{}
	running sync.WaitGroup
}

// New makes an empty Internet whose hours count from now.
func New(seed uint64) *Net {
	return &Net{
		Seed: seed, began: time.Now(), zones: map[string]*Zone{}, queries: map[string]int{},
		hosts: map[netip.Addr]*Host{}, open: map[*conn]struct{}{}, ledger: newLedger(),
	}
}

// Name sets what the DNS says of a name, in lower case without a final dot.
func (n *Net) Name(name string, z *Zone) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.zones[name] = z
}

// Host adds a host and its address.
func (n *Net) Host(h *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[h.Addr] = h
	n.zones[h.Name] = &Zone{A: []netip.Addr{h.Addr}}
}

// Close cuts every connection and waits for the hosts.
func (n *Net) Close() {
	n.mu.Lock()
	for c := range n.open {
		c.in.end(true)
		c.out.end(true)
	}
	n.mu.Unlock()
	n.running.Wait()
}

// Dial is delivery.Courier's way to a host.
func (n *Net) Dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	h := n.hosts[to.Addr()]
	n.mu.Unlock()
	if h == nil {
		return nil, syscall.ECONNREFUSED
	}
	lane := h.Domain + " " + from.String()
	n.ledger.dialled(lane)
	defer n.ledger.settledDial(lane)
	f := n.fault(h, StageConnect, "", 0)
	if f != nil && f.Kind == Hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case <-time.After(h.Latency):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f != nil {
		return nil, syscall.ECONNREFUSED
	}
	return n.accept(h, lane, from, to), nil
}

// accept makes the connection and starts the host's side of it.
func (n *Net) accept(h *Host, lane string, from netip.Addr, to netip.AddrPort) net.Conn {
	near, far := pair(netip.AddrPortFrom(from, 0), to)
	n.ledger.opened(lane)
	near.closed = func() {
		n.ledger.gone(lane)
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.open, near)
	}
	n.mu.Lock()
	n.open[near] = struct{}{}
	n.mu.Unlock()
	d := &dialogue{net: n, host: h, raw: far, conn: far}
	n.running.Go(d.run)
	return near
}

// hour numbers the hours since the beginning.
func (n *Net) hour(now time.Time) int { return int(now.Sub(n.began) / time.Hour) }

// draw is a number below 1 that is the same each time for the same words.
func (n *Net) draw(words ...any) float64 {
	h := fnv.New64a()
	fmt.Fprintln(h, n.Seed)
	fmt.Fprintln(h, words...)
	x := h.Sum64() // FNV alone leaves the high bits of similar words similar
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// happens is true for a share of the words.
func (n *Net) happens(share float64, words ...any) bool {
	return share > 0 && n.draw(words...) < share
}

// Draw is a number below limit that is the same each time for the same words:
// what a test takes in place of chance.
func (n *Net) Draw(limit int, words ...any) int { return int(n.draw(words...) * float64(limit)) }
