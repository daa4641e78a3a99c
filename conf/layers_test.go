package conf

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk/option"
)

// marks reads the option "at" that every scope of the tests has.
func marks(layers []*option.Scope) string {
	var out []string
	for _, s := range layers {
		a, _ := s.Attr("at")
		out = append(out, a.Value.Text)
	}
	return strings.Join(out, " ")
}

const outboundConf = `
at = "global"
domain "Example.com" {
  at = "domain"
}
domain "/example/" {
  at = "regex1"
}
domain "/^EXAMPLE\\.com$/" {
  at = "regex2"
}
host "mx.example.com" {
  at = "host"
}
binding "alone" {
  at = "alone"
  domain "example.com" {
    at = "alone::domain"
  }
  host "/^mx/" {
    at = "alone::host"
  }
}
binding "member" {
  at = "member"
  domain "example.com" {
    at = "member::domain"
  }
}
binding_group "g" {
  at = "group"
  domain "example.com" {
    at = "group::domain"
  }
  binding "member" {
    at = "group::member"
    domain "example.com" {
      at = "group::member::domain"
    }
    host "mx.example.com" {
      at = "group::member::host"
    }
  }
  binding "second" {
    at = "second"
  }
}
binding_group "h" {
  at = "group2"
  binding "member" {
    at = "group2::member"
  }
}
`

func TestOutbound(t *testing.T) {
	l := load(t, memFS{"/main.conf": outboundConf}).Layers
	tests := []struct{ group, binding, domain, want string }{
		{"", "", "", "global"},
		{"", "none", "other.org", "global"},
		{"", "", "EXAMPLE.com.", "global regex2 regex1 domain"},
		{"", "", "sub.example.org", "global regex1"},
		{"", "alone", "example.com", "global regex2 regex1 domain alone alone::domain"},
		{"", "alone", "other.org", "global alone"},
		{"g", "member", "example.com", "global regex2 regex1 domain group member group::member group::domain member::domain group::member::domain"},
		{"", "member", "other.org", "global group member group::member"},
		{"h", "member", "other.org", "global group2 member group2::member"},
		{"g", "second", "example.com", "global regex2 regex1 domain group second group::domain"},
		{"g", "", "", "global group"},
		{"none", "alone", "", "global alone"},
	}
	for _, tt := range tests {
		if got := marks(l.Outbound(tt.group, tt.binding, tt.domain)); got != tt.want {
			t.Errorf("%s, %s, %s:\n got %s\nwant %s", tt.group, tt.binding, tt.domain, got, tt.want)
		}
	}
	for key, want := range map[[2]string]string{
		{"", "MX.example.com"}: "host", {"alone", "mx.example.com"}: "host alone::host",
		{"member", "mx.example.com"}: "host group::member::host", {"alone", "mail.org"}: "",
	} {
		if got := marks(l.Host(key[0], key[1])); got != want {
			t.Errorf("host %v: got %s, want %s", key, got, want)
		}
	}
	if diff := cmp.Diff([]string{"alone", "member", "second"}, l.Bindings()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Group{{"g", []string{"member", "second"}}, {"h", []string{"member"}}}, l.Groups()); diff != "" {
		t.Error(diff)
	}
}

// TestFallbackExamples holds the examples of the manual's page on fallback.
func TestFallbackExamples(t *testing.T) {
	l := load(t, memFS{"/main.conf": `
message_expiration = 86400
max_outbound_connections = 30
binding "example" {
  message_expiration = 3600
}
domain "example.com" {
  message_expiration = 120
}
binding "example2" {
  message_expiration = 7200
  domain "example.com" {
    message_expiration = 86400
  }
  domain "anotherexample.com" {
    max_resident_active_queue = 500
  }
}
binding "example3" {
  domain "example.com" {
    max_resident_active_queue = 500
  }
  domain "anotherexample.com" {
    message_expiration = 86401
  }
}
binding_group "group1" {
  max_outbound_connections = 5
  binding "in" {
    max_outbound_connections = 15
    domain "example.com" {}
  }
  binding "in2" {}
}
`}).Layers
	tests := []struct {
		binding, domain string
		expiration, max int64
		from            string
	}{
		{"", "other.org", 86400, 30, "global"},
		{"example", "example.com", 3600, 30, "binding"},
		{"example2", "example.com", 86400, 30, "domain"},
		{"example2", "anotherexample.com", 7200, 30, "binding"},
		{"example3", "anotherexample.com", 86401, 30, "domain"},
		{"example3", "example.com", 120, 30, "domain"},
		{"example3", "other.org", 86400, 30, "global"},
		{"in", "example.com", 120, 15, "domain"},
		{"in2", "example.com", 120, 5, "domain"},
	}
	for _, tt := range tests {
		var o struct {
			Expiration int64 `opt:"message_expiration"`
			Max        int64 `opt:"max_outbound_connections"`
		}
		layers := l.Outbound("", tt.binding, tt.domain)
		option.DecodeLayers(&o, layers...)
		from := Origin(layers, "message_expiration")
		if o.Expiration != tt.expiration || o.Max != tt.max || from.Name != tt.from {
			t.Errorf("%s, %s: got %+v from %s, want %+v", tt.binding, tt.domain, o, from.Name, tt)
		}
	}
	if Origin(l.Outbound("", "", ""), "none") != nil {
		t.Error("an option that is set nowhere has an origin")
	}
}

