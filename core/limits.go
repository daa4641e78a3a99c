package core

import (
	"slices"
	"sync"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
)

// scopePaths names each scope as the configuration does: by what it is in. The
// names are the same after a reload. rollsUp: a host scope has rollup_mx.
func scopePaths(root *option.Scope) (paths map[*option.Scope]string, rollsUp bool) {
	paths = map[*option.Scope]string{root: "global"}
	var walk func(s *option.Scope, prefix string)
	walk = func(s *option.Scope, prefix string) {
		for i := range s.Scopes {
			inner := &s.Scopes[i]
			paths[inner] = prefix + inner.Name + ` "` + inner.Instance + `"`
			if _, set := inner.Attr("rollup_mx"); set && inner.Name == "host" {
				rollsUp = true
			}
			walk(inner, paths[inner]+" ")
		}
	}
	walk(root, "")
	return paths, rollsUp
}

// resolve finds the options of a lane.
func (s *settings) resolve(key queue.Lane) *lane {
	l := &lane{known: true}
	if s.rollsUp {
		var hosts []string
		if hosts, l.known = s.mx.get(key.Domain); l.known {
			l.rollup = s.rollupOf(key.Binding, hosts)
		}
	}
	l.layers = s.tree.Layers.OutboundVia(key.Group, key.Binding, l.rollup, key.Domain)
	// The schema was checked at load, so decoding has nothing to report.
	option.DecodeLayers(&l.queue, l.layers...)
	option.DecodeLayers(&l.delivery, l.layers...)
	option.DecodeLayers(&l.bounce, l.layers...)
	option.DecodeLayers(&l.delay, l.layers...)
	option.DecodeLayers(&l.fbl, l.layers...)
	option.DecodeLayers(&l.adaptive, l.layers...)
	var rates queue.Rates
	option.DecodeLayers(&rates, l.layers...)
	l.rate, l.sweeps = rates.Messages, sweepRules(l.layers)
	l.queue.Messages = s.limiter(conf.Origin(l.layers, messageRate), messageRate, rates.Messages)
	l.queue.Connections = s.limiter(conf.Origin(l.layers, connectRate), connectRate, rates.Connections)
	l.queue.Shares = s.shares(key, l)
	if !l.known {
		l.queue.MaxConnections = min(l.queue.MaxConnections, 1) // one finds out
	}
	return l
}

const (
	messageRate = "outbound_throttle_messages"
	connectRate = "outbound_throttle_connections"
	scopeMax    = "scope_max_outbound_connections"
	serverMax   = "server_max_outbound_connections"
	laneMax     = "max_outbound_connections"
)

// shares are the connection limits that a lane shares: of every scope it is in,
// and that of the name it is rolled up under.
func (s *settings) shares(key queue.Lane, l *lane) []queue.Share {
	var out []queue.Share
	for _, scope := range l.layers {
		var limits queue.Limits
		option.DecodeLayers(&limits, scope)
		out = s.addShare(out, scope, scopeMax, limits.Scope)
		if scope.Name == "binding" || scope.Name == "binding_group" {
			out = s.addShare(out, scope, serverMax, limits.Server)
		}
	}
	if l.rollup != "" {
		is := queue.Share{ShareKey: queue.ShareKey{Option: laneMax, Scope: `binding "` + key.Binding + `" domain "` + l.rollup + `" (rolled up)`},
			Limit: int(l.queue.MaxConnections)}
		if from := conf.Origin(l.layers, laneMax); from != nil {
			is.Pos = posOf(from, laneMax)
		}
		out = append(out, is)
	}
	return out
}

func (s *settings) addShare(out []queue.Share, scope *option.Scope, name string, limit int64) []queue.Share {
	if limit < 0 {
		return out
	}
	return append(out, queue.Share{ShareKey: queue.ShareKey{Option: name, Scope: s.paths[scope]}, Limit: int(limit), Pos: posOf(scope, name)})
}

// rateCache has one limiter for each scope that declares a rate: all that fall
// back to the scope share it (reference/config-syntax.md §2). A reload takes
// over what was used.
type rateCache struct {
	mu       sync.Mutex
	limiters map[queue.ShareKey]*throttle.Limiter
	before   map[queue.ShareKey]*throttle.Limiter // of the configuration before
}

