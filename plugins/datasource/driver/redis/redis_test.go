package redis

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, uri string, c driver.Config) driver.Pool {
	t.Helper()
	c.Rest = strings.TrimPrefix(uri, "redis:")
	p, err := Driver{}.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(p driver.Pool, execute bool, text string, values ...string) (*sdk.Rows, error) {
	q := &sdk.Query{SQL: text, Execute: execute, Named: map[string]sdk.Datum{}}
	for _, v := range values {
		d := sdk.Datum{Kind: sdk.DatumText, Text: v}
		q.Positional = append(q.Positional, d)
		q.Named["v"] = d
	}
	return p.Query(context.Background(), driver.Parse(q), -1)
}

func fill(t *testing.T, p driver.Pool) {
	t.Helper()
	for _, a := range [][3]string{{"alice", "250", "gold"}, {"o'brien", "251", "it's fine"}, {"bob", "252", ""}} {
		if _, err := run(p, true, "SADD accounts ?", a[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := run(p, true, "HSET account:$v code "+a[1], a[0]); err != nil {
			t.Fatal(err)
		}
		if a[2] != "" {
			if _, err := run(p, true, `HSET "account:`+a[0]+`" note ?`, a[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRedis(t *testing.T) {
	s := drivertest.NewRedis(t)
	p := open(t, s.URI, driver.Config{})
	fill(t, p)
	t.Run("answers", func(t *testing.T) { answers(t, p) })
	t.Run("connects", func(t *testing.T) { connects(t, s) })
	drivertest.Suite{
		Driver: Driver{}, Rest: strings.TrimPrefix(s.URI, "redis:"), ByName: "HMGET account:$who code note", All: "SMEMBERS accounts",
		Broken: "NOSUCH command", Server: &s.Process, Fill: func() { fill(t, p) }, Secret: drivertest.RedisPassword,
		Account: driver.Account{Facility: "redis", Host: "127.0.0.1"},
	}.Run(t)
}

// answers: what becomes of each kind of answer.
func answers(t *testing.T, p driver.Pool) {
	for _, c := range []string{"SET n 5", "RPUSH list a b c", "ZADD z 1.5 one 2 two", `SET "with blank" 'it is'`, `HSET h b 2 a 1`} {
		if _, err := run(p, true, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ command, columns, want string }{
		{"GET n", "value", "text 5"}, {"INCR n", "value", "int 6"}, {"GET none", "value", ""}, {"get  n", "value", "text 6"},
		{"LRANGE list 0 -1", "value", "text a\ntext b\ntext c"}, {"HGETALL h", "a b", "text 1 text 2"}, {"HGETALL none", "", ""},
		{"HMGET h b nothing a", "b nothing a", "text 2 null text 1"}, {"HMGET none a", "a", ""}, {"MGET n none", "value", "text 6\nnull"},
		{"ZRANGE z 0 -1 WITHSCORES", "1 2", "text one float 1.5\ntext two float 2"}, {`GET "with blank"`, "value", "text it is"},
		{`GET "with\ blank"`, "value", "text it is"}, {"EXISTS n", "value", "int 1"}, {`ECHO "a\"b"`, "value", `text a"b`}, {"ECHO ''", "value", "text "},
	} {
		rows, err := run(p, false, tc.command)
		if err != nil {
			t.Errorf("%s: %v", tc.command, err)
			continue
		}
		if got := shown(rows); got != tc.want || strings.Join(rows.Columns, " ") != tc.columns {
			t.Errorf("%s: %q %q, want %q %q", tc.command, rows.Columns, got, tc.columns, tc.want)
		}
	}
	for _, command := range []string{"", "SELECT 1", "subscribe x", `GET "open`, "HGET", "BLPOP a 0", "LPUSH n x"} {
		var failed *driver.Error
		if _, err := run(p, false, command); !errors.As(err, &failed) || failed.Down {
			t.Errorf("%q: %v", command, err)
		}
	}
}

func shown(rows *sdk.Rows) string {
	kinds := [...]string{sdk.DatumNull: "null", sdk.DatumText: "text ", sdk.DatumInt: "int ", sdk.DatumFloat: "float ", sdk.DatumBool: "bool "}
	var lines []string
	for _, r := range rows.Rows {
		var row []string
		for _, d := range r {
			row = append(row, kinds[d.Kind]+driver.Text(d))
		}
		lines = append(lines, strings.Join(row, " "))
	}
	return strings.Join(lines, "\n")
}

// connects: by a socket, with a stored password, and not with a wrong one.
func connects(t *testing.T, s *drivertest.Redis) {
	stored := func(driver.Account) (string, bool, error) { return drivertest.RedisPassword, true, nil }
	for name, p := range map[string]driver.Pool{
		"unix":        open(t, "unix="+s.Socket+";password="+drivertest.RedisPassword, driver.Config{}),
		"securecreds": open(t, strings.ReplaceAll(s.URI, drivertest.RedisPassword, "other"), driver.Config{Password: stored}),
	} {
		if rows, err := run(p, false, "GET n"); err != nil || len(rows.Rows) != 1 {
			t.Errorf("%s: %+v %v", name, rows, err)
		}
	}
	_, err := run(open(t, strings.ReplaceAll(s.URI, drivertest.RedisPassword, "wrongone"), driver.Config{}), false, "GET n")
	var failed *driver.Error
	if !errors.As(err, &failed) || !failed.Down || strings.Contains(err.Error(), "wrongone") {
		t.Errorf("%v", err)
	}
	broken := func(driver.Account) (string, bool, error) { return "", false, errors.New("no key") }
	if _, err := run(open(t, s.URI, driver.Config{Password: broken}), false, "GET n"); err == nil || !strings.Contains(err.Error(), "securecreds: no key") {
		t.Errorf("%v", err)
	}
}

func TestOpen(t *testing.T) {
	for rest, want := range map[string]string{"hots=a": `did you mean "host"?`, "secret": "must be key=value", "port=0": "port must be", "db=x": "db must be", "unix=a": "absolute", "tls=yes": "tls must be"} {
		if _, err := (Driver{}).Open(driver.Config{Rest: rest}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", rest, err)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add(`HMGET "a$v" ? 'x'`, "v")
	f.Fuzz(func(t *testing.T, text, value string) {
		with := &sdk.Query{SQL: text, Named: map[string]sdk.Datum{"v": {Kind: sdk.DatumText, Text: value}}}
		without := &sdk.Query{SQL: text, Named: map[string]sdk.Datum{"v": {Kind: sdk.DatumText, Text: "x"}}}
		a, errA := command(driver.Parse(with))
		b, errB := command(driver.Parse(without))
		if errA == nil && errB == nil && len(a) != len(b) {
			t.Errorf("%q: a parameter made %d words of %d", text, len(a), len(b))
		}
	})
}
