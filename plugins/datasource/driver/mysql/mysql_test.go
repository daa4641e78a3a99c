package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, uri string) driver.Pool {
	t.Helper()
	p, err := Driver{}.Open(driver.Config{Rest: strings.TrimPrefix(uri, "mysql:")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func ask(t *testing.T, p driver.Pool, q sdk.Query) *sdk.Rows {
	t.Helper()
	rows, err := p.Query(context.Background(), driver.Parse(&q), -1)
	if err != nil {
		t.Fatalf("%s: %v", q.SQL, err)
	}
	return rows
}

func exec(t *testing.T, p driver.Pool, statements ...string) {
	t.Helper()
	for _, s := range statements {
		ask(t, p, sdk.Query{SQL: s, Execute: true})
	}
}

func text1(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }

// plain writes a row with NULL for a NULL.
func plain(row []sdk.Datum) string {
	var out []string
	for _, d := range row {
		switch d.Kind {
		case sdk.DatumNull:
			out = append(out, "NULL")
		case sdk.DatumText:
			out = append(out, d.Text)
		default:
			out = append(out, fmt.Sprintf("kind %d", d.Kind))
		}
	}
	return strings.Join(out, "|")
}

// TestDriver is one server for all that needs one.
func TestDriver(t *testing.T) {
	db := drivertest.NewMariaDB(t)
	p := open(t, db.URI)
	t.Run("values are text in both protocols", func(t *testing.T) { values(t, p) })
	t.Run("numbers are written as the server does", func(t *testing.T) { numbers(t, p) })
	t.Run("parameters", func(t *testing.T) { parameters(t, p) })
	t.Run("errors", func(t *testing.T) { failures(t, db, p) })
	t.Run("ways to connect", func(t *testing.T) { connects(t, db) })
	t.Run("a long rest", func(t *testing.T) { longRest(t, p) })
	t.Run("charset", func(t *testing.T) { charset(t, db, p) })
	t.Run("reconnect", func(t *testing.T) {
		db.Stop()
		db.Start()
		if got := plain(ask(t, p, sdk.Query{SQL: "SELECT 1"}).Rows[0]); got != "1" {
			t.Errorf("got %q", got)
		}
	})
}

// values: the same row by the text protocol, and by the binary one, which a
// parameter brings about.
func values(t *testing.T, p driver.Pool) {
	exec(t, p, "CREATE TABLE v (id INT, i INT, u BIGINT UNSIGNED, d DECIMAL(10,3), f FLOAT, g DOUBLE, h DOUBLE(10,2), s VARCHAR(20), b BLOB, at DATETIME, day DATE, tm TIME, y YEAR, n TEXT, e ENUM('a','b'), bit_ BIT(8), flag BOOLEAN)",
		"INSERT INTO v VALUES (1, -5, 18446744073709551615, 1.500, 1.1, 2.25, 1.5, 'é', x'00ff', '2026-02-03 04:05:06', '2026-02-03', '-12:30:00', 2026, NULL, 'b', b'01000001', TRUE)")
	const want = "1|-5|18446744073709551615|1.500|1.1|2.25|1.50|é|\x00\xff|2026-02-03 04:05:06|2026-02-03|-12:30:00|2026|NULL|b|A|1"
	for _, q := range []sdk.Query{
		{SQL: "SELECT * FROM v WHERE id = 1"},
		{SQL: "SELECT * FROM v WHERE id = ?", Positional: []sdk.Datum{text1("1")}},
	} {
		rows := ask(t, p, q)
		if len(rows.Rows) != 1 || plain(rows.Rows[0]) != want || rows.Columns[8] != "b" {
			t.Errorf("%s: %q\n%q", q.SQL, rows.Columns, plain(rows.Rows[0]))
		}
	}
	rows := ask(t, p, sdk.Query{SQL: "select 1 from v where id = ?", Positional: []sdk.Datum{{Kind: sdk.DatumInt, Int: 1}}})
	if len(rows.Rows) != 1 || rows.Columns[0] != "1" || plain(rows.Rows[0]) != "1" {
		t.Errorf("%+v", rows)
	}
	limited, err := p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: "SELECT 1 UNION SELECT 2 UNION SELECT 3"}), 2)
	if err != nil || len(limited.Rows) != 2 {
		t.Errorf("%+v %v", limited, err)
	}
	if rows := ask(t, p, sdk.Query{SQL: "UPDATE v SET i = 1 WHERE id = 99"}); len(rows.Rows) != 0 {
		t.Errorf("a query without a result gave %+v", rows)
	}
}

