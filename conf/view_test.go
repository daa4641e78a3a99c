package conf

import (
	"errors"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk/option"
)

type viewOptions struct {
	Hostname   string            `opt:"hostname" scopes:"global"`
	Blackhole  bool              `opt:"blackhole" scopes:"global,binding,domain"`
	Enabled    bool              `opt:"state" default:"enabled" scopes:"global"`
	Expiration int64             `opt:"message_expiration" type:"seconds" default:"604800" scopes:"global,binding,binding_group,domain"`
	EHLO       string            `opt:"ehlo_hostname" scopes:"global,binding,domain"`
	Auth       bool              `opt:"enable_authentication" scopes:"control_listener,listen,peer"`
	Relay      []string          `opt:"relay_hosts" type:"list" scopes:"global,esmtp_listener,listen,peer"`
	Rate       option.Throttle   `opt:"outbound_throttle_messages" default:"60/3" scopes:"global,domain"`
	Params     map[string]string `opt:"params" scopes:"pathway,pathway_group,global"`
	Max        int64             `opt:"max_outbound_connections" default:"32" scopes:"host,global"`
	Cache      int64             `opt:"cache_life" default:"300" scopes:"datasource"`
}

func viewSchema() *option.Schema {
	domain := option.Schema{Name: "domain", Instance: option.InstanceRequired}
	host := option.Schema{Name: "host", Instance: option.InstanceRequired}
	peer := option.Schema{Name: "peer", Instance: option.InstanceRequired}
	binding := option.Schema{Name: "binding", Instance: option.InstanceRequired, Scopes: []option.Schema{domain, host}}
	listen := option.Schema{Name: "listen", Instance: option.InstanceRequired, Scopes: []option.Schema{peer}}
	pathway := option.Schema{Name: "pathway", Instance: option.InstanceRequired}
	root := option.Schema{Name: "global", Scopes: []option.Schema{domain, host, binding, pathway,
		{Name: "binding_group", Instance: option.InstanceRequired, Scopes: []option.Schema{binding, domain}},
		{Name: "pathway_group", Instance: option.InstanceRequired, Scopes: []option.Schema{pathway}},
		{Name: "esmtp_listener", Scopes: []option.Schema{listen, peer}},
		{Name: "control_listener", Scopes: []option.Schema{listen, peer}},
		{Name: "datasource"},
	}}
	option.Distribute(&root, viewOptions{})
	return &root
}

const viewConf = `
message_expiration = 86400
relay_hosts = ["10.0.0.1", "10.0.0.2"]
domain "earthlink.net" {
  message_expiration = 900
}
binding "smtp-01" {
  ehlo_hostname = "smtp-01.com"
  blackhole = "on"
  domain "relay.com" {
    ehlo_hostname = "relay.com"
  }
}
binding_group "group1" {
  message_expiration = 5
  binding "example" {
    host "mx.a" {
      max_outbound_connections = 3
    }
    domain "example.com" {}
  }
}
control_listener {
  enable_authentication = true
  listen "127.0.0.1:2025" {
    peer "127.0.0.0/8" {
      enable_authentication = false
    }
  }
}
esmtp_listener {
  peer "10.0.0.0/8" {
    relay_hosts = "x"
  }
}
pathway "p" {
  params = { uri = "digest:///a" }
}
pathway_group "pg" {
  pathway "p" {}
}
datasource "main" {}
`

