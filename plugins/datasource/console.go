package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// The module's console commands (reference/console.tsv, ds_core and ds_ldap).
const (
	cmdFlush     = "ds_core flush"
	cmdStats     = "ds_core stats"
	cmdLDAPFlush = "ds_ldap flush connection cache"
	cmdLDAPStats = "ds_ldap show connection cache stats"
)

func commandNames() []string { return []string{cmdFlush, cmdStats, cmdLDAPFlush, cmdLDAPStats} }

// Control is part of sdk.Controller. --json anywhere makes the answer JSON.
func (m *module) Control(_ context.Context, words []string) (string, error) {
	args := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "--json" })
	answer, err := m.command(args)
	if err != nil {
		return "", err
	}
	if len(args) == len(words) {
		return answer.text(), nil
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	return string(text) + "\n", err
}

// answer is what a command found; --json prints its exported fields.
type answer interface{ text() string }

func (m *module) command(words []string) (answer, error) {
	line := strings.Join(words, " ")
	switch {
	case len(words) == 3 && strings.HasPrefix(line, cmdFlush+" "):
		return m.flush(words[2])
	case line == cmdStats:
		return m.stats(), nil
	case line == cmdLDAPFlush:
		return m.flushKept(), nil
	case line == cmdLDAPStats:
		return m.kept(), nil
	}
	return nil, errors.New("usage: " + cmdFlush + " NAME | " + strings.Join(commandNames()[1:], " | "))
}

// flushed is the answer of ds_core flush.
type flushed struct {
	Cache   string `json:"cache"`
	Entries int    `json:"entries"`
}

func (f flushed) text() string {
	return fmt.Sprintf("flushed %d entries from cache '%s'\n", f.Entries, f.Cache)
}

func (m *module) flush(name string) (answer, error) {
	s, _ := m.find(0, name)
	if s == nil {
		return nil, fmt.Errorf("there is no datasource %q", name)
	}
	f := flushed{Cache: name}
	if s.cache != nil {
		f.Entries = s.cache.flush()
	}
	return f, nil
}

// cacheStats are the figures of one datasource.
type cacheStats struct {
	Name     string `json:"name"`
	Cached   bool   `json:"cached"`
	Capacity int64  `json:"capacity"`
	Entries  int    `json:"entries"`
	Hits     int64  `json:"hits"`
	Misses   int64  `json:"misses"`
	Pending  int64  `json:"pending"`
	Stale    int64  `json:"stale"`
	Inserts  int64  `json:"inserts"`
	Manual   int64  `json:"deleted_manually"`
	TTL      int64  `json:"deleted_ttl"`
	LRU      int64  `json:"deleted_lru"`
}

// statsTable is the answer of ds_core stats, laid out as the manual has it.
type statsTable []cacheStats

const statsHead = `cache name                      lookups %                  deletions %
                       elts  hit miss pend  total  inserts man ttl lru  total
---------------------- ----- -------------------- -------- ------------------
`

func (t statsTable) text() string {
	var b strings.Builder
	b.WriteString(statsHead)
	for _, s := range t {
		if !s.Cached {
			fmt.Fprintf(&b, "%s (no cache)\n", s.Name)
			continue
		}
		hits := s.Hits + s.Stale
		lookups, deleted := hits+s.Misses+s.Pending, s.Manual+s.TTL+s.LRU
		fmt.Fprintf(&b, "%s\n%28d %3d %3d %3d %8d %8d %3d %3d %3d %6d\n", s.Name, s.Entries,
			percent(hits, lookups), percent(s.Misses, lookups), percent(s.Pending, lookups), lookups, s.Inserts,
			percent(s.Manual, deleted), percent(s.TTL, deleted), percent(s.LRU, deleted), deleted)
	}
	return b.String()
}

func percent(n, of int64) int64 {
	if of == 0 {
		return 0
	}
	return n * 100 / of
}

func (m *module) stats() answer {
	table := statsTable{}
	m.each(func(name string, s *shared) {
		if s.cache == nil {
			table = append(table, cacheStats{Name: name})
			return
		}
		s.cache.kept.CleanUp() // what expired is no entry
		n := &s.cache.counts
		table = append(table, cacheStats{Name: name, Cached: true, Capacity: s.opts.CacheSize, Entries: s.cache.kept.EstimatedSize(),
			Hits: n.hits.Load(), Misses: n.misses.Load(), Pending: n.pending.Load(), Stale: n.stale.Load(), Inserts: n.inserts.Load(),
			Manual: n.flushed.Load(), TTL: n.expired.Load(), LRU: n.evicted.Load()})
	})
	return table
}

// each calls f for each datasource of the current configuration, by name.
func (m *module) each(f func(name string, s *shared)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.current == nil {
		return
	}
	for _, name := range sortedNames(m.current.sources) {
		f(name, m.current.sources[name])
	}
}

// keptRow is one datasource's kept connections.
type keptRow struct {
	Datasource string `json:"datasource"`
	driver.Kept
}

type keptTable []keptRow

func (t keptTable) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %6s %6s %10s %10s\n", "DATASOURCE", "IDLE", "SIZE", "MADE", "REUSED")
	for _, r := range t {
		fmt.Fprintf(&b, "%-24s %6d %6d %10d %10d\n", r.Datasource, r.Idle, r.Size, r.Made, r.Used)
	}
	return b.String()
}

func (m *module) kept() answer {
	table := keptTable{}
	m.each(func(name string, s *shared) {
		row, any := keptRow{Datasource: name}, false
		for _, n := range s.nodes {
			if k, ok := n.pool.(driver.Keeper); ok {
				one := k.Kept()
				row.Idle, row.Size, row.Made, row.Used = row.Idle+one.Idle, row.Size+one.Size, row.Made+one.Made, row.Used+one.Used
				any = true
			}
		}
		if any {
			table = append(table, row)
		}
	})
	return table
}

// closedKept is the answer of ds_ldap flush connection cache.
type closedKept struct {
	Closed int `json:"closed"`
}

func (c closedKept) text() string { return fmt.Sprintf("closed %d connections\n", c.Closed) }

func (m *module) flushKept() answer {
	var c closedKept
	m.each(func(_ string, s *shared) {
		for _, n := range s.nodes {
			if k, ok := n.pool.(driver.Keeper); ok {
				c.Closed += k.Flush()
			}
		}
	})
	return c
}
