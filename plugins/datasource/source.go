package datasource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// options are a datasource scope (reference/datasource.md §1).
type options struct {
	URI          []string      `opt:"uri" help:"driver:rest; several are used in turn, and must hold the same data."`
	CacheSize    int64         `opt:"cache_size" default:"1000" unit:"entries" help:"Results kept."`
	CacheLife    time.Duration `opt:"cache_life" default:"3600" unit:"seconds" help:"How long a result is kept."`
	MaxRows      int64         `opt:"max_rows" default:"100" help:"Most rows fetched by one query; -1 for all."`
	NoCache      bool          `opt:"no_cache" default:"false" help:"Keep no results."`
	Pool         string        `opt:"pool" default:"IO" help:"Taken for compatibility: each datasource has connections of its own."`
	Serialized   bool          `opt:"serialized" default:"true" help:"Taken for compatibility with clusters."`
	Charset      string        `opt:"assume_charset" help:"Taken for compatibility: databases tell their charset."`
	Isolation    string        `opt:"isolation" enum:"process,core" default:"process" help:"Run the module in a process of its own, or inside the core; the same for all datasources."`
	QueryTimeout time.Duration `opt:"query_timeout" default:"30" unit:"seconds" help:"Longest a statement may take."`
}

// deadFor is how long a database that did not answer is passed over.
const deadFor = 5 * time.Second

// source is one named datasource.
type source struct {
	name  string
	opts  options
	nodes []*node
	turn  atomic.Uint64
	cache *otter.Cache[string, *sdk.Rows]
	now   func() time.Time

	open   sync.RWMutex // held for reading by every statement under way
	closed bool
}

// node is one uri of a datasource.
type node struct {
	pool driver.Pool
	dead atomic.Int64 // Unix nanoseconds until which it is passed over
}

func newSource(name string, o options, drivers []driver.Driver, now func() time.Time) (*source, error) {
	if len(o.URI) == 0 {
		return nil, errors.New("a datasource needs a uri")
	}
	s := &source{name: name, opts: o, now: now}
	for _, uri := range o.URI {
		pool, err := openURI(uri, drivers)
		if err != nil {
			s.close()
			return nil, err
		}
		s.nodes = append(s.nodes, &node{pool: pool})
	}
	if !o.NoCache && o.CacheSize > 0 && o.CacheLife > 0 {
		s.cache = otter.Must(&otter.Options[string, *sdk.Rows]{
			MaximumSize:      int(o.CacheSize),
			ExpiryCalculator: otter.ExpiryWriting[string, *sdk.Rows](o.CacheLife),
			StatsRecorder:    stats.NewCounter(),
		})
	}
	return s, nil
}

// openURI finds the driver by the text before the first colon.
func openURI(uri string, drivers []driver.Driver) (driver.Pool, error) {
	name, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return nil, fmt.Errorf("uri %q has no driver in front of a colon", name)
	}
	var known []string
	for _, d := range drivers {
		if d.Name() == name {
			return d.Open(rest)
		}
		known = append(known, d.Name())
	}
	if near := option.Nearest(name, known); near != "" {
		return nil, fmt.Errorf("there is no datasource driver %q; did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("there is no datasource driver %q; there are %s", name, strings.Join(known, ", "))
}

func (s *source) close() {
	s.open.Lock()
	defer s.open.Unlock()
	s.closed = true
	for _, n := range s.nodes {
		_ = n.pool.Close() // the statements are done; what closing could fail at is lost anyway
	}
	if s.cache != nil {
		s.cache.StopAllGoroutines()
	}
}

// query answers from the cache, or asks a database.
func (s *source) query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	st := driver.Parse(q)
	if s.cache == nil || q.NoCache || q.Execute {
		return s.ask(ctx, st)
	}
	return s.cached(ctx, q, st)
}

// answer is what a load came to.
type answer struct {
	rows *sdk.Rows
	err  error
}

// cached asks once for all who want the same at the same time. The load does
// not end with the caller that began it: others may wait for it.
func (s *source) cached(ctx context.Context, q *sdk.Query, st *driver.Statement) (*sdk.Rows, error) {
	key := cacheKey(q)
	if rows, ok := s.cache.GetIfPresent(key); ok {
		return rows, nil
	}
	done := make(chan answer, 1)
	go func() { // ends with the query's own time-out, in ask
		rows, err := s.cache.Get(context.WithoutCancel(ctx), key, otter.LoaderFunc[string, *sdk.Rows](func(ctx context.Context, _ string) (*sdk.Rows, error) {
			return s.ask(ctx, st)
		}))
		done <- answer{rows, err}
	}()
	select {
	case a := <-done:
		return a.rows, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cacheKey is the query and its parameters (reference/lua-api-notes.md 50).
func cacheKey(q *sdk.Query) string {
	var b strings.Builder
	b.WriteString(q.SQL)
	for _, d := range q.Positional {
		writeDatum(&b, "", d)
	}
	for _, name := range sortedNames(q.Named) {
		writeDatum(&b, name, q.Named[name])
	}
	return b.String()
}

func writeDatum(b *strings.Builder, name string, d sdk.Datum) {
	fmt.Fprintf(b, "\x00%d:%s=%d:%d:", len(name), name, d.Kind, len(d.Text))
	b.WriteString(d.Text)
	b.WriteString(strconv.FormatInt(d.Int, 10))
	b.WriteByte(':')
	b.WriteString(strconv.FormatFloat(d.Float, 'g', -1, 64))
}

// ask gives the statement to the datasource's databases in turn, passing over
// those that did not answer of late. Another one is asked only when the
// statement cannot have run: no statement runs twice for one call.
func (s *source) ask(ctx context.Context, st *driver.Statement) (*sdk.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.QueryTimeout)
	defer cancel()
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return nil, &sdk.QueryError{Datasource: s.name, Text: "the datasource was taken out of the configuration", SQL: st.SQL}
	}
	limit := int(s.opts.MaxRows)
	var failed error
	for _, n := range s.inTurn() {
		rows, err := n.pool.Query(ctx, st, limit)
		var e *driver.Error
		if err == nil || !errors.As(err, &e) || !e.Down {
			return rows, s.failure(err, st)
		}
		n.dead.Store(s.now().Add(deadFor).UnixNano())
		failed = err
	}
	return nil, s.failure(failed, st)
}

// inTurn lists the nodes from the next in turn on, those believed dead last.
func (s *source) inTurn() []*node {
	first, now := int(s.turn.Add(1)-1), s.now().UnixNano()
	var live, dead []*node
	for i := range s.nodes {
		n := s.nodes[(first+i)%len(s.nodes)]
		if n.dead.Load() > now {
			dead = append(dead, n)
		} else {
			live = append(live, n)
		}
	}
	return append(live, dead...)
}

// failure words an error as the original does (reference/logs.md, paniclog):
// "prepare: 1: no such column: x", then the statement.
func (s *source) failure(err error, st *driver.Statement) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var e *driver.Error
	if errors.As(err, &e) && e.Code != 0 {
		text = strconv.Itoa(e.Code) + ": " + text
	}
	return &sdk.QueryError{Datasource: s.name, Stage: "prepare", Text: text + "\nfailed to prepare:     " + st.SQL, SQL: st.SQL}
}
