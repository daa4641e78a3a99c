package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver that the test fills its file with

	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/test/mtatest"
)

// customers asks a datasource for each recipient.
func customers() mtatest.Script {
	return script("customers", `
require("msys.db");
function mod:validate_rcptto(msg, str, ac, vctx)
  local user = msg:rcptto():match("(.*)@");
  local row, err = msys.db.fetch_row("customers", "SELECT code, note FROM accounts WHERE name = ?", { user });
  if err then vctx:set_code(451, "later"); return msys.core.VALIDATE_DONE; end
  if not row then vctx:set_code(550, "no such customer " .. user); return msys.core.VALIDATE_DONE; end
  print("found " .. user .. " " .. tostring(row.code) .. " " .. row.note);
  local n = 0;
  for r in msys.db.query("customers", "SELECT name FROM accounts ORDER BY name", {}) do n = n + 1; end
  print("in all " .. n);
  return msys.core.VALIDATE_CONT;
end
`)
}

// fill makes the table.
func fill(t *testing.T, db *sql.DB) {
	t.Helper()
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE accounts (name TEXT PRIMARY KEY, code INTEGER, note TEXT)",
		"INSERT INTO accounts VALUES ('alice', 250, 'gold'), ('o''brien', 251, 'it''s fine'), ('bob', 252, 'é')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDatasources: the same script, the same data, another uri.
func TestDatasources(t *testing.T) {
	t.Parallel()
	uri := drivertest.Postgres(t)
	config, err := pgx.ParseConfig(strings.NewReplacer("pgsql:", "", ";", " ").Replace(uri))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, stdlib.OpenDB(*config))
	file := filepath.Join(t.TempDir(), "customers.db")
	lite, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, lite)

	of := func(uri string) string {
		return fmt.Sprintf("datasource \"customers\" {\n uri = [%q]\n cache_size = 200\n cache_life = 360\n}\n", uri)
	}
	s := mtatest.Start(t, mtatest.Config{Global: of(uri), Scripts: []mtatest.Script{customers()}})
	for i, uri := range []string{uri, "sqlite:" + file} {
		driver, _, _ := strings.Cut(uri, ":")
		t.Run(driver, func(t *testing.T) {
			s.Configure(func(c *mtatest.Config) { c.Global = of(uri) })
			reload(t, s)
			s.PlayFile(t, "testdata/customers.smtp")
			s.In(t).Eventually("what was found", func() string {
				got := s.Printed()
				for _, line := range []string{"found alice 250 gold", "found o'brien 251 it's fine", "found bob 252 é"} {
					if count(got, line) != i+1 {
						return strings.Join(got, "\n")
					}
				}
				if count(got, "in all 3") != 3*(i+1) {
					return strings.Join(got, "\n")
				}
				return ""
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		s.Configure(func(c *mtatest.Config) { c.Global = of("sqlite:/nowhere/at/all.db") })
		reload(t, s)
		s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<alice@example.com>\nS: 4\\d\\d")
	})
}
