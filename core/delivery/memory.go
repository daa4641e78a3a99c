package delivery

import (
	"net/netip"
	"sync"
	"time"
)

// memory is a bounded map that all Serves share. The zero value is ready.
type memory[K comparable, V interface{ stale(now time.Time) bool }] struct {
	mu   sync.Mutex
	data map[K]V
}

// maxMemory is the most entries a memory keeps. Behind it are only failing
// hosts and domains, so forgetting one costs an attempt too many at worst.
const maxMemory = 20_000

func (m *memory[K, V]) get(k K, now time.Time) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.data[k]
	if ok && v.stale(now) {
		delete(m.data, k)
		var none V
		return none, false
	}
	return v, ok
}

// update changes the entry of k, which is zero where there is none.
func (m *memory[K, V]) update(k K, now time.Time, change func(V) V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		m.data = map[K]V{}
	}
	old, ok := m.data[k]
	if ok && old.stale(now) {
		var none V
		old = none
	}
	if !ok && len(m.data) >= maxMemory {
		m.makeRoom(now)
	}
	v := change(old)
	m.data[k] = v
	return v
}

// makeRoom drops what is stale, and some others where nothing is.
func (m *memory[K, V]) makeRoom(now time.Time) {
	for k, v := range m.data {
		if v.stale(now) {
			delete(m.data, k)
		}
	}
	for k := range m.data {
		if len(m.data) < maxMemory*9/10 {
			return
		}
		delete(m.data, k)
	}
}

func (m *memory[K, V]) forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.data, k)
}

// hostKey is an address as one binding sees it: the peer may shut out one of
// our source addresses only.
type hostKey struct {
	binding string
	addr    netip.AddrPort
}

// hostFailure says until when an address is avoided (host_failure_retry). One
// that kept us waiting is left out for that time; one that refused at once is
// only tried last, since that costs nothing.
type hostFailure struct {
	until time.Time
	slow  bool
}

func (f hostFailure) stale(now time.Time) bool { return !now.Before(f.until) }

// lookupFailures counts a domain's failed lookups in a row.
type lookupFailures struct {
	mx, all int64
	last    time.Time
}

const (
	// failureSpacing makes the failures of one moment, met by many connections
	// of a lane at once, count as one.
	failureSpacing = time.Second
	// failureMemory is how long a domain's failures are remembered; longer
	// than max_retry_interval's default.
	failureMemory = 24 * time.Hour
)

func (f lookupFailures) stale(now time.Time) bool { return now.Sub(f.last) > failureMemory }

// lookupFailed counts one more failed lookup of a domain.
func (c *Courier) lookupFailed(domain string, mx bool) lookupFailures {
	now := c.now()
	return c.domains.update(domain, now, func(f lookupFailures) lookupFailures {
		if f.last.IsZero() || now.Sub(f.last) >= failureSpacing {
			f.all++
			if mx {
				f.mx++
			}
			f.last = now
		}
		return f
	})
}

// lookupWorked ends a count, where there is one.
func (c *Courier) lookupWorked(domain string, reset func(*lookupFailures)) {
	now := c.now()
	if _, ok := c.domains.get(domain, now); !ok {
		return
	}
	c.domains.update(domain, now, func(f lookupFailures) lookupFailures {
		reset(&f)
		return f
	})
}