func (s *settings) limiter(scope *option.Scope, name string, rate option.Throttle) *throttle.Limiter {
	if scope == nil {
		return nil
	}
	c := &s.rates
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limiters == nil {
		c.limiters = map[queue.ShareKey]*throttle.Limiter{}
	}
	key := queue.ShareKey{Option: name, Scope: s.paths[scope]}
	l, ok := c.limiters[key]
	if !ok {
		l = throttle.Resume(rate, c.before[key])
		c.limiters[key] = l
	}
	return l
}

// follow takes over what the configuration before has counted and learned.
func (s *settings) follow(old *settings) {
	s.mx = old.mx
	old.rates.mu.Lock()
	defer old.rates.mu.Unlock()
	s.rates.before = old.rates.limiters
}

// hostLimits are the limits of a host that a binding sends to.
func (s *settings) hostLimits(binding, host string) delivery.HostLimits {
	var out delivery.HostLimits
	layers := s.tree.Layers.Host(binding, host)
	if len(layers) == 0 {
		return out
	}
	var o delivery.HostOptions
	option.DecodeLayers(&o, layers...)
	if from := conf.Origin(layers, laneMax); from != nil && o.MaxConnections >= 0 {
		out.Shares = append(out.Shares, queue.Share{
			ShareKey: queue.ShareKey{Option: laneMax, Scope: `binding "` + binding + `" host "` + host + `"`}, Limit: int(o.MaxConnections), Pos: posOf(from, laneMax)})
	}
	for _, scope := range layers {
		var limits queue.Limits
		option.DecodeLayers(&limits, scope)
		out.Shares = s.addShare(out.Shares, scope, scopeMax, limits.Scope)
	}
	out.Messages = s.hostRate(layers, messageRate, o.Messages)
	out.Connections = s.hostRate(layers, connectRate, o.Connections)
	return out
}

func (s *settings) hostRate(layers []*option.Scope, name string, rate option.Throttle) delivery.HostRate {
	from := conf.Origin(layers, name)
	if from == nil {
		return delivery.HostRate{}
	}
	return delivery.HostRate{Limiter: s.limiter(from, name, rate),
		Share: queue.Share{ShareKey: queue.ShareKey{Option: name, Scope: s.paths[from]}, Pos: posOf(from, name)}}
}

// rollupOf is the name that a domain with these preferred exchangers is rolled
// up under, "" where they have none in common.
func (s *settings) rollupOf(binding string, hosts []string) string {
	name := ""
	for i, host := range hosts {
		var o delivery.HostOptions
		option.DecodeLayers(&o, s.tree.Layers.Host(binding, host)...)
		if !o.Rollup || o.RollupName == "" || i > 0 && o.RollupName != name {
			return ""
		}
		name = o.RollupName
	}
	return name
}

// mxMemory is what delivery has learned of domains: their preferred exchangers.
type mxMemory struct {
	mu    sync.Mutex
	hosts map[string][]string
}

// maxMX bounds it; what is forgotten is learned again with one connection.
const maxMX = 200_000

func (m *mxMemory) get(domain string) ([]string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hosts, ok := m.hosts[domain]
	return hosts, ok
}

func (m *mxMemory) put(domain string, hosts []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hosts == nil || len(m.hosts) >= maxMX {
		m.hosts = map[string][]string{}
	}
	m.hosts[domain] = hosts
}

// learned takes note of a domain's preferred exchangers. True: other options
// count for the lane now, and what it has in hand goes back.
func (c *Core) learned(key queue.Lane, hosts []string) bool {
	s := c.settings.Load()
	if !s.rollsUp {
		return false
	}
	before := s.lane(key)
	slices.Sort(hosts)
	if old, ok := s.mx.get(key.Domain); !ok || !slices.Equal(old, hosts) {
		s.mx.put(key.Domain, hosts)
	}
	name := s.rollupOf(key.Binding, hosts)
	if before.known && before.rollup == name {
		return false
	}
	s.outbound.forget(key)
	c.queue.Renew(key)
	return before.rollup != name
}

func (c *outboundCache) forget(key queue.Lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lanes, key)
}
