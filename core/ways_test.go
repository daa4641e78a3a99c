package core

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/queue"
)

// TestMissingAddresses: a binding of which an address is not here is not used,
// of whichever family; names and * are not judged.
func TestMissingAddresses(t *testing.T) {
	s, err := configured(t, `
binding "here" {
  bind_address = "192.0.2.1"
}
binding "gone" {
  bind_address = "192.0.2.2"
}
binding "half" {
  bind_address           = "192.0.2.1"
  bind_address_secondary = "2001:db8::2"
}
binding "name" {
  bind_address = "out.test"
}
binding_group "g" {
  bind_address = "192.0.2.3"
  binding "member" {}
}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := s.missingAddresses(func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.1") })
	if len(got) != 3 || !strings.Contains(got["gone"], "192.0.2.2") || !strings.Contains(got["half"], "2001:db8::2") || !strings.Contains(got["member"], "192.0.2.3") {
		t.Errorf("missing %v", got)
	}
	here := localAddresses()
	if !here(netip.MustParseAddr("127.0.0.1")) || here(netip.MustParseAddr("192.0.2.77")) {
		t.Error("the addresses of this machine are not told from others")
	}
	c := &Core{}
	c.settings.Store(s)
	c.ways.missing.Store(&got)
	for name, closed := range map[string]bool{"here": false, "gone": true, "default": false, "never was": true} {
		if why := c.closed(queue.Lane{Binding: name}); (why != "") != closed {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// TestDefaultBinding: what becomes of mail that policy does not bind.
func TestDefaultBinding(t *testing.T) {
	for option, want := range map[string][2]bool{"normal": {false, false}, "suspended": {true, false}, "none": {false, true}} {
		s, err := configured(t, "default_binding = \""+option+"\"\n")
		if err != nil {
			t.Fatal(err)
		}
		c := &Core{}
		c.settings.Store(s)
		if got := [2]bool{c.closed(queue.Lane{Binding: "default"}) != "", c.unbound() != nil}; got != want {
			t.Errorf("%s: suspended, refused = %v", option, got)
		}
	}
}

// TestBlackholeAtRCPT: a domain's mail is refused at once, that of internal is
// taken.
func TestBlackholeAtRCPT(t *testing.T) {
	s, err := configured(t, "domain \"a.test\" {\n  blackhole = true\n}\ndomain \"b.test\" {\n  blackhole = \"inline\"\n}\ndomain \"c.test\" {\n  blackhole = \"internal\"\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	c := &Core{}
	c.settings.Store(s)
	for domain, refused := range map[string]bool{"a.test": true, "b.test": true, "c.test": false, "d.test": false} {
		if got := c.blackholed(domain) != nil; got != refused {
			t.Errorf("%s: refused is %v", domain, got)
		}
	}
}

func TestRemovedWord(t *testing.T) {
	for args, good := range map[string]bool{"": true, "rebind": true, "suspend": true, "drop": false, "rebind now": false} {
		if _, err := removedWord(strings.Fields(args)); (err == nil) != good {
			t.Errorf("%q: %v", args, err)
		}
	}
}
