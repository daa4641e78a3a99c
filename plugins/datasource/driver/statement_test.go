package driver

import (
	"reflect"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func text(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }

func TestPlaceholders(t *testing.T) {
	for _, tc := range []struct {
		name      string
		q         sdk.Query
		questions string
		dollars   string
		args      []any
	}{
		{"none", sdk.Query{SQL: "SELECT 1"}, "SELECT 1", "SELECT 1", []any{}},
		{"positional", sdk.Query{SQL: "a = ? AND b = ?", Positional: []sdk.Datum{text("x"), {Kind: sdk.DatumInt, Int: 7}}},
			"a = ? AND b = ?", "a = $1 AND b = $2", []any{"x", int64(7)}},
		{"missing is NULL, surplus is ignored", sdk.Query{SQL: "a = ? AND b = ?", Positional: []sdk.Datum{text("x")}, Named: map[string]sdk.Datum{"z": text("z")}},
			"a = ? AND b = ?", "a = $1 AND b = $2", []any{"x", nil}},
		{"named twice", sdk.Query{SQL: "a = :n OR b = $n OR c = :m", Named: map[string]sdk.Datum{"n": text("N"), "m": {Kind: sdk.DatumBool, Int: 1}}},
			"a = ? OR b = ? OR c = ?", "a = $1 OR b = $2 OR c = $3", []any{"N", "N", true}},
		{"quotes and comments", sdk.Query{SQL: "SELECT '?', \":n\" -- ?\n, a /* :n */ WHERE x = ?", Positional: []sdk.Datum{text("v")}},
			"SELECT '?', \":n\" -- ?\n, a /* :n */ WHERE x = ?", "SELECT '?', \":n\" -- ?\n, a /* :n */ WHERE x = $1", []any{"v"}},
		{"doubled quote", sdk.Query{SQL: "SELECT 'it''s ?', ?", Positional: []sdk.Datum{text("v")}}, "SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1", []any{"v"}},
		{"cast and time", sdk.Query{SQL: "SELECT a::text, '10:30', :n::int", Named: map[string]sdk.Datum{"n": text("1")}},
			"SELECT a::text, '10:30', ?::int", "SELECT a::text, '10:30', $1::int", []any{"1"}},
		{"unclosed", sdk.Query{SQL: "SELECT 'a ?"}, "SELECT 'a ?", "SELECT 'a ?", []any{}},
	} {
		st := Parse(&tc.q)
		if st.Questions() != tc.questions || st.Dollars() != tc.dollars || !reflect.DeepEqual(st.Native(), tc.args) {
			t.Errorf("%s: %q %q %v", tc.name, st.Questions(), st.Dollars(), st.Native())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SELECT ? FROM x WHERE a = :b -- c\n /* d */ 'e'")
	f.Fuzz(func(t *testing.T, s string) {
		st := Parse(&sdk.Query{SQL: s})
		if len(st.parts) != len(st.args)+1 || len(st.Native()) != len(st.args) {
			t.Errorf("%d parts, %d arguments", len(st.parts), len(st.args))
		}
	})
}
