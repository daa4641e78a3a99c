package datasource

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/plugins/datasource/driver/mysql"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// number is an integer column's value as the database behind a uri has it:
// MySQL gives text.
func number(uri string, n int64) sdk.Datum {
	if strings.HasPrefix(uri, "mysql:") {
		return sdk.Datum{Kind: sdk.DatumText, Text: strconv.FormatInt(n, 10)}
	}
	return sdk.Datum{Kind: sdk.DatumInt, Int: n}
}

func TestMariaDB(t *testing.T) { exercise(t, drivertest.NewMariaDB(t).URI, mysql.Driver{}) }

// TestMariaDBGoesDown: a server that is gone is passed over, and asked again
// once it is back; without another one the script learns why.
func TestMariaDBGoesDown(t *testing.T) {
	first, second := drivertest.NewMariaDB(t), drivertest.NewMariaDB(t)
	both := scope("both", "uri", first.URI, "no_cache", "true")
	both.Attrs[0].Value = list(first.URI, second.URI)
	m, h := start(t, Drivers(), both, scope("one", "uri", first.URI, "no_cache", "true"))
	ask := func(ds string) (string, error) {
		rows, err := m.Query(context.Background(), &sdk.Query{Datasource: ds, SQL: "SELECT @@port"})
		if err != nil {
			return "", err
		}
		return rows.Rows[0][0].Text, nil
	}
	seen := map[string]int{}
	for range 4 {
		port, err := ask("both")
		if err != nil {
			t.Fatal(err)
		}
		seen[port]++
	}
	if one, two := strconv.Itoa(first.Port), strconv.Itoa(second.Port); seen[one] != 2 || seen[two] != 2 {
		t.Errorf("four queries went to %v", seen)
	}
	if _, err := ask("one"); err != nil {
		t.Fatal(err)
	}
	first.Stop()
	for range 4 {
		if port, err := ask("both"); err != nil || port != strconv.Itoa(second.Port) {
			t.Errorf("with one of two down: %q %v", port, err)
		}
	}
	_, err := ask("one")
	var failed *sdk.QueryError
	if !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), "prepare: 2003: failed to connect: dial tcp 127.0.0.1:") ||
		strings.Contains(err.Error(), "ectest") || !strings.Contains(h.logged(), "failed to connect") {
		t.Errorf("with all down: %v, logged %q", err, h.logged())
	}
	first.Start()
	if port, err := ask("one"); err != nil || port != strconv.Itoa(first.Port) {
		t.Errorf("after it came back: %q %v", port, err)
	}
}

func list(items ...string) option.Value {
	v := option.Value{Kind: option.KindList}
	for _, text := range items {
		v.List = append(v.List, option.Value{Kind: option.KindString, Text: text})
	}
	return v
}
