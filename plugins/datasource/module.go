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
	"github.com/mtad/mtad/plugins/datasource/driver/csv"
	"github.com/mtad/mtad/plugins/datasource/driver/http"
	"github.com/mtad/mtad/plugins/datasource/driver/iowrapper"
	"github.com/mtad/mtad/plugins/datasource/driver/lack"
	"github.com/mtad/mtad/plugins/datasource/driver/ldap"
	"github.com/mtad/mtad/plugins/datasource/driver/mysql"
	"github.com/mtad/mtad/plugins/datasource/driver/pgsql"
	"github.com/mtad/mtad/plugins/datasource/driver/redis"
	"github.com/mtad/mtad/plugins/datasource/driver/sqlite"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Drivers are the database drivers there are.
func Drivers() []driver.Driver {
	return append([]driver.Driver{
		sqlite.Driver{}, pgsql.Driver{}, mysql.Driver{}, ldap.Driver{Scheme: "ldap"}, ldap.Driver{Scheme: "ldaps"},
		csv.Driver{}, redis.Driver{}, http.Driver{Scheme: "http"}, http.Driver{Scheme: "https"}, iowrapper.Driver{},
	}, lack.Drivers()...)
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
	env     *env
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
	s := Schemas()[0]
	return sdk.Info{Name: scopeName, Version: "1", API: sdk.APIVersion, Schema: s,
		Help: "Cached database queries for scripts and modules.", Powers: sdk.CanQuery | sdk.CanControl}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	w := &world{host: host, sources: map[string]*shared{}}
	var bad sdk.PrepareError
	var warnings []sdk.Problem
	w.env, warnings, bad.Problems = newEnv(m.drivers, &c)
	m.mu.Lock()
	for i := range c.Scopes {
		if c.Scopes[i].Name != scopeName {
			continue
		}
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
	return sdk.Subscription{Controls: commandNames(), Warnings: warnings}, nil
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
		if old := m.current.sources[scope.Instance]; old != nil && sameOptions(&old.scope, scope) && m.current.env.same(w.env) {
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
	src, err := newSource(scope.Instance, o, w.env, m.now)
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
	if rows != nil && err != nil {
		host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "datasource",
			Text: fmt.Sprintf("%s: answered with an old result, because of\n\t%s", q.Datasource, strings.ReplaceAll(err.Error(), "\n", "\n\t"))})
		return rows, nil
	}
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

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
