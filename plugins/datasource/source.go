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

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/credential"
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
	Charset      string        `opt:"assume_charset" help:"What files are in (csv, iowrapper); unset: UTF-8, and iso-8859-1 where that does not fit. Databases tell theirs."`
	StaleIfError time.Duration `opt:"stale_if_error" default:"0" unit:"seconds" help:"How long behind cache_life a result is still used where the query fails; 0: never."`
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
	cache *cache // nil: nothing is kept
	now   func() time.Time
	mask  *credential.Masker

	open   sync.RWMutex // held for reading by every statement under way
	closed bool
}

// node is one uri of a datasource.
type node struct {
	pool driver.Pool
	dead atomic.Int64 // Unix nanoseconds until which it is passed over
}

func newSource(name string, o options, env *env, now func() time.Time) (*source, error) {
	if len(o.URI) == 0 {
		return nil, errors.New("a datasource needs a uri")
	}
	s := &source{name: name, opts: o, now: now, mask: credential.NewMasker()}
	for _, uri := range o.URI {
		pool, err := openURI(uri, o.Charset, env)
		if err != nil {
			s.close()
			return nil, err
		}
		s.nodes = append(s.nodes, &node{pool: pool})
	}
	if !o.NoCache && o.CacheSize > 0 && o.CacheLife > 0 {
		s.cache = newCache(&o, now)
	}
	return s, nil
}

// openURI finds the driver by the text before the first colon.
func openURI(uri, charset string, env *env) (driver.Pool, error) {
	name, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return nil, errors.New("the uri has no driver in front of a colon")
	}
	var known []string
	for _, d := range env.drivers {
		if d.Name() == name {
			c := driver.Config{Rest: rest, Charset: charset, Keep: env.keep}
			if env.secrets != nil {
				c.Password = env.secrets.Lookup
			}
			return d.Open(c)
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
		s.cache.kept.StopAllGoroutines()
	}
}

// query answers from the cache, or asks a database. With rows and an error they
// are old ones, and the error is why.
func (s *source) query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	load := func(ctx context.Context) (*sdk.Rows, error) { return s.ask(ctx, driver.Parse(q)) }
	if s.cache == nil || q.NoCache || q.Execute {
		f := &flight{done: make(chan struct{})}
		go f.run(ctx, load)
		return f.wait(ctx)
	}
	return s.cache.get(ctx, cacheKey(q), s.stamp(q), load)
}

// stamp is the state of the file that a query reads; "" where it reads none.
func (s *source) stamp(q *sdk.Query) string {
	if p, ok := s.nodes[0].pool.(driver.Stamper); ok {
		return p.Stamp(driver.Parse(q))
	}
	return ""
}

// cacheKey is the query and its parameters (reference/lua-api-notes.md 50).
func cacheKey(q *sdk.Query) string {
	b := append(make([]byte, 0, len(q.SQL)+32), q.SQL...)
	for _, d := range q.Positional {
		b = appendDatum(b, "", d)
	}
	if len(q.Named) > 0 {
		for _, name := range sortedNames(q.Named) {
			b = appendDatum(b, name, q.Named[name])
		}
	}
	return string(b)
}

// appendDatum writes lengths in front of texts, so that no two lists are alike.
func appendDatum(b []byte, name string, d sdk.Datum) []byte {
	b = strconv.AppendInt(append(b, 0), int64(len(name)), 10)
	b = append(append(b, ':'), name...)
	b = strconv.AppendInt(append(b, byte('0'+d.Kind)), int64(len(d.Text)), 10)
	b = append(append(b, ':'), d.Text...)
	b = strconv.AppendInt(b, d.Int, 10)
	return strconv.AppendFloat(append(b, ':'), d.Float, 'g', -1, 64)
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
		down := errors.As(err, &e) && e.Down
		if down || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			n.dead.Store(s.now().Add(deadFor).UnixNano())
		}
		switch {
		case err == nil:
			return rows, nil
		case !down:
			return nil, s.failure(err, st)
		}
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
	sql := s.mask.Text(st.SQL)
	return &sdk.QueryError{Datasource: s.name, Stage: "prepare", Text: s.mask.Text(text) + "\nfailed to prepare:     " + sql, SQL: sql}
}
