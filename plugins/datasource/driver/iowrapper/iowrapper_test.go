package iowrapper

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
)

func TestIOWrapper(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"alice.txt": "gold\n", "latin.txt": "\xe9"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Driver{}.Open(driver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(text, who string) (*sdk.Rows, error) {
		return p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: text, Named: map[string]sdk.Datum{"who": {Kind: sdk.DatumText, Text: who}}}), 100)
	}
	for query, want := range map[string]string{dir + "/$who.txt": "gold\n", "file://" + dir + "/alice.txt": "gold\n", dir + "/latin.txt": "é"} {
		rows, err := ask(query, "alice")
		if err != nil || len(rows.Rows) != 1 || len(rows.Rows[0]) != 1 || rows.Rows[0][0].Text != want || rows.Columns[0] != Column {
			t.Errorf("%s: %+v %v", query, rows, err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"", "../alice", "a/b", ".hidden", "nobody", "pipe", "alice\x00"} {
		var failed *driver.Error
		if rows, err := ask(dir+"/$who.txt", who); !errors.As(err, &failed) {
			t.Errorf("%q: %+v %v", who, rows, err)
		}
	}
	if _, err := ask("relative", ""); err == nil {
		t.Error("a relative path was taken")
	}
	if _, err := (Driver{}).Open(driver.Config{Rest: "/x"}); err == nil {
		t.Error("a uri with a path was taken")
	}
	drivertest.Suite{Driver: Driver{}, Any: dir + "/alice.txt", Broken: dir}.Run(t)
}
