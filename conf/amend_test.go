package conf

import (
	"errors"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	v := testView(t)
	for words, want := range map[string]string{
		"":                      "Domain \"earthlink.net\" { ... }\n",
		"domain earthlink.net":  "Message_Expiration = 900\n",
		"Binding smtp-01":       "Domain \"relay.com\" { ... }\nEHLO_Hostname = \"smtp-01.com\"\nBlackhole = on\n",
		"binding_group group1 ": "Binding \"example\" { ... }\n",
	} {
		got, err := v.Show(strings.Fields(words))
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("show %s: %v\n%s", words, err, got)
		}
	}
	got, err := v.ShowRecurse(strings.Fields("binding smtp-01"))
	if want := "Domain \"relay.com\" {\n  EHLO_Hostname = \"relay.com\"\n}\n"; err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("showrecurse: %v\n%s", err, got)
	}
	for _, bad := range []string{"nonsense", "domain nowhere.test", "domain"} {
		if got, err := v.Show(strings.Fields(bad)); err == nil {
			t.Errorf("show %s: %q", bad, got)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for name, want := range map[string]bool{"outbound_smtp_auth_pass": true, "bind_password": true, "hostname": false} {
		if secret(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// changed makes changes and gives an option's value afterwards.
func changed(t *testing.T, v View, ask string, changes ...Change) string {
	t.Helper()
	tree, err := v.Amend(changes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := View{Tree: tree, Schema: v.Schema}.Get(strings.Fields(ask))
	var none *NotSetError
	if err != nil && !errors.As(err, &none) {
		t.Fatal(err)
	}
	return got
}

func TestAmend(t *testing.T) {
	v := testView(t)
	set := func(words string) Change {
		c, err := v.ParseChange(strings.Fields(words))
		if err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		return c
	}
	before, _ := v.ShowRecurse(nil)
	for _, c := range []struct{ words, ask, want string }{
		{"message_expiration 7", "message_expiration", "Message_Expiration = 7"},
		{"Domain EarthLink.net message_expiration = 8", "domain earthlink.net message_expiration", "Message_Expiration = 8"},
		{"domain new.test message_expiration 9", "domain new.test message_expiration", "Message_Expiration = 9"},
		{"binding smtp-01 domain other.test ehlo_hostname x", "binding smtp-01 domain other.test ehlo_hostname", `EHLO_Hostname = "x"`},
		{"relay_hosts ( 10.0.0.1 10.0.0.2 )", "relay_hosts", "Relay_Hosts = (\n  \"10.0.0.1\"\n  \"10.0.0.2\"\n)"},
	} {
		if got := changed(t, v, c.ask, set(c.words)); got != c.want {
			t.Errorf("%s: %q", c.words, got)
		}
	}
	if got := changed(t, v, "message_expiration", Change{Words: []string{"message_expiration"}, Unset: true}); got != "" {
		t.Errorf("unset: %q", got)
	}
	if got := changed(t, v, "domain earthlink.net message_expiration", Change{Words: []string{"domain", "earthlink.net"}, Unset: true}); got != "" {
		t.Errorf("unset of a scope: %q", got)
	}
	if got := changed(t, v, "binding smtp-01 domain relay.com ehlo_hostname", Change{Words: strings.Fields("binding smtp-01 domain relay.com"), Unset: true}); got != "" {
		t.Errorf("unset of an inner scope: %q", got)
	}
	if after, _ := v.ShowRecurse(nil); after != before {
		t.Error("the tree itself has changed")
	}
	for _, bad := range []Change{{Unset: true}, {Words: []string{"nonsense"}, Unset: true}, {Words: []string{"nonsense"}}} {
		if _, err := v.Amend([]Change{bad}); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	for _, bad := range []string{"", "message_expiration", "nonsense 5", "( )", "= 5"} {
		if c, err := v.ParseChange(strings.Fields(bad)); err == nil {
			t.Errorf("%q: %+v", bad, c)
		}
	}
}

func TestEffective(t *testing.T) {
	v := testView(t)
	o := v.Schema.Option("message_expiration")
	s := Effective(v.Tree.Layers.Outbound("", "x", "earthlink.net"), o)
	if s.Value != "900" || !strings.HasSuffix(s.Where(), ":5") {
		t.Errorf("%+v at %s", s, s.Where())
	}
	if s := Effective(nil, o); s.Value != "604800" || s.Where() != "default" || s.Name != "Message_Expiration" {
		t.Errorf("%+v at %s", s, s.Where())
	}
}

func testView(t *testing.T) View {
	t.Helper()
	return View{load(t, memFS{"/main.conf": viewConf}), viewSchema()}
}
