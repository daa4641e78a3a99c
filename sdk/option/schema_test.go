package option

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchemaOf(t *testing.T) {
	type item struct {
		Name string `opt:",instance,optional"`
		A    string `opt:"a"`
	}
	got := SchemaOf("thing", &struct {
		Name  string   `opt:",instance,required"`
		Retry int64    `opt:"Retry" type:"seconds" default:"20" unit:"seconds" scopes:"binding, Global" help:"Wait."`
		TLS   string   `opt:"tls" enum:"no, required"`
		Items []item   `scope:"Item" help:"Items."`
		More  []script `scope:"script"`
	}{})
	want := Schema{Name: "thing", Instance: InstanceRequired, Options: []Option{
		{Name: "retry", Type: Seconds, Default: "20", Unit: "seconds", Scopes: []string{"binding", "global"}, Help: "Wait."},
		{Name: "tls", Type: Enum, Enum: []string{"no", "required"}},
	}, Scopes: []Schema{
		{Name: "item", Options: []Option{{Name: "a"}}, Help: "Items."},
		{Name: "script", Instance: InstanceRequired, Options: []Option{{Name: "source"}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTypeNames(t *testing.T) {
	if got := Octal.String() + " " + Fraction.String() + " " + Type(200).String(); got != "octal fraction unknown" {
		t.Error(got)
	}
}

func TestScopeAttr(t *testing.T) {
	s := Scope{Attrs: attrs("a", num("1"))}
	if a, ok := s.Attr("a"); !ok || a.Value.Text != "1" {
		t.Errorf("%+v", a)
	}
	if _, ok := s.Attr("b"); ok {
		t.Error("b is not set")
	}
}

func TestDefaultText(t *testing.T) {
	tests := []struct {
		o    Option
		want string
	}{
		{Option{Type: Int}, "unset"},
		{Option{Type: Int, Default: "-1"}, "-1"},
		{Option{Type: Bool, Default: "true"}, "true"},
		{Option{Type: String, Default: "a b"}, `"a b"`},
		{Option{Type: Octal, Default: "0660"}, `"0660"`},
		{Option{Type: Rate, Default: "60/3"}, `"60/3"`},
		{Option{Type: List, Default: "a b,c 'd e'"}, `["a", "b", "c", "d e"]`},
		{Option{Type: List, Default: `["a", ""]`}, `["a", ""]`},
		{Option{Type: List, Default: "()"}, "[]"},
		{Option{Type: CIDRs, Default: "( 10.0.0.0/8 ::1 )"}, `["10.0.0.0/8", "::1"]`},
		{Option{Type: Dict, Default: "uri=csv: realm='a b'"}, `{ uri = "csv:", realm = "a b" }`},
	}
	for _, tt := range tests {
		if got := tt.o.DefaultText(); got != tt.want {
			t.Errorf("%s %q: got %s, want %s", tt.o.Type, tt.o.Default, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"retry_interval", "hostname", "tls", "idle_time", "Reject"}
	tests := map[string]string{
		"retry_intervall": "retry_interval", "rtery-interval": "retry_interval", "hostnaem": "hostname",
		"tsl": "tls", "tl": "tls", "REJECT": "Reject", "rejekt": "Reject",
		"": "", "x": "", "completely": "", "retry": "", "time": "",
	}
	for name, want := range tests {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Errorf("no candidates: %q", got)
	}
}

func TestDistribute(t *testing.T) {
	domain := Schema{Name: "domain"}
	root := Schema{Name: "global", Options: []Option{{Name: "mine", Help: "first"}}, Scopes: []Schema{
		domain,
		{Name: "binding", Scopes: []Schema{{Name: "domain"}}},
		{Name: "scriptlet", Scopes: []Schema{{Name: "script"}}},
		{Name: "script"},
	}}
	missing := Distribute(&root, struct {
		Retry int64  `opt:"retry" scopes:"global,domain,binding"`
		Host  string `opt:"host"`
		Src   string `opt:"src" scopes:"scriptlet::script,domian"`
		Mine  string `opt:"mine" scopes:"global" help:"second"`
	}{})
	if diff := cmp.Diff([]string{"src: domian"}, missing); diff != "" {
		t.Error(diff)
	}
	var got []string
	list := func(path string, s *Schema) {
		for _, o := range s.Options {
			got = append(got, path+"::"+o.Name+o.Help)
		}
	}
	list("", &root)
	visit(&root, "", list)
	want := []string{"::minefirst", "::retry", "::host", "::domain::retry", "::binding::retry",
		"::binding::domain::retry", "::scriptlet::script::src"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func FuzzCheck(f *testing.F) {
	for _, text := range []string{"", "0660", "60/3", "-1", "10.0.0.0/8", "::ffff:1.2.3.4/90", "true", "20m"} {
		f.Add(text, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		v := Value{Kind: Kind(kind % uint8(KindDict+1)), Text: text}
		for ty := range Type(len(typeNames)) {
			o := Option{Name: "o", Type: ty, Enum: []string{"a"}, Default: text}
			for _, p := range o.Check(v) {
				if p.Text == "" {
					t.Errorf("type %s, %q: a problem without text", ty, text)
				}
			}
			o.DefaultText()
			Nearest(text, []string{"retry_interval", text})
		}
	})
}
