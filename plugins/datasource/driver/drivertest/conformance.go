package drivertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Suite is what every driver passes, as far as its query language goes. The
// database holds three accounts, each with a name, a code and a note: alice, 250,
// "gold"; o'brien, 251, "it's fine"; bob, 252 and no note.
type Suite struct {
	Driver driver.Driver
	Rest   string // of the uri
	Config driver.Config

	// ByName asks for name, code and note of one account by the parameter who;
	// All for the names of all. One that is empty cannot be written in the driver's
	// language, and neither can Broken, which the database refuses.
	ByName, All, Broken string
	// Any is a query that has rows, where both ByName and All are empty.
	Any string
	// Columns are the names that code and note go by, where they have others.
	Columns map[string]string
	// Numbers says that a code is a number, and not text.
	Numbers bool
	// AllRows says that the driver minds no limit.
	AllRows bool
	// Server is what answers; nil: it cannot be stopped.
	Server *Process
	// Fill fills a server that came back empty.
	Fill func()
	// Account is whose password securecreds is asked for; zero: nobody's.
	Account driver.Account
	// Secret is a password of the uri, which no error may hold.
	Secret string
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	s.Config.Rest = s.Rest
	p, err := s.Driver.Open(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.ByName != "" {
		t.Run("lookup", func(t *testing.T) { s.lookup(t, p) })
		t.Run("hostile", func(t *testing.T) { s.hostile(t, p) })
	}
	if s.All != "" {
		t.Run("rows", func(t *testing.T) { s.rows(t, p) })
	}
	if s.Broken != "" {
		t.Run("refused", func(t *testing.T) { s.refused(t, p) })
	}
	if s.Account != (driver.Account{}) {
		t.Run("stored", s.stored)
	}
	t.Run("given up", func(t *testing.T) { s.givenUp(t, p) })
	if s.Server != nil {
		t.Run("down", func(t *testing.T) { s.down(t, p) })
	}
}

// one is the statement that the rest of the suite asks.
func (s Suite) one() sdk.Query {
	switch {
	case s.ByName != "":
		return s.who("alice")
	case s.All != "":
		return sdk.Query{SQL: s.All}
	}
	return sdk.Query{SQL: s.Any}
}

func (s Suite) who(name string) sdk.Query {
	return sdk.Query{SQL: s.ByName, Named: map[string]sdk.Datum{"who": {Kind: sdk.DatumText, Text: name}}}
}

func (s Suite) ask(ctx context.Context, p driver.Pool, q sdk.Query, limit int) (*sdk.Rows, error) {
	return p.Query(ctx, driver.Parse(&q), limit)
}

// field is a column of the first row.
func (s Suite) field(rows *sdk.Rows, name string) sdk.Datum {
	if own := s.Columns[name]; own != "" {
		name = own
	}
	for i, c := range rows.Columns {
		if strings.EqualFold(c, name) {
			return rows.Rows[0][i]
		}
	}
	return sdk.Datum{}
}

// plain is a value as text; NULL is "NULL".
func plain(d sdk.Datum) string {
	if d.Kind == sdk.DatumNull {
		return "NULL"
	}
	return driver.Text(d)
}

// lookup finds each account, several at once, and nobody where there is nobody.
func (s Suite) lookup(t *testing.T, p driver.Pool) {
	var wg sync.WaitGroup
	for range 5 {
		for name, want := range map[string]string{"alice": "250 gold", "o'brien": "251 it's fine", "bob": "252 NULL"} {
			wg.Go(func() {
				rows, err := s.ask(context.Background(), p, s.who(name), -1)
				if err != nil || len(rows.Rows) != 1 {
					t.Errorf("%s: %+v %v", name, rows, err)
					return
				}
				code := s.field(rows, "code")
				if got := plain(code) + " " + plain(s.field(rows, "note")); got != want || (code.Kind == sdk.DatumInt) != s.Numbers {
					t.Errorf("%s: %q, want %q; code is %+v", name, got, want, code)
				}
			})
		}
	}
	wg.Wait()
	for _, q := range []sdk.Query{s.who("nobody"), {SQL: s.ByName}} {
		if rows, err := s.ask(context.Background(), p, q, -1); err == nil && len(rows.Rows) != 0 {
			t.Errorf("nobody: %+v", rows)
		}
	}
	if rows, err := s.ask(context.Background(), p, s.who("nobody"), -1); err != nil {
		t.Errorf("nobody: %+v %v", rows, err)
	}
}

// hostile: what a peer says is a value, whatever it looks like.
func (s Suite) hostile(t *testing.T, p driver.Pool) {
	for _, name := range []string{"x' OR '1'='1", "*", "*)(objectClass=*", "alice,ou=people", "../accounts/alice", "..", "alice?note", "alice#",
		"%61lice", "$who", ":who", "?", "alice\nGET bob", `alice" "bob`, "\\", "alice%00", "alice;", "a'--", "", "\x00"} {
		rows, err := s.ask(context.Background(), p, s.who(name), -1)
		if err == nil && len(rows.Rows) != 0 {
			t.Errorf("%q found %+v", name, rows.Rows)
		}
		var failed *driver.Error
		if err != nil && (!errors.As(err, &failed) || failed.Down) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func (s Suite) rows(t *testing.T, p driver.Pool) {
	for limit, want := range map[int]int{-1: 3, 2: 2, 3: 3, 100: 3} {
		if s.AllRows {
			want = 3
		}
		rows, err := s.ask(context.Background(), p, sdk.Query{SQL: s.All}, limit)
		if err != nil || len(rows.Rows) != want {
			t.Errorf("limit %d: %+v %v", limit, rows, err)
		}
	}
}

func (s Suite) refused(t *testing.T, p driver.Pool) {
	_, err := s.ask(context.Background(), p, sdk.Query{SQL: s.Broken}, -1)
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Down || failed.Text == "" {
		t.Errorf("%q: %v", s.Broken, err)
	}
}

// stored: the store is asked for the uri's account, and one that cannot be read
// fails the connect (reference/datasource.md §2).
func (s Suite) stored(t *testing.T) {
	asked := make(chan driver.Account, 10)
	c := s.Config
	c.Password = func(a driver.Account) (string, bool, error) {
		asked <- a
		return "", false, errors.New("no key")
	}
	p, err := s.Driver.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = s.ask(context.Background(), p, s.one(), -1)
	var failed *driver.Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Text, "securecreds: no key") {
		t.Errorf("%v", err)
	}
	if a := <-asked; a != s.Account {
		t.Errorf("asked for %+v", a)
	}
}

// givenUp: who does not want to wait any more is not kept waiting, and the
// database is not to blame.
func (s Suite) givenUp(t *testing.T, p driver.Pool) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.ask(ctx, p, s.one(), -1)
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Down {
		t.Errorf("%v", err)
	}
	if rows, err := s.ask(context.Background(), p, s.one(), -1); err != nil || len(rows.Rows) == 0 {
		t.Errorf("the next query: %+v %v", rows, err)
	}
}

// down: a server that is gone is told apart from one that answers; it is used
// again once it is back; one that is silent holds nobody up.
func (s Suite) down(t *testing.T, p driver.Pool) {
	s.Server.Pause()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := s.ask(ctx, p, s.one(), -1)
	s.quiet(t, "silent", err)
	s.Server.Resume()
	s.Server.Stop()
	_, _ = s.ask(context.Background(), p, s.one(), -1) // a connection may have been lost within a statement
	_, err = s.ask(context.Background(), p, s.one(), -1)
	var failed *driver.Error
	if !errors.As(err, &failed) || !failed.Down {
		t.Errorf("with the server down: %#v", err)
	}
	s.quiet(t, "down", err)
	s.Server.Start()
	if s.Fill != nil {
		s.Fill()
	}
	if rows, err := s.ask(context.Background(), p, s.one(), -1); err != nil || len(rows.Rows) == 0 {
		t.Errorf("with the server back: %+v %v", rows, err)
	}
}

func (s Suite) quiet(t *testing.T, when string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", when)
	} else if s.Secret != "" && strings.Contains(err.Error(), s.Secret) {
		t.Errorf("%s: the password is in %q", when, err)
	}
}