// numbers compares with what the server itself makes of a number, in text.
func numbers(t *testing.T, p driver.Pool) {
	exec(t, p, "CREATE TABLE nums (g DOUBLE, f FLOAT)")
	for _, n := range []string{"0", "-1.5", "1e14", "1e15", "123456789012345678", "2.5e20", "-3e-20", "1e-15", "0.00001", "0.1", "3.14159265358979", "1234567.891", "16777217"} {
		exec(t, p, "DELETE FROM nums", "INSERT INTO nums VALUES ("+n+", "+n+")")
		want := plain(ask(t, p, sdk.Query{SQL: "SELECT CONCAT(g), CONCAT(f) FROM nums"}).Rows[0])
		for _, q := range []sdk.Query{
			{SQL: "SELECT g, f FROM nums"},
			{SQL: "SELECT g, f FROM nums WHERE 1 = ?", Positional: []sdk.Datum{text1("1")}},
		} {
			if got := plain(ask(t, p, q).Rows[0]); got != want {
				t.Errorf("%s by %s: %s, want %s", n, q.SQL, got, want)
			}
		}
	}
}

func parameters(t *testing.T, p driver.Pool) {
	for _, tc := range []struct {
		q    sdk.Query
		want string
	}{
		{sdk.Query{SQL: `SELECT ?, :n, $n, ?`, Positional: []sdk.Datum{text1(`x' OR "1"\`)}, Named: map[string]sdk.Datum{"n": text1("N")}}, `x' OR "1"\|N|N|NULL`},
		{sdk.Query{SQL: `SELECT '?', 'it\'s :n', "a\"?", ? # :n`, Positional: []sdk.Datum{text1("v")}}, `?|it's :n|a"?|v`},
		{sdk.Query{SQL: "SELECT 5--?, -- ?\n :m /* :m */", Positional: []sdk.Datum{{Kind: sdk.DatumInt, Int: 2}}, Named: map[string]sdk.Datum{"m": {Kind: sdk.DatumBool, Int: 1}}}, "7|1"},
		{sdk.Query{SQL: "SELECT ? + 1, @x := :f", Positional: []sdk.Datum{{Kind: sdk.DatumInt, Int: 41}}, Named: map[string]sdk.Datum{"f": {Kind: sdk.DatumFloat, Float: 1.5}}}, "42|1.5"},
		{sdk.Query{SQL: "SELECT ? IS NULL", Positional: []sdk.Datum{{}}}, "1"},
		{sdk.Query{SQL: "SELECT 1 LIMIT ?", Positional: []sdk.Datum{{Kind: sdk.DatumInt, Int: 1}}}, "1"},
		{sdk.Query{SQL: "SHOW DATABASES LIKE :db", Named: map[string]sdk.Datum{"db": text1("ectest")}}, "ectest"},
		{sdk.Query{SQL: "SHOW DATABASES WHERE `Database` = :db OR 1 = 2", Named: map[string]sdk.Datum{"db": text1("ectest")}}, "ectest"},
		{sdk.Query{SQL: "SHOW CHARACTER SET LIKE ?", Positional: []sdk.Datum{text1(`x' OR 1=1 -- \\`)}}, ""},
		{sdk.Query{SQL: "SELECT 2", Positional: []sdk.Datum{text1("too many")}, Named: map[string]sdk.Datum{"raise_error": {Kind: sdk.DatumBool}}}, "2"},
	} {
		rows := ask(t, p, tc.q)
		if tc.want == "" && len(rows.Rows) == 0 {
			continue
		}
		if len(rows.Rows) != 1 || plain(rows.Rows[0]) != tc.want {
			t.Errorf("%s: %+v, want %s", tc.q.SQL, rows.Rows, tc.want)
		}
	}
}

func failures(t *testing.T, db *drivertest.MariaDB, p driver.Pool) {
	fail := func(ctx context.Context, p driver.Pool, q sdk.Query) driver.Error {
		t.Helper()
		_, err := p.Query(ctx, driver.Parse(&q), -1)
		var e *driver.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", q.SQL, err)
		}
		return *e
	}
	ctx := context.Background()
	if e := fail(ctx, p, sdk.Query{SQL: "SELECT x FROM nowhere WHERE a = ?"}); e != (driver.Error{Code: 1146, Text: "Table 'ectest.nowhere' doesn't exist"}) {
		t.Errorf("%+v", e)
	}
	if e := fail(ctx, p, sdk.Query{SQL: "SELECT 1; SELECT 2"}); e.Code != 1064 || e.Down {
		t.Errorf("two statements: %+v", e)
	}
	stranger := open(t, strings.Replace(db.URI, "password=ectest", "password=wrong", 1))
	if e := fail(ctx, stranger, sdk.Query{SQL: "SELECT 1"}); e.Code != 1045 || !e.Down || !strings.HasPrefix(e.Text, "failed to connect: Access denied for user 'ectest'@") {
		t.Errorf("%+v", e)
	}
	if e := fail(ctx, open(t, db.URI), sdk.Query{SQL: "KILL CONNECTION CONNECTION_ID()", Execute: true}); e.Down {
		t.Errorf("a connection lost within a statement: %+v", e)
	}
	db.Pause()
	defer db.Resume()
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if e := fail(soon, p, sdk.Query{SQL: "SELECT 1"}); e.Down || !strings.Contains(e.Text, "given up: context deadline exceeded") {
		t.Errorf("a statement that takes too long: %+v", e)
	}
	again, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if e := fail(again, open(t, db.URI), sdk.Query{SQL: "SELECT 1"}); !e.Down || !strings.HasPrefix(e.Text, "failed to connect: ") {
		t.Errorf("a server that does not greet: %+v", e)
	}
}

// connects: by a socket's path, by the one that "localhost" stands for, and
// with TLS where the server has it.
func connects(t *testing.T, db *drivertest.MariaDB) {
	const who = "dbname=ectest;user=ectest;password=ectest"
	local, err := parseURI("host=localhost;" + who)
	if err != nil {
		t.Fatal(err)
	}
	local.sockets = []string{db.Socket + ".none", db.Socket}
	byName, err := local.open()
	if err != nil {
		t.Fatal(err)
	}
	defer byName.Close()
	stored, err := Driver{}.Open(driver.Config{Rest: strings.TrimPrefix(strings.Replace(db.URI, "password=ectest", "password=other", 1), "mysql:"),
		Password: func(driver.Account) (string, bool, error) { return "ectest", true, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	for name, p := range map[string]driver.Pool{"unix": open(t, "unix="+db.Socket+";"+who), "localhost": byName, "tls": open(t, db.URI+";tls=preferred"), "securecreds": stored} {
		if got := plain(ask(t, p, sdk.Query{SQL: "SELECT CURRENT_USER()"}).Rows[0]); got != "ectest@localhost" {
			t.Errorf("%s: connected as %q", name, got)
		}
	}
	_, err = open(t, db.URI+";tls=true").Query(context.Background(), driver.Parse(&sdk.Query{SQL: "SELECT 1"}), 1)
	var e *driver.Error
	if !errors.As(err, &e) || !e.Down || !strings.Contains(e.Text, "TLS") {
		t.Errorf("a server without TLS: %v", err)
	}
}

// longRest: of a result without end only what is asked for is read, and the
// next statement is not behind it.
func longRest(t *testing.T, p driver.Pool) {
	const endless = "SELECT a.COLUMN_NAME FROM information_schema.COLUMNS a, information_schema.COLUMNS b, information_schema.COLUMNS c"
	for _, q := range []sdk.Query{{SQL: endless}, {SQL: endless + " WHERE 1 = ?", Positional: []sdk.Datum{text1("1")}}} {
		rows, err := p.Query(context.Background(), driver.Parse(&q), 2)
		if err != nil || len(rows.Rows) != 2 {
			t.Fatalf("%v", err)
		}
	}
	if got := plain(ask(t, p, sdk.Query{SQL: "SELECT 1"}).Rows[0]); got != "1" {
		t.Errorf("got %q", got)
	}
}

// charset: text is UTF-8 whatever the table's charset; a table whose bytes are
// not what it says is read with its own.
func charset(t *testing.T, db *drivertest.MariaDB, p driver.Pool) {
	exec(t, p, "CREATE TABLE l (s VARCHAR(20)) CHARACTER SET latin1", "INSERT INTO l VALUES (x'e9')")
	latin := open(t, db.URI+";charset=latin1")
	for _, tc := range []struct {
		p    driver.Pool
		want string
	}{{p, "é"}, {latin, "\xe9"}} {
		if got := plain(ask(t, tc.p, sdk.Query{SQL: "SELECT s FROM l"}).Rows[0]); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
