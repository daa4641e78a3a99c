package csv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func ask(t *testing.T, charset, query string) (*sdk.Rows, error) {
	t.Helper()
	p, err := Driver{}.Open(driver.Config{Charset: charset})
	if err != nil {
		t.Fatal(err)
	}
	return p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: query}), 1)
}

func TestConformance(t *testing.T) {
	path := file(t, "alice,250,gold\no'brien,251,it's fine\nbob,252\n")
	drivertest.Suite{Driver: Driver{}, All: path + "?cols=3", Broken: path + "?cosl=3", AllRows: true}.Run(t)
}

func shown(rows *sdk.Rows) string {
	out := strings.Join(rows.Columns, "|")
	for _, r := range rows.Rows {
		out += "\n"
		for i, d := range r {
			if i > 0 {
				out += "|"
			}
			if d.Kind == sdk.DatumNull {
				out += "NULL"
			}
			out += d.Text
		}
	}
	return out
}

func TestForms(t *testing.T) {
	for _, tc := range []struct{ text, options, want string }{
		{"10.0.0.0/8,a\n192.0.2.0/24,\"b, c\"\n", "?cols=2", "1|2\n10.0.0.0/8|a\n192.0.2.0/24|b, c"},
		{"a,b,c\nd\n", "?cols=2", "1|2\na|b\nd|NULL"},
		{"a, b\r\nc,\"say \"\"x\"\"\"\r\n", "", "1|2\na|b\nc|say \"x\""},
		{"\uFEFFnet,value\n10.0.0.0/8,x\n", "?header=true", "net|value\n10.0.0.0/8|x"},
		{"a,\"two\nlines\"\n\n\nb,c", "", "1|2\na|two\nlines\nb|c"},
		{"", "?cols=2", ""},
	} {
		rows, err := ask(t, "", "file://"+file(t, tc.text)+tc.options)
		if err != nil || shown(rows) != tc.want {
			t.Errorf("%q: %q %v, want %q", tc.text, shown(rows), err, tc.want)
		}
	}
	for _, query := range []string{"f.csv", "", "http://x/y", file(t, "a") + "?cols=0", file(t, "a") + "?header=maybe", file(t, "a,\"b\n"), "/nonexistent/f.csv", t.TempDir()} {
		var failed *driver.Error
		if _, err := ask(t, "", query); !errors.As(err, &failed) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestCharset: assume_charset, and what is assumed without it.
func TestCharset(t *testing.T) {
	for _, tc := range []struct{ charset, text, want string }{
		{"", "\xe9,x\n", "é"}, {"", "é,x\n", "é"}, {"iso-8859-1", "é,x\n", "Ã©"}, {"utf-8", "\xe9,x\n", "\uFFFD"},
		{"gbk", "\xd6\xd0,x\n", "中"}, {"big5", "\xa4\xa4,x\n", "中"}, {"iso-2022-jp", "\x1b$BF|\x1b(B,x\n", "日"},
	} {
		rows, err := ask(t, tc.charset, file(t, tc.text))
		if err != nil || len(rows.Rows) != 1 || !reflect.DeepEqual(rows.Rows[0], []sdk.Datum{{Kind: sdk.DatumText, Text: tc.want}, {Kind: sdk.DatumText, Text: "x"}}) {
			t.Errorf("%s: %+v %v", tc.charset, rows, err)
		}
	}
	if _, err := (Driver{}).Open(driver.Config{Charset: "klingon"}); err == nil || !strings.Contains(err.Error(), `assume_charset: mtad does not know the charset "klingon"`) {
		t.Errorf("%v", err)
	}
	if _, err := (Driver{}).Open(driver.Config{Rest: "/x.csv"}); err == nil {
		t.Error("a uri with a path was taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a,b\n\"c\n", 2, true)
	f.Fuzz(func(t *testing.T, text string, cols int, header bool) {
		rows, err := query{path: "f", cols: max(0, cols%10), header: header}.read(context.Background(), text)
		if err != nil {
			return
		}
		for _, r := range rows.Rows {
			if len(r) != len(rows.Columns) {
				t.Fatalf("%d fields in %d columns", len(r), len(rows.Columns))
			}
		}
	})
}
