package datasource

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/plugins/datasource/driver/pgsql"
	"github.com/mtad/mtad/plugins/datasource/driver/sqlite"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/credential"
	"github.com/mtad/mtad/sdk/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host takes log records; everything else it is asked for would be a mistake.
type host struct {
	sdk.Host
	mu   sync.Mutex
	logs []string
}

func (h *host) Log(r sdk.LogRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logs = append(h.logs, r.Source+": "+r.Text)
}

func (h *host) logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.logs, "\n")
}

func scope(name string, attrs ...string) option.Scope {
	s := option.Scope{Name: "datasource", Instance: name, Pos: option.Pos{File: "m.conf", Line: 3, Column: 1}}
	for i := 0; i < len(attrs); i += 2 {
		s.Attrs = append(s.Attrs, option.Attr{Name: attrs[i], Value: option.Value{Kind: option.KindString, Text: attrs[i+1]}})
	}
	return s
}

func prepare(t *testing.T, m sdk.Module, generation uint64, scopes ...option.Scope) (*host, error) {
	t.Helper()
	h := &host{}
	_, err := m.Prepare(context.Background(), h, sdk.Config{Generation: generation, Scopes: scopes})
	return h, err
}

func start(t *testing.T, drivers []driver.Driver, scopes ...option.Scope) (*module, *host) {
	t.Helper()
	m := New(drivers, time.Now).(*module)
	t.Cleanup(func() { m.Close() })
	h, err := prepare(t, m, 1, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	return m, h
}

func query(t *testing.T, m *module, q sdk.Query) *sdk.Rows {
	t.Helper()
	rows, err := m.Query(context.Background(), &q)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// exercise is what every backend must do alike.
func exercise(t *testing.T, uri string, drivers ...driver.Driver) {
	m, h := start(t, drivers, scope("ds", "uri", uri, "max_rows", "2"))
	query(t, m, sdk.Query{Datasource: "ds", Execute: true, SQL: "CREATE TABLE accounts (name VARCHAR(50) PRIMARY KEY, code INTEGER, note TEXT)"})
	for i, name := range []string{"good", "bad", "x' OR '1'='1"} {
		query(t, m, sdk.Query{Datasource: "ds", Execute: true, SQL: "INSERT INTO accounts VALUES (?, ?, :note)",
			Positional: []sdk.Datum{{Kind: sdk.DatumText, Text: name}, {Kind: sdk.DatumInt, Int: int64(i)}}})
	}
	byName := sdk.Query{Datasource: "ds", SQL: "SELECT name, code, note FROM accounts WHERE name = :n", Named: map[string]sdk.Datum{"n": {Kind: sdk.DatumText, Text: "bad"}}}
	rows := query(t, m, byName)
	if len(rows.Rows) != 1 || rows.Columns[1] != "code" || rows.Rows[0][1] != number(uri, 1) || rows.Rows[0][2].Kind != sdk.DatumNull {
		t.Errorf("row %+v", rows)
	}
	if rows := query(t, m, sdk.Query{Datasource: "ds", SQL: "SELECT * FROM accounts"}); len(rows.Rows) != 2 {
		t.Errorf("%d rows, max_rows is 2", len(rows.Rows))
	}
	query(t, m, sdk.Query{Datasource: "ds", Execute: true, SQL: "UPDATE accounts SET code = 9 WHERE name = 'bad'"})
	if rows := query(t, m, byName); rows.Rows[0][1] != number(uri, 1) {
		t.Error("the cached result was not used")
	}
	byName.NoCache = true
	if rows := query(t, m, byName); rows.Rows[0][1] != number(uri, 9) {
		t.Error("nocache used the cache")
	}
	for _, q := range []sdk.Query{{SQL: "SELECT nothing FROM nowhere"}, {SQL: "INSERT INTO nowhere VALUES (1)", Execute: true}, {SQL: "SELECT a FROM nowhere", NoCache: true}} {
		q.Datasource = "ds"
		rows, err := m.Query(context.Background(), &q)
		var failed *sdk.QueryError
		if rows != nil || !errors.As(err, &failed) || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(h.logged(), "failed to prepare:     "+q.SQL) {
			t.Errorf("%s: %v, error %v, logged %q", q.SQL, rows, err, h.logged())
		}
	}
}

func TestSQLite(t *testing.T) {
	exercise(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), sqlite.Driver{})
}

func TestPostgreSQL(t *testing.T) { exercise(t, drivertest.Postgres(t), pgsql.Driver{}) }

func TestSQLiteWording(t *testing.T) {
	m, _ := start(t, Drivers(), scope("ds", "uri", "sqlite::memory:"))
	_, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "SELECT bindings FROM customer_binding"})
	want := "prepare: 1: no such table: customer_binding\nfailed to prepare:     SELECT bindings FROM customer_binding"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestPrepareNamesEveryFault(t *testing.T) {
	m := New(Drivers(), time.Now)
	_, err := prepare(t, m, 1, scope("a", "uri", "sqlit:/x"), scope("b"), scope("c", "uri", "pgsql:nonsense password=secret"))
	var p *sdk.PrepareError
	if !errors.As(err, &p) || len(p.Problems) != 3 {
		t.Fatalf("%v", err)
	}
	text := err.Error()
	for _, want := range []string{`m.conf:3:1: datasource "a": there is no datasource driver "sqlit"; did you mean "sqlite"?`, `"b": a datasource needs a uri`, `"c": pgsql:`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a password is in an error")
	}
}

