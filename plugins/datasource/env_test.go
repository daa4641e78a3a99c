package datasource

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/credential"
	"github.com/mtad/mtad/sdk/option"
)

func named(name string, attrs ...string) option.Scope {
	s := scope("", attrs...)
	s.Name = name
	return s
}

// secretive is a driver that shows its password.
type secretive struct{ c driver.Config }

func (secretive) Name() string { return "secretive" }
func (secretive) Open(c driver.Config) (driver.Pool, error) {
	return &secretive{c}, nil
}
func (*secretive) Close() error { return nil }
func (s *secretive) Query(context.Context, *driver.Statement, int) (*sdk.Rows, error) {
	password, err := s.c.Secret(driver.Account{Facility: "secretive", Host: "DB1", User: "joe"}, "own")
	if err != nil {
		return nil, err
	}
	return &sdk.Rows{Columns: []string{"p"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: password}}}}, nil
}

// TestSecurecreds: a stored password comes in the place of the uri's, a changed
// one at the next connect; useless files refuse the configuration.
func TestSecurecreds(t *testing.T) {
	dir := t.TempDir()
	files := credential.Files{Store: filepath.Join(dir, "c.db"), Key: filepath.Join(dir, "c.key")}
	creds := named("securecreds", "credentials", files.Store, "key", files.Key)
	ds := scope("ds", "uri", "secretive:", "no_cache", "true")
	m := New([]driver.Driver{secretive{}}, time.Now).(*module)
	defer m.Close()
	if _, err := prepare(t, m, 1, creds, ds); err == nil || !strings.Contains(err.Error(), "m.conf:3:1: securecreds: ") {
		t.Fatalf("without files: %v", err)
	}
	look := func(want string) {
		t.Helper()
		rows, err := m.Query(context.Background(), &sdk.Query{Datasource: "ds", SQL: "x"})
		if err != nil || rows.Rows[0][0].Text != want {
			t.Errorf("%+v %v, want %s", rows, err, want)
		}
	}
	must(t, files.CreateStore())
	must(t, files.CreateKey(credential.DefaultSize))
	if _, err := prepare(t, m, 1, creds, ds); err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	look("own")
	must(t, files.Set(credential.Account{Facility: "secretive", Host: "db1", User: "joe"}, "stored"))
	look("stored")
	must(t, files.CreateKey(16))
	look("stored")
	must(t, os.Chmod(files.Key, 0o644))
	must(t, files.Set(credential.Account{Facility: "x", Host: "y", User: "z"}, "p"), "has mode")
	if _, err := prepare(t, m, 2, ds); err != nil { // the environment is another: no pool is taken over
		t.Fatal(err)
	}
	m.Commit(2)
	look("own")
}

// must wants no error, or one with these words.
func must(t *testing.T, err error, words ...string) {
	t.Helper()
	if len(words) == 0 && err != nil || len(words) > 0 && (err == nil || !strings.Contains(err.Error(), words[0])) {
		t.Fatal(err)
	}
}

func TestLDAPOptions(t *testing.T) {
	var got driver.Keep
	d := &probe{open: func(c driver.Config) { got = c.Keep }}
	for _, tc := range []struct {
		scopes []option.Scope
		want   driver.Keep
	}{
		{nil, driver.Keep{Size: 16, Life: 5 * time.Minute}},
		{[]option.Scope{named("ds_ldap", "connection_cache_size", "3", "connection_cache_life", "9")}, driver.Keep{Size: 3, Life: 9 * time.Second}},
	} {
		m := New([]driver.Driver{d}, time.Now)
		if _, err := prepare(t, m, 1, append(tc.scopes, scope("a", "uri", "probe:"))...); err != nil || got != tc.want {
			t.Errorf("%+v %v, want %+v", got, err, tc.want)
		}
		m.Close()
	}
}

type probe struct {
	fake
	open func(driver.Config)
}

func (p *probe) Name() string { return "probe" }
func (p *probe) Open(c driver.Config) (driver.Pool, error) {
	p.open(c)
	return &p.fake, nil
}

// TestPool: a pool must be there (manual, ds_core).
func TestPool(t *testing.T) {
	for pool, warnings := range map[string]int{"IO": 0, "cpu": 0, "db": 0, "dbx": 1} {
		f := &fake{}
		m := New([]driver.Driver{f}, time.Now)
		sub, err := m.Prepare(context.Background(), &host{}, sdk.Config{Generation: 1, Pools: []string{"db"}, Scopes: []option.Scope{scope("a", "uri", "fake:", "pool", pool)}})
		if err != nil || len(sub.Warnings) != warnings {
			t.Errorf("%s: %+v %v", pool, sub.Warnings, err)
		}
		m.Close()
	}
}

func TestLDAPCommands(t *testing.T) {
	m, _ := start(t, Drivers(), scope("dir", "uri", "ldap://127.0.0.1:1/"), scope("other", "uri", "sqlite::memory:"))
	reply, err := m.Control(context.Background(), strings.Fields("ds_ldap show connection cache stats"))
	if err != nil || !strings.Contains(reply, "\ndir ") || strings.Contains(reply, "other") {
		t.Errorf("%q %v", reply, err)
	}
	if reply, err := m.Control(context.Background(), strings.Fields("ds_ldap flush connection cache --json")); err != nil || reply != "{\n  \"closed\": 0\n}\n" {
		t.Errorf("%q %v", reply, err)
	}
	if _, err := m.Control(context.Background(), []string{"ds_core"}); err == nil {
		t.Error("half a command went well")
	}
}
