package datasource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/mysql"
	"github.com/mtad/mtad/plugins/datasource/driver/pgsql"
	"github.com/mtad/mtad/plugins/datasource/driver/sqlite"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Drivers are the database drivers there are.
func Drivers() []driver.Driver {
	return []driver.Driver{sqlite.Driver{}, pgsql.Driver{}, mysql.Driver{}}
}

// module is the datasource module. A datasource whose scope did not change
// keeps its connections and its cache across a reload.
type module struct {
	drivers []driver.Driver
	now     func() time.Time

	mu      sync.RWMutex
	worlds  map[uint64]*world // by generation
	current *world
}

// world is one generation's datasources.
type world struct {
	host    sdk.Host
	sources map[string]*shared
}

// shared is a source and the number of worlds that have it.
type shared struct {
	*source
	scope option.Scope
	users int
}

// New makes the module. Drivers() is what it is given outside of tests.
func New(drivers []driver.Driver, now func() time.Time) sdk.Module {
	return &module{drivers: drivers, now: now, worlds: map[uint64]*world{}}
}

// Info is part of sdk.Module.
func (m *module) Info() sdk.Info {
	s := option.SchemaOf("datasource", options{})
	s.Instance = option.InstanceRequired
	s.Help = "A named, cached connection to a database."
	return sdk.Info{Name: "datasource", Version: "1", API: sdk.APIVersion, Schema: s,
		Help: "Cached database queries for scripts and modules.", Powers: sdk.CanQuery | sdk.CanControl}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	w := &world{host: host, sources: map[string]*shared{}}
	var bad sdk.PrepareError
	m.mu.Lock()
	for i := range c.Scopes {
		if err := m.add(w, &c.Scopes[i]); err != nil {
			bad.Problems = append(bad.Problems, *err)
		}
	}
	if len(bad.Problems) > 0 {
		unused := release(w)
		m.mu.Unlock()
		closeAll(unused)
		return sdk.Subscription{}, &bad
	}
	m.worlds[c.Generation] = w
	m.mu.Unlock()
	return sdk.Subscription{Controls: []string{"ds_core flush", "ds_core stats"}}, nil
}

// add makes a datasource, or takes over the running one of an unchanged scope.
func (m *module) add(w *world, scope *option.Scope) *sdk.Problem {
	at := func(text string) *sdk.Problem {
		return &sdk.Problem{File: scope.Pos.File, Line: scope.Pos.Line, Column: scope.Pos.Column, Text: text}
	}
	if w.sources[scope.Instance] != nil {
		return at(fmt.Sprintf("datasource %q is there twice", scope.Instance))
	}
	if m.current != nil {
		if old := m.current.sources[scope.Instance]; old != nil && sameOptions(&old.scope, scope) {
			old.users++
			w.sources[scope.Instance] = old
			return nil
		}
	}
	var o options
	if problems := option.Decode(scope, &o); len(problems) > 0 {
		p := problems[0]
		return &sdk.Problem{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Text: p.Text}
	}
	src, err := newSource(scope.Instance, o, m.drivers, m.now)
	if err != nil {
		return at(fmt.Sprintf("datasource %q: %v", scope.Instance, err))
	}
	w.sources[scope.Instance] = &shared{source: src, scope: *scope, users: 1}
	return nil
}

// sameOptions compares what two scopes say, not where they say it.
func sameOptions(a, b *option.Scope) bool {
	return slices.EqualFunc(a.Attrs, b.Attrs, func(x, y option.Attr) bool {
		return x.Name == y.Name && sameValue(&x.Value, &y.Value)
	})
}

func sameValue(a, b *option.Value) bool {
	return a.Kind == b.Kind && a.Text == b.Text &&
		slices.EqualFunc(a.List, b.List, func(x, y option.Value) bool { return sameValue(&x, &y) })
}

// release lets go of a world's sources and gives those that nobody has any
// more. They are closed without the module's lock: closing waits for the
// statements under way, and other datasources go on meanwhile.
func release(w *world) (unused []*shared) {
	for _, s := range w.sources {
		if s.users--; s.users == 0 {
			unused = append(unused, s)
		}
	}
	return unused
}