func TestView(t *testing.T) {
	tree := load(t, memFS{"/main.conf": viewConf})
	v := View{tree, viewSchema()}
	if diags := Check(tree, v.Schema); len(diags) > 0 {
		t.Fatal(diags)
	}
	// Columns: words, what get says, what eval says; "=" for the same.
	tests := []struct{ words, get, eval string }{
		{"blackhole", "Option 'Blackhole' is not set in scope ''.", "Blackhole = 0"},
		{"state", "Option 'State' is not set in scope ''.", "State = 1"},
		{"hostname", "Option 'Hostname' is not set in scope ''.", "="},
		{"message_expiration", "Message_Expiration = 86400", "="},
		{"Domain EarthLink.net Message_Expiration", "Message_Expiration = 900", "="},
		{"domain other.org message_expiration", "Option 'Message_Expiration' is not set in scope 'Domain:other.org:'.", "Message_Expiration = 86400"},
		{"binding smtp-01 ehlo_hostname", `EHLO_Hostname = "smtp-01.com"`, "="},
		{"binding smtp-01 domain relay.com ehlo_hostname", `EHLO_Hostname = "relay.com"`, "="},
		{"binding smtp-01 domain other.org ehlo_hostname", "Option 'EHLO_Hostname' is not set in scope 'Binding:smtp-01:Domain:other.org:'.", `EHLO_Hostname = "smtp-01.com"`},
		{"binding smtp-01 blackhole", "Blackhole = on", "="},
		{"binding_group group1 binding example domain example.com message_expiration",
			"Option 'Message_Expiration' is not set in scope 'Binding_Group:group1:Binding:example:Domain:example.com:'.", "Message_Expiration = 5"},
		{"binding_group group1 message_expiration", "Message_Expiration = 5", "="},
		{"binding_group group1 binding example host mx.a max_outbound_connections", "Max_Outbound_Connections = 3", "="},
		{"host mx.a max_outbound_connections", "Option 'Max_Outbound_Connections' is not set in scope 'Host:mx.a:'.", "Max_Outbound_Connections = 32"},
		{"control_listener listen 127.0.0.1:2025 enable_authentication",
			`Option 'Enable_Authentication' is not set in scope 'Control_Listener::Listen:127.0.0.1\:2025:'.`, "Enable_Authentication = true"},
		{"control_listener listen 127.0.0.1:2025 peer 127.0.0.1 enable_authentication",
			`Option 'Enable_Authentication' is not set in scope 'Control_Listener::Listen:127.0.0.1\:2025:Peer:127.0.0.1:'.`, "Enable_Authentication = false"},
		{"ESMTP_Listener peer 10.0.0.0/8 relay_hosts", `Relay_Hosts = "x"`, "="},
		{"esmtp_listener relay_hosts", "Option 'Relay_Hosts' is not set in scope 'ESMTP_Listener'.", "Relay_Hosts = (\n  \"10.0.0.1\"\n  \"10.0.0.2\"\n)"},
		{"outbound_throttle_messages", "Option 'Outbound_Throttle_Messages' is not set in scope ''.", `Outbound_Throttle_Messages = "60/3"`},
		{"pathway p params", "Params = [\n  uri = \"digest:///a\"\n]", "="},
		{"pathway_group pg params", "Option 'Params' is not set in scope 'Pathway_Group:pg:'.", "="},
		{"datasource main cache_life", "Option 'Cache_Life' is not set in scope 'Datasource:main:'.", "Cache_Life = 300"},
		{"datasource none cache_life", "Option 'Cache_Life' is not set in scope 'Datasource:none:'.", "Cache_Life = 300"},
		{"", "which option? write [scope [instance]...] option", "="},
		{"hostnaem", `unknown option "hostnaem" in scope "global"; did you mean "hostname"?`, "="},
		{"doman x hostname", `'doman' is not a valid scope name in scope 'Global'; did you mean "domain"?`, "="},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.words)
		if tt.eval == "=" {
			tt.eval = tt.get
		}
		if got := answer(v.Get(words)); got != tt.get {
			t.Errorf("get %s:\n got %s\nwant %s", tt.words, got, tt.get)
		}
		if got := answer(v.Eval(words)); got != tt.eval {
			t.Errorf("eval %s:\n got %s\nwant %s", tt.words, got, tt.eval)
		}
	}
	var notSet *NotSetError
	if _, err := v.Get([]string{"hostname"}); !errors.As(err, &notSet) {
		t.Errorf("%v", err)
	}
}

func answer(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return text
}

func TestDisplayName(t *testing.T) {
	for name, want := range map[string]string{"message_expiration": "Message_Expiration", "tls_client_ca": "TLS_Client_CA",
		"_unsafe_spool": "_Unsafe_Spool", "x": "X", "": ""} {
		if got := DisplayName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