// fake is a database of the test's own.
type fake struct {
	name   string // "fake" if empty
	asked  atomic.Int64
	answer func(ctx context.Context) (*sdk.Rows, error)
	closed atomic.Bool
}

func (f *fake) Name() string {
	if f.name == "" {
		return "fake"
	}
	return f.name
}
func (f *fake) Open(driver.Config) (driver.Pool, error) { return f, nil }
func (f *fake) Close() error                            { f.closed.Store(true); return nil }
func (f *fake) Query(ctx context.Context, _ *driver.Statement, _ int) (*sdk.Rows, error) {
	f.asked.Add(1)
	return f.answer(ctx)
}

func one() *sdk.Rows {
	return &sdk.Rows{Columns: []string{"a"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumInt, Int: 1}}}}
}

func TestAskedOnceForAll(t *testing.T) {
	release := make(chan struct{})
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { <-release; return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	var wg sync.WaitGroup
	var good atomic.Int64
	for range 50 {
		wg.Go(func() {
			if rows, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "x"}); err == nil && len(rows.Rows) == 1 {
				good.Add(1)
			}
		})
	}
	close(release)
	wg.Wait()
	if good.Load() != 50 {
		t.Errorf("%d of 50 answered", good.Load())
	}
	before := f.asked.Load()
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	if f.asked.Load() != before {
		t.Error("asked again although the result is cached")
	}
}

