package datasource

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// clock is time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time      { return time.Unix(0, c.at.Load()) }
func (c *clock) add(d time.Duration) { c.at.Add(int64(d)) }

func text(n int64) *sdk.Rows {
	return &sdk.Rows{Columns: []string{"a"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumInt, Int: n}}}}
}

// startAt is start with a clock of the test's own.
func startAt(t *testing.T, c *clock, drivers []driver.Driver, scopes ...option.Scope) (*module, *host) {
	t.Helper()
	m := New(drivers, c.now).(*module)
	t.Cleanup(func() { m.Close() })
	h, err := prepare(t, m, 1, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	return m, h
}

// TestStaleIfError: an old result is used where there is no new one, the operator
// learns why, and a database that is down is not asked each time.
func TestStaleIfError(t *testing.T) {
	c := &clock{}
	var n atomic.Int64
	var down atomic.Bool
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) {
		if down.Load() {
			return nil, &driver.Error{Text: "gone", Down: true}
		}
		return text(n.Add(1)), nil
	}}
	m, h := startAt(t, c, []driver.Driver{f}, scope("ds", "uri", "fake:", "cache_life", "60", "stale_if_error", "3600"), scope("strict", "uri", "fake:", "cache_life", "60"))
	q := sdk.Query{Datasource: "ds", SQL: "x"}
	strict := sdk.Query{Datasource: "strict", SQL: "x"}
	look := func(want int64) {
		t.Helper()
		if got := query(t, m, q).Rows[0][0].Int; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	look(1)
	query(t, m, strict)
	c.add(59 * time.Second)
	look(1)
	c.add(time.Second)
	look(3)
	down.Store(true)
	c.add(time.Hour)
	look(3)
	if got := h.logged(); !strings.Contains(got, "datasource: ds: answered with an old result, because of\n\tprepare: gone") {
		t.Errorf("logged %q", got)
	}
	asked := f.asked.Load()
	look(3)
	if f.asked.Load() != asked {
		t.Error("a database that is down was asked again at once")
	}
	if _, err := m.Query(context.Background(), &strict); err == nil {
		t.Error("an old result without stale_if_error")
	}
	down.Store(false)
	c.add(deadFor)
	look(4)
	down.Store(true)
	c.add(time.Hour + time.Minute)
	if rows, err := m.Query(context.Background(), &q); err == nil {
		t.Errorf("older than stale_if_error allows: %+v", rows)
	}
}

// TestStaleWhileSilent: a database that says nothing delays nobody who can have an
// old result; one without gets an error when its time is over.
func TestStaleWhileSilent(t *testing.T) {
	c := &clock{}
	silent := make(chan struct{})
	var hang atomic.Bool
	f := &fake{answer: func(ctx context.Context) (*sdk.Rows, error) {
		if hang.Load() {
			<-silent // it minds no context either
		}
		return text(1), nil
	}}
	m, _ := startAt(t, c, []driver.Driver{f}, scope("ds", "uri", "fake:", "cache_life", "60", "stale_if_error", "600"))
	m.current.sources["ds"].cache.patience = time.Millisecond
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	c.add(time.Minute)
	hang.Store(true)
	if rows, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "x"}); err != nil || len(rows.Rows) != 1 {
		t.Errorf("%+v %v", rows, err)
	}
	for _, q := range []sdk.Query{{SQL: "y"}, {SQL: "y", NoCache: true}, {SQL: "y", Execute: true}} {
		q.Datasource = "ds"
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if _, err := m.Query(ctx, &q); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v: %v", q, err)
		}
		cancel()
	}
	close(silent)
}

// TestFlushForgetsWhatIsUnderWay: what was asked before a flush is not kept after
// it, and nobody who comes later waits for it.
func TestFlushForgetsWhatIsUnderWay(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var n atomic.Int64
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) {
		i := n.Add(1)
		if i == 1 {
			close(begun)
			<-release
		}
		return text(i), nil
	}}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	q := sdk.Query{Datasource: "ds", SQL: "x"}
	var wg sync.WaitGroup
	wg.Go(func() {
		if got := query(t, m, q).Rows[0][0].Int; got != 1 {
			t.Errorf("the first got %d", got)
		}
	})
	<-begun
	if _, err := m.Control(context.Background(), []string{"ds_core", "flush", "ds"}); err != nil {
		t.Fatal(err)
	}
	if got := query(t, m, q).Rows[0][0].Int; got != 2 {
		t.Errorf("after the flush: %d", got)
	}
	close(release)
	wg.Wait()
	if got := query(t, m, q).Rows[0][0].Int; got != 2 {
		t.Errorf("kept after the flush: %d", got)
	}
}

