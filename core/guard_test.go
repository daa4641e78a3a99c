package core

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk/option"
)

// configured loads a configuration; the error has what is wrong with it.
func configured(t *testing.T, text string) (*settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mtad.conf")
	if err := os.WriteFile(path, []byte("hostname = \"mx.test\"\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &Core{opt: Options{Conf: conf.Options{Path: path}}}
	s, _, err := c.load()
	return s, err
}

func TestRoles(t *testing.T) {
	scope := &option.Scope{Name: "authorization", Scopes: []option.Scope{
		{Name: "role", Instance: "john", Attrs: []option.Attr{{Name: "allow", Value: list("^config")}}},
		{Name: "role", Instance: "admin", Attrs: []option.Attr{{Name: "allow", Value: list("^config", "^summary$")}}},
	}}
	rules, bad := readRoles([]*option.Scope{scope})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	for _, c := range []struct {
		names   []string
		command string
		by      string
	}{
		{[]string{"john"}, "config reload", "john"}, {[]string{"john"}, "summary", ""}, {[]string{"eve", "admin"}, "summary", "admin"},
		{[]string{"john", "admin"}, "config get x", "john"}, {[]string{""}, "config", ""}, {nil, "summary", ""}, {[]string{"admin"}, "summary reset", ""},
	} {
		if by, ok := allows(rules, c.names, c.command); by != c.by || ok != (c.by != "") {
			t.Errorf("%q may %q: %q, %v", c.names, c.command, by, ok)
		}
	}
	scope.Scopes[0].Attrs[0].Value = list("(")
	if _, bad := readRoles([]*option.Scope{scope}); len(bad) != 1 {
		t.Errorf("a bad expression: %v", bad)
	}
}

func list(texts ...string) option.Value {
	v := option.Value{Kind: option.KindList}
	for _, s := range texts {
		v.List = append(v.List, option.Value{Kind: option.KindString, Text: s})
	}
	return v
}

func TestConsolesAreGuarded(t *testing.T) {
	console := func(inner string) string {
		return "control_listener {\n listen \"127.0.0.1:2025\" {\n" + inner + "\n }\n}\n"
	}
	for text, wrong := range map[string]string{
		console(``):                             "would obey whoever connects",
		console(`enable_authentication = true`): "would obey whoever connects",
		console(`always_allow = true`):          "",
		console(`authloginparameters = { uri = "file:///etc/mtad/console" }`):                                                         "",
		console(`authdigestmd5parameters = { uri = "digest:///etc/mtad/console" }`):                                                   "",
		console("authloginparameters = { uri = \"file:///etc/mtad/console\" }\nenable_authentication = false"):                        "would obey whoever connects",
		console(`authloginparameters = { uri = "nowhere" }`):                                                                          "authentication: it needs uri",
		console("always_allow = true\nenable_authorization = true"):                                                                   "authentication: it needs uri",
		console("always_allow = true\nenable_authorization = true\nauthorizationparameters = { uri = \"groups:///etc/mtad/roles\" }"): "",
		"control_listener {\n listen \"/run/mtad/control\" {}\n}\n":                                                                   "",
		"authorization {\n role \"x\" {\n allow = [\"(\"]\n }\n}\n":                                                                   "allow: error parsing regexp",
	} {
		_, err := configured(t, text)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestGuardsOfPeers(t *testing.T) {
	s, err := configured(t, `control_listener {
  enable_authentication = true
  authloginparameters = { uri = "file:///etc/mtad/console" }
  listen "127.0.0.1:2025" {
    peer "127.0.0.1" {
      always_allow = true
    }
    peer "192.0.2.0/24" {
      always_deny = true
    }
  }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string][2]bool{"127.0.0.1": {true, false}, "192.0.2.7": {false, true}, "203.0.113.1": {false, false}} {
		peer, _ := firstAddr(addr)
		if g := s.guardFor("127.0.0.1:2025", peer); g.open != want[0] || g.options.AlwaysDeny != want[1] || len(g.login) != 1 {
			t.Errorf("%s: %+v", addr, g)
		}
	}
}

func TestAuthenticationIsChecked(t *testing.T) {
	listener := func(inner string) string {
		return "relay_domains = [\"example.com\"]\nesmtp_listener {\n listen \"127.0.0.1:2525\" {\n" + inner + "\n }\n}\n"
	}
	s, err := configured(t, listener("always_allow = true\nauth_without_tls = true\nauthplainparameters = { uri = \"myscheme://\" }"))
	if err != nil {
		t.Fatal(err)
	}
	if open := s.openRelays(); len(open) != 1 || !strings.Contains(open[0].Text, "always_allow") {
		t.Errorf("an open relay by always_allow: %v", open)
	}
	if got := s.unknownSchemes(nil); len(got) != 1 || !strings.Contains(got[0], "myscheme://") {
		t.Errorf("an unknown scheme: %q", got)
	}
	if got := s.unknownSchemes([]string{"myscheme"}); len(got) != 0 || len(s.uselessAuth()) != 0 {
		t.Errorf("a scheme of a script: %q, %q", got, s.uselessAuth())
	}
	s, err = configured(t, listener("authplainparameters = { uri = \"file:///etc/mtad/passwd\" }"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.uselessAuth(); len(got) != 1 || !strings.Contains(got[0], "tls_certificate") {
		t.Errorf("AUTH that nobody can use: %q", got)
	}
	if open := s.openRelays(); len(open) != 0 || len(s.unknownSchemes(nil)) != 0 {
		t.Errorf("AUTH makes an open relay: %v", open)
	}
	for text, wrong := range map[string]string{
		listener(`smtp_extensions = ["AUTH DIGEST-MD5"]`):                                              "DIGEST-MD5",
		listener(`smtp_extensions = ["AUTH LOGIN"]`):                                                   "authloginparameters",
		"auth_ds {\n scheme \"db\" {\n authenticate {\n query = \"q\"\n cache = \"gone\"\n }\n }\n}\n": "no such datasource",
	} {
		if _, err := configured(t, text); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