func TestCallerMayGiveUp(t *testing.T) {
	release := make(chan struct{})
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { <-release; return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Query(ctx, &sdk.Query{Datasource: "ds", SQL: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(release)
}

func TestRoundRobinPassesOverTheDead(t *testing.T) {
	dead := &fake{answer: func(context.Context) (*sdk.Rows, error) { return nil, &driver.Error{Text: "gone", Down: true} }}
	live := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	s := &source{name: "ds", opts: options{MaxRows: -1, QueryTimeout: time.Minute}, now: func() time.Time { return time.Unix(9, 0) }, mask: credential.NewMasker(),
		nodes: []*node{{pool: dead}, {pool: live}}}
	for range 6 {
		if _, err := s.query(context.Background(), &sdk.Query{SQL: "x", Execute: true}); err != nil {
			t.Fatal(err)
		}
	}
	if dead.asked.Load() != 1 || live.asked.Load() != 6 {
		t.Errorf("dead was asked %d times, live %d", dead.asked.Load(), live.asked.Load())
	}
}

func TestNoStatementRunsTwice(t *testing.T) {
	broken := &fake{answer: func(context.Context) (*sdk.Rows, error) { return nil, &driver.Error{Text: "connection lost"} }}
	other := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	s := &source{name: "ds", opts: options{QueryTimeout: time.Minute}, now: time.Now, mask: credential.NewMasker(), nodes: []*node{{pool: broken}, {pool: other}}}
	if _, err := s.query(context.Background(), &sdk.Query{SQL: "x", Execute: true}); err == nil || other.asked.Load() != 0 {
		t.Errorf("error %v, the other database was asked %d times", err, other.asked.Load())
	}
}

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	if _, err := prepare(t, m, 2, scope("ds", "uri", "fake:")); err != nil {
		t.Fatal(err)
	}
	m.Commit(2)
	m.Retire(1)
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	if f.asked.Load() != 1 || f.closed.Load() {
		t.Errorf("asked %d times, closed %v: the cache was lost", f.asked.Load(), f.closed.Load())
	}
	if _, err := prepare(t, m, 3, scope("ds", "uri", "fake:", "cache_life", "5")); err != nil {
		t.Fatal(err)
	}
	m.Abort(3)
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	if _, err := prepare(t, m, 4); err != nil {
		t.Fatal(err)
	}
	m.Commit(4)
	m.Retire(2)
	if !f.closed.Load() {
		t.Error("a datasource that is gone is still open")
	}
	if _, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "x"}); err == nil {
		t.Error("a datasource that is gone still answers")
	}
}

// A script's init must see the datasources it will run with, and a transaction
// under way those it began with.
func TestEachGenerationHasItsOwn(t *testing.T) {
	old := &fake{name: "old", answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	young := &fake{name: "young", answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	m, _ := start(t, []driver.Driver{old, young}, scope("ds", "uri", "old:"))
	if _, err := prepare(t, m, 2, scope("ds", "uri", "young:")); err != nil {
		t.Fatal(err)
	}
	for _, generation := range []uint64{2, 1, 0} {
		query(t, m, sdk.Query{Datasource: "ds", SQL: "x", NoCache: true, Generation: generation})
	}
	if old.asked.Load() != 2 || young.asked.Load() != 1 {
		t.Errorf("before the commit old was asked %d times, young %d", old.asked.Load(), young.asked.Load())
	}
	m.Commit(2)
	for _, generation := range []uint64{2, 1, 0} {
		query(t, m, sdk.Query{Datasource: "ds", SQL: "x", NoCache: true, Generation: generation})
	}
	if old.asked.Load() != 3 || young.asked.Load() != 3 {
		t.Errorf("after it old was asked %d times, young %d", old.asked.Load(), young.asked.Load())
	}
}

func TestControl(t *testing.T) {
	f := &fake{answer: func(context.Context) (*sdk.Rows, error) { return one(), nil }}
	m, _ := start(t, []driver.Driver{f}, scope("ds", "uri", "fake:"))
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	reply, err := m.Control(context.Background(), []string{"ds_core", "stats"})
	if err != nil || reply != statsHead+"ds\n                           1  50  50   0        2        1   0   0   0      0\n" {
		t.Errorf("%q %v", reply, err)
	}
	if reply, err := m.Control(context.Background(), []string{"ds_core", "flush", "ds"}); err != nil || reply != "flushed 1 entries from cache 'ds'\n" {
		t.Fatalf("%q %v", reply, err)
	}
	query(t, m, sdk.Query{Datasource: "ds", SQL: "x"})
	if f.asked.Load() != 2 {
		t.Errorf("asked %d times after a flush, want 2", f.asked.Load())
	}
	if _, err := m.Control(context.Background(), []string{"ds_core", "flush", "other"}); err == nil {
		t.Error("flushing what is not there must fail")
	}
}