func closeAll(list []*shared) {
	for _, s := range list {
		s.close()
	}
}

// Commit is part of sdk.Module.
func (m *module) Commit(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = m.worlds[generation]
}

// Abort is part of sdk.Module.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire is part of sdk.Module.
func (m *module) Retire(generation uint64) {
	var unused []*shared
	m.mu.Lock()
	if w := m.worlds[generation]; w != nil {
		delete(m.worlds, generation)
		if m.current == w {
			m.current = nil
		}
		unused = release(w)
	}
	m.mu.Unlock()
	closeAll(unused)
}

// Call is part of sdk.Module; a datasource has no hooks.
func (m *module) Call(context.Context, *sdk.Call) (*sdk.Answer, error) {
	return nil, sdk.ErrNotSupported
}

// SessionsEnded is part of sdk.Module.
func (m *module) SessionsEnded([]sdk.SessionEnd) {}

// Close is part of sdk.Module.
func (m *module) Close() error {
	var unused []*shared
	m.mu.Lock()
	for g, w := range m.worlds {
		delete(m.worlds, g)
		unused = append(unused, release(w)...)
	}
	m.current = nil
	m.mu.Unlock()
	closeAll(unused)
	return nil
}

// Query is part of sdk.Querier. It is answered by the datasources of the
// asker's generation: those of a configuration that is being prepared where a
// script's init asks, else those that its transaction began with.
func (m *module) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	s, host := m.find(q.Generation, q.Datasource)
	if s == nil {
		return nil, &sdk.QueryError{Datasource: q.Datasource, Text: fmt.Sprintf("there is no datasource %q", q.Datasource), SQL: q.SQL}
	}
	rows, err := s.query(ctx, q)
	var failed *sdk.QueryError
	if errors.As(err, &failed) {
		host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "datasource",
			Text: "failed to prepare\n\t" + strings.ReplaceAll(failed.Error(), "\n", "\n\t")})
	}
	return rows, err
}

// find gives a datasource of a generation; of the current one where that is
// not, or no longer, there.
func (m *module) find(generation uint64, name string) (*shared, sdk.Host) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	w := m.worlds[generation]
	if w == nil {
		w = m.current
	}
	if w == nil || w.sources[name] == nil {
		return nil, nil
	}
	return w.sources[name], w.host
}

// Control is part of sdk.Controller: ds_core flush NAME, ds_core stats
// (reference/datasource.md §1).
func (m *module) Control(_ context.Context, words []string) (string, error) {
	switch {
	case len(words) == 3 && words[1] == "flush":
		return m.flush(words[2])
	case len(words) == 2 && words[1] == "stats":
		return m.stats(), nil
	}
	return "", errors.New("usage: ds_core flush NAME | ds_core stats")
}

func (m *module) flush(name string) (string, error) {
	s, _ := m.find(0, name)
	if s == nil {
		return "", fmt.Errorf("there is no datasource %q", name)
	}
	entries := 0
	if s.cache != nil {
		s.cache.CleanUp() // what expired is no entry
		entries = s.cache.EstimatedSize()
		s.cache.InvalidateAll()
	}
	return fmt.Sprintf("flushed %d entries from cache '%s'\n", entries, name), nil
}

func (m *module) stats() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %10s %10s %10s %10s\n", "DATASOURCE", "ENTRIES", "HITS", "MISSES", "EVICTED")
	if m.current == nil {
		return b.String()
	}
	for _, name := range sortedNames(m.current.sources) {
		s := m.current.sources[name]
		if s.cache == nil {
			fmt.Fprintf(&b, "%-24s %10s\n", name, "no cache")
			continue
		}
		st := s.cache.Stats()
		fmt.Fprintf(&b, "%-24s %10d %10d %10d %10d\n", name, s.cache.EstimatedSize(), st.Hits, st.Misses, st.Evictions)
	}
	return b.String()
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