// TestOneQueryForAll: fifty who ask for the same while it is being asked for.
func TestOneQueryForAll(t *testing.T) {
	release := make(chan struct{})
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { <-release; return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	c := m.current.sources["ds"].cache
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { query(t, m, sdk.Query{Datasource: "ds", SQL: "x"}) })
	}
	for tick := time.NewTicker(time.Millisecond); c.counts.pending.Load() < 49; <-tick.C {
	}
	close(release)
	wg.Wait()
	if f.asked.Load() != 1 || c.counts.misses.Load() != 1 || c.counts.inserts.Load() != 1 {
		t.Errorf("asked %d times", f.asked.Load())
	}
}

// TestCacheIsBounded: no more results than cache_size.
func TestCacheIsBounded(t *testing.T) {
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:", "cache_size", "10"))
	for i := range 100 {
		query(t, m, sdk.Query{Datasource: "ds", SQL: "x", Positional: []sdk.Datum{{Kind: sdk.DatumInt, Int: int64(i)}}})
	}
	reply, err := m.Control(context.Background(), []string{"ds_core", "stats", "--json"})
	if err != nil || !strings.Contains(reply, `"entries": 10,`) || !strings.Contains(reply, `"deleted_lru": 90`) || !strings.Contains(reply, `"misses": 100`) {
		t.Errorf("%s %v", reply, err)
	}
}

// TestFileChanges: a file that is another now is read again, whatever cache_life
// says.
func TestFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := start(t, Drivers(), scope("csv", "uri", "csv:", "max_rows", "-1"), scope("io", "uri", "iowrapper:"))
	for i, content := range []string{"a,1\n", "a,1\nb,2\n"} {
		write(content)
		for range 2 {
			if rows := query(t, m, sdk.Query{Datasource: "csv", SQL: path + "?cols=2"}); len(rows.Rows) != i+1 {
				t.Errorf("%d: %+v", i, rows)
			}
			if rows := query(t, m, sdk.Query{Datasource: "io", SQL: path}); rows.Rows[0][0].Text != content {
				t.Errorf("%d: %+v", i, rows)
			}
		}
	}
	reply, err := m.Control(context.Background(), []string{"ds_core", "--json", "stats"})
	if err != nil || strings.Count(reply, `"hits": 2`) != 2 {
		t.Errorf("%s %v", reply, err)
	}
}

// TestSlowServerIsPassedOver: one that let a statement's time run out comes last
// for a while.
func TestSlowServerIsPassedOver(t *testing.T) {
	hung := &fake{name: "hung", answer: func(ctx context.Context) (*sdk.Rows, error) { <-ctx.Done(); return nil, driver.GivenUp(ctx) }}
	live := &fake{name: "live", answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	both := scope("ds", "uri", "", "no_cache", "true")
	both.Attrs[0].Value = list("hung:", "live:")
	m, _ := start(t, []driver.Driver{hung, live}, both)
	m.current.sources["ds"].opts.QueryTimeout = time.Millisecond
	failed := 0
	for range 10 {
		if _, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "x"}); err != nil {
			failed++
		}
	}
	if failed != 1 || hung.asked.Load() != 1 {
		t.Errorf("%d failed, the hung server was asked %d times", failed, hung.asked.Load())
	}
}

// TestErrorsHoldNoPassword: neither the driver's text nor the statement.
func TestErrorsHoldNoPassword(t *testing.T) {
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) {
		return nil, &driver.Error{Text: "GET http://joe:hunter2@h/: no"}
	}}
	m, h := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	_, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "ldap:///????bindname=cn=a,x-bindpw=hunter2"})
	if err == nil || strings.Contains(err.Error()+h.logged(), "hunter2") || !strings.Contains(err.Error(), "x-bindpw=********") {
		t.Errorf("%v, logged %q", err, h.logged())
	}
}

func TestLacking(t *testing.T) {
	m := New(Drivers(), time.Now)
	for uri, want := range map[string]string{"odbc:DSN=a;PWD=secret": "the driver odbc is not supported: unixODBC", "cdb:/x.cdb": "the driver cdb is not supported: mtad reads no"} {
		if _, err := prepare(t, m, 1, scope("a", "uri", uri)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// BenchmarkCached is a lookup in the cache, without the way to it.
func BenchmarkCached(b *testing.B) {
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	m := New([]driver.Driver{f}, time.Now).(*module)
	defer m.Close()
	if _, err := m.Prepare(context.Background(), &host{}, sdk.Config{Generation: 1, Scopes: []option.Scope{scope("ds", "uri", "fake:")}}); err != nil {
		b.Fatal(err)
	}
	m.Commit(1)
	q := &sdk.Query{Datasource: "ds", SQL: "SELECT a FROM b WHERE c = ? AND d = :d", Positional: []sdk.Datum{{Kind: sdk.DatumText, Text: "x"}}, Named: map[string]sdk.Datum{"d": {Kind: sdk.DatumInt, Int: 5}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Query(context.Background(), q); err != nil {
			b.Fatal(err)
		}
	}
}
