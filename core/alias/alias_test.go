package alias

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// table is a datasource: what each address stands for, by scheme's statement.
type table map[string]map[string][]string

func (tab table) query(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
	if q.SQL == "down" {
		return nil, errors.New("gone")
	}
	rows := &sdk.Rows{Columns: []string{"other", "Expansion"}}
	for _, a := range tab[q.SQL][q.Named["to"].Text] {
		d := sdk.Datum{Kind: sdk.DatumText, Text: a}
		if a == "NULL" {
			d = sdk.Datum{}
		}
		rows.Rows = append(rows.Rows, []sdk.Datum{{Kind: sdk.DatumInt, Int: 1}, d})
	}
	return rows, nil
}

func valid(text string) (smtp.Address, bool) {
	return smtp.Address(text), strings.Count(text, "@") == 1
}

func expander(tab table, names ...string) *Expander {
	schemes := &Schemes{byName: map[string]*Scheme{}}
	for _, sql := range []string{"one", "two", "down"} {
		schemes.byName[sql] = &Scheme{Name: sql, Query: sql, Map: map[string]string{"to": "%{localpart}@%{domain}"}, Column: "expansion"}
	}
	return &Expander{Schemes: schemes, Query: tab.query, Valid: valid, Names: func(domain string) []string {
		if domain == "plain.example" {
			return nil
		}
		return names
	}}
}

func TestExpand(t *testing.T) {
	tab := table{
		"one": {
			"a@x": {"b@x", "c@plain.example", "NULL", ""}, "b@x": {"d@x", "e@x", "c@plain.example"}, "e@x": {"a@x", "f@x"},
			"loop@x": {"pool@x"}, "pool@x": {"loop@x"}, "self@x": {"self@x", "d@x"}, "bad@x": {"nobody"}, "c@plain.example": {"never@x"},
		},
		"two": {"a@x": {"second@x"}, "g@x": {"h@x"}},
	}
	for _, tc := range []struct{ to, schemes, want string }{
		{"a@x", "one two", "d@x f@x c@plain.example"}, {"a@x", "two one", "second@x"}, {"g@x", "one TWO", "h@x"}, {"z@x", "one two", "z@x"},
		{"a@x", "", "a@x"}, {"self@x", "one", "d@x"}, {"loop@x", "one", "error: the aliases of this address lead back to it"},
		{"bad@x", "one", `error: scheme "one": "nobody", which bad@x stands for, is no address`}, {"z@x", "one down", `error: scheme "down": gone`},
		{"c@plain.example", "one", "c@plain.example"}, {"z@x", "nosuch", "z@x"},
	} {
		got := ""
		list, err := expander(tab, strings.Fields(tc.schemes)...).Expand(context.Background(), smtp.Address(tc.to), map[smtp.Address]bool{})
		for _, a := range list {
			got += " " + string(a)
		}
		if err != nil {
			got = " error: " + err.Error()
		}
		if strings.TrimSpace(got) != tc.want {
			t.Errorf("%s by %s: %s, want %s", tc.to, tc.schemes, got, tc.want)
		}
	}
}

// TestSeen: what was expanded does not come back through another recipient of the
// same transaction (manual, alias).
func TestSeen(t *testing.T) {
	e := expander(table{"one": {"a@x": {"b@x"}, "l@x": {"a@x", "c@x"}}}, "one")
	seen := map[smtp.Address]bool{}
	for _, to := range []smtp.Address{"a@x", "l@x"} {
		got, err := e.Expand(context.Background(), to, seen)
		if want := map[smtp.Address][]smtp.Address{"a@x": {"b@x"}, "l@x": {"c@x"}}[to]; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", to, got, err)
		}
	}
}

func TestBounds(t *testing.T) {
	deep, wide := map[string][]string{}, []string{}
	for i := range maxAddresses + 1 {
		deep[fmt.Sprintf("%d@x", i)] = []string{fmt.Sprintf("%d@x", i+1)}
		wide = append(wide, fmt.Sprintf("w%d@x", i))
	}
	deep["wide@x"] = wide
	for _, to := range []smtp.Address{"0@x", "wide@x"} {
		if got, err := expander(table{"one": deep}, "one").Expand(context.Background(), to, map[smtp.Address]bool{}); err == nil {
			t.Errorf("%s: %d addresses", to, len(got))
		}
	}
}

func TestRead(t *testing.T) {
	s := func(name string, attrs ...string) option.Scope {
		out := option.Scope{Name: "scheme", Instance: name}
		for i := 0; i < len(attrs); i += 2 {
			out.Attrs = append(out.Attrs, option.Attr{Name: attrs[i], Value: option.Value{Kind: option.KindString, Text: attrs[i+1]}})
		}
		return out
	}
	bad := s("x", "query", "q", "cache", "ds")
	bad.Attrs = append(bad.Attrs, option.Attr{Name: "map", Value: option.Value{Kind: option.KindDict, Dict: []option.Entry{{Key: "a", Value: option.Value{Kind: option.KindString, Text: "%{user}"}}}}})
	schemes, problems := Read([]*option.Scope{{Name: "alias", Scopes: []option.Scope{s("good", "query", "q", "cache", "ds"), s("Good", "query", "q", "cache", "ds"), s("y", "cache", "nowhere"), bad}}}, []string{"ds"})
	text := problems.String()
	for _, want := range []string{`the scheme "Good" is there twice`, "query is missing", `cache = "nowhere": there is no such datasource`, "map: a: %{user} is none of"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if !schemes.Has("GOOD") || schemes.Has("z") || schemes.Empty() {
		t.Error("the schemes are not those that were read")
	}
}
