package sqlite

import (
	"context"
	"errors"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

func TestQuoteWord(t *testing.T) {
	for _, tc := range []struct{ query, want string }{
		{"SELECT nothing FROM t", "SELECT [nothing] FROM t"},
		{"SELECT t.Nothing, x FROM t", "SELECT t.[Nothing], x FROM t"},
		{"SELECT 'nothing', \"nothing\", [nothing], `nothing`", "SELECT 'nothing', \"nothing\", [nothing], `nothing`"},
		{"SELECT nothing_else, anothing, 'it''s nothing'", "SELECT nothing_else, anothing, 'it''s nothing'"},
		{"SELECT 'open nothing", "SELECT 'open nothing"},
		{"nothing", "[nothing]"},
		{"", ""},
	} {
		if got := quoteWord(tc.query, "nothing"); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.query, got, tc.want)
		}
	}
}

func TestLaterKeywordsAreNames(t *testing.T) {
	p, err := Driver{}.Open(driver.Config{Rest: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	run := func(query string, execute bool) (string, error) {
		rows, err := p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: query, Execute: execute}), 10)
		if err != nil || len(rows.Rows) == 0 {
			return "", err
		}
		return rows.Columns[0], nil
	}
	if _, err := run("CREATE TABLE old (nothing TEXT, Returning TEXT)", true); err == nil {
		t.Error("two different words are not tried")
	}
	for _, query := range []string{"CREATE TABLE old (nothing TEXT)", "INSERT INTO old (nothing) VALUES ('nothing')"} {
		if _, err := run(query, true); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := run("SELECT nothing FROM old WHERE nothing = 'nothing'", false); err != nil || name != "nothing" {
		t.Errorf("column %q, %v", name, err)
	}
	var failed *driver.Error
	if _, err := run("INSERT INTO old VALUES ('once'); SELECT nothing FROM old", true); !errors.As(err, &failed) {
		t.Errorf("the second of two statements is tried again: %v", err)
	}
	if _, err := run("SELECT nothing FROM nowhere", false); !errors.As(err, &failed) || failed.Text != "no such table: nowhere" {
		t.Errorf("got %v", err)
	}
	if _, err := run("SELECT x nothing y FROM", false); !errors.As(err, &failed) || failed.Text != `near "nothing": syntax error` {
		t.Errorf("a statement that stays wrong fails in the words of its own text: %v", err)
	}
}
