package conf

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk/option"
)

// TestPasswordsAreNotShown: neither by what shows a scope nor by what shows an
// option, nor beside an error; scripts get what the configuration says.
func TestPasswordsAreNotShown(t *testing.T) {
	s := func(text string) option.Value { return option.Value{Kind: option.KindString, Text: text} }
	root := &option.Scope{Name: "global", Scopes: []option.Scope{{Name: "datasource", Instance: "a", Attrs: []option.Attr{
		{Name: "uri", Value: option.Value{Kind: option.KindList, List: []option.Value{s("pgsql:host=h;password=hunter2;port=5"), s("http://joe:hunter2@h/")}}},
		{Name: "map", Value: option.Value{Kind: option.KindDict, Dict: []option.Entry{{Key: "password", Value: s("hunter2")}, {Key: "user_password", Value: s("%{password}")}}}},
		{Name: "api_secret", Value: s("hunter2")},
	}}}}
	schema := &option.Schema{Name: "global", Scopes: []option.Schema{{Name: "datasource", Instance: option.InstanceRequired,
		Options: []option.Option{{Name: "uri", Type: option.List}, {Name: "map", Type: option.Dict}, {Name: "api_secret"}}}}}
	v := View{Tree: &Tree{Root: root, Layers: &Layers{}}, Schema: schema}
	for name, show := range map[string]func([]string) (string, error){"show": v.Show, "showrecurse": v.ShowRecurse} {
		got, err := show([]string{"datasource", "a"})
		if err != nil || strings.Contains(got, "hunter2") || strings.Count(got, "********") != 4 || !strings.Contains(got, ";port=5") || !strings.Contains(got, "%{password}") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	for _, name := range []string{"uri", "map", "api_secret"} {
		words := []string{"datasource", "a", name}
		got, err := v.Get(words)
		if err != nil || strings.Contains(got, "hunter2") || !strings.Contains(got, "********") {
			t.Errorf("get %s: %s %v", name, got, err)
		}
		if got, err := (Clear{v}).Get(words); err != nil || !strings.Contains(got, "hunter2") {
			t.Errorf("a script's %s: %s %v", name, got, err)
		}
	}
	for line, quoted := range map[string]bool{
		`  uri = ["pgsql:host=h;password=hunter2"`: false, `outbound_smtp_auth_pass = "hunter2" x`: false, `returns_password = "maybe"`: true, `hostname = x`: true,
	} {
		if got := snippet([]byte(line), 1, 3) != ""; got != quoted {
			t.Errorf("%s: quoted %v", line, got)
		}
	}
}