func TestSession(t *testing.T) {
	l := load(t, memFS{"/main.conf": `
at = "global"
esmtp_listener {
  at = "listener"
  peer "10.0.0.0/8" {
    at = "listener::peer8"
  }
  peer "10.1.0.1/16" {
    at = "listener::peer16"
  }
  listen ":25" {
    at = "25"
    peer "10.1.1.1" {
      at = "25::peer"
    }
    peer "2001:db8::/32" {
      at = "25::peer6"
    }
  }
  listen ":587" {
    at = "587"
    pathway = "p"
  }
}
esmtp_listener "two" {
  at = "two"
  listen ":26" {
    at = "26"
    pathway = "q"
  }
}
pathway "p" {
  at = "pathway"
}
pathway_group "pg" {
  at = "pathway_group"
  pathway "p" {
    at = "group::pathway"
  }
}
`}).Layers
	tests := []struct{ listener, listen, peer, want string }{
		{"esmtp_listener", ":25", "192.0.2.1", "global listener 25"},
		{"esmtp_listener", ":25", "10.1.1.1", "global listener listener::peer16 25 25::peer"},
		{"esmtp_listener", ":25", "::ffff:10.2.0.1", "global listener listener::peer8 25"},
		{"esmtp_listener", ":25", "2001:db8::1%eth0", "global listener 25 25::peer6"},
		{"esmtp_listener", ":587", "10.1.9.9", "global pathway_group pathway group::pathway listener listener::peer16 587"},
		{"esmtp_listener", ":26", "10.1.9.9", "global two 26"},
		{"http_listener", ":80", "10.1.9.9", "global"},
		{"esmtp_listener", ":25", "", "global listener 25"},
	}
	for _, tt := range tests {
		addr, _ := netip.ParseAddr(tt.peer)
		if got := marks(l.Session(SessionKey{tt.listener, tt.listen, addr})); got != tt.want {
			t.Errorf("%s %s %s:\n got %s\nwant %s", tt.listener, tt.listen, tt.peer, got, tt.want)
		}
	}
	if got := marks(l.Pathway("p")); got != "global pathway_group pathway group::pathway" {
		t.Errorf("pathway: %s", got)
	}
	if got := marks(l.Pathway("none")); got != "global" {
		t.Errorf("no pathway: %s", got)
	}
	if got := l.PathwayGroup("p") + "|" + l.PathwayGroup("none") + "|" + l.PathwayGroup(""); got != "pg||" {
		t.Errorf("groups: %s", got)
	}
}

func BenchmarkOutbound(b *testing.B) {
	var text strings.Builder
	text.WriteString(outboundConf)
	for i := range 1000 {
		n := strconv.Itoa(i)
		text.WriteString("domain \"d" + n + ".example\" {\n  at = \"d\"\n}\nbinding \"b" + n + "\" {\n  at = \"b\"\n}\n")
	}
	tree, diags := Load(Options{Path: "/main.conf", FS: memFS{"/main.conf": text.String()}})
	if len(diags) > 0 {
		b.Fatal(diags)
	}
	b.ReportAllocs()
	for b.Loop() {
		tree.Layers.Outbound("", "member", "d500.example")
	}
}

func BenchmarkSession(b *testing.B) {
	l, _ := NewLayers(&option.Scope{Name: "global", Scopes: []option.Scope{{Name: "esmtp_listener",
		Scopes: []option.Scope{{Name: "listen", Instance: ":25", Scopes: []option.Scope{{Name: "peer", Instance: "10.0.0.0/8"}}}}}}})
	key := SessionKey{"esmtp_listener", ":25", netip.MustParseAddr("10.0.0.1")}
	b.ReportAllocs()
	for b.Loop() {
		l.Session(key)
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString("domain \"d" + strconv.Itoa(i) + ".example\" {\n  retry_interval = 60\n  gateway = \"10.0.0.1\"\n}\n")
	}
	files := memFS{"/main.conf": text.String()}
	for b.Loop() {
		Load(Options{Path: "/main.conf", FS: files})
	}
}
