package driver

import (
	"reflect"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestBackslashed(t *testing.T) {
	for _, tc := range []struct {
		sql, want string
		args      []any
	}{
		{`'it\'s ?', ?`, `'it\'s ?', ?`, []any{"v"}},
		{`"a\"?", :n`, `"a\"?", ?`, []any{"N"}},
		{`'a\\', ?`, `'a\\', ?`, []any{"v"}},
		{"`a\\`, ?", "`a\\`, ?", []any{"v"}},
		{"1 # ?\n, ?", "1 # ?\n, ?", []any{"v"}},
		{"5--?", "5--?", []any{"v"}},
		{"5 -- ?\n, :n", "5 -- ?\n, ?", []any{"N"}},
		{"'open \\", "'open \\", []any{}},
		{"'open ?", "'open ?", []any{}},
	} {
		st := Parse(&sdk.Query{SQL: tc.sql, Positional: []sdk.Datum{text("v")}, Named: map[string]sdk.Datum{"n": text("N")}}).Backslashed()
		if st.Questions() != tc.want || !reflect.DeepEqual(st.Native(), tc.args) {
			t.Errorf("%s: %q %v", tc.sql, st.Questions(), st.Native())
		}
	}
}

func FuzzBackslashed(f *testing.F) {
	f.Add(`SELECT ? FROM x WHERE a = :b -- c # \' /* d */ 'e\'' "`)
	f.Fuzz(func(t *testing.T, s string) {
		st := Parse(&sdk.Query{SQL: s}).Backslashed()
		if len(st.parts) != len(st.args)+1 || len(st.Native()) != len(st.args) {
			t.Errorf("%d parts, %d arguments", len(st.parts), len(st.args))
		}
	})
}
