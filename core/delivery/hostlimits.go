package delivery

import (
	"math"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk"
)

// HostLimits are the limits of a host scope (reference/config-options.tsv). The
// zero value limits nothing.
type HostLimits struct {
	Shares                []queue.Share // of connections
	Messages, Connections HostRate
}

// HostRate is a rate of a host scope, and what it is called.
type HostRate struct {
	Limiter *throttle.Limiter
	Share   queue.Share
}

// take takes n events, or says how long the lane is to wait.
func (r HostRate) take(now time.Time, n int) *queue.Held {
	if wait, ok := r.Limiter.Take(now, n); !ok {
		return &queue.Held{For: wait, Share: r.Share}
	}
	return nil
}

// admit takes n messages.
func (l HostLimits) admit(now time.Time, n int) *queue.Held { return l.Messages.take(now, n) }

// hostPause is how long a lane waits for a connection of its host to end.
const hostPause = time.Second

// hostTable counts the connections of hosts that have limits. The zero value is
// ready.
type hostTable struct {
	mu   sync.Mutex
	open map[queue.ShareKey]int
}

// enter takes a place in every limit, or none.
func (t *hostTable) enter(shares []queue.Share) *queue.Held {
	if len(shares) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range shares {
		if t.open[s.ShareKey] >= s.Limit {
			return &queue.Held{For: hostPause, Share: s}
		}
	}
	if t.open == nil {
		t.open = map[queue.ShareKey]int{}
	}
	for _, s := range shares {
		t.open[s.ShareKey]++
	}
	return nil
}

func (t *hostTable) leave(shares []queue.Share) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range shares {
		if t.open[s.ShareKey]--; t.open[s.ShareKey] <= 0 {
			delete(t.open, s.ShareKey)
		}
	}
}

// enter takes a connection's place at a host. leave gives it back.
func (c *Courier) enter(binding, host string) (limits HostLimits, leave func(), full *queue.Held) {
	leave = func() {}
	if c.HostLimits == nil {
		return limits, leave, nil
	}
	limits = c.HostLimits(binding, host)
	if full = c.inUse.enter(limits.Shares); full != nil {
		return limits, leave, full
	}
	leave = func() { c.inUse.leave(limits.Shares) }
	if full = limits.Connections.take(c.now(), 1); full != nil {
		leave()
	}
	return limits, leave, full
}

// after runs two functions one after the other.
func after(first, second func()) func() {
	return func() { first(); second() }
}

// learned tells of the exchangers of the lowest preference.
func (f *finder) learned(records []sdk.DNSRecord) bool {
	if f.c.Learned == nil {
		return false
	}
	best := math.MaxInt
	for _, r := range records {
		best = min(best, r.Preference)
	}
	var hosts []string
	for _, r := range records {
		if r.Preference == best {
			hosts = append(hosts, strings.ToLower(strings.TrimSuffix(r.Value, ".")))
		}
	}
	return f.c.Learned(f.lane, hosts)
}
