package core

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk/option"
)

func TestCovers(t *testing.T) {
	for text, want := range map[string]bool{
		"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 fc00::/7": false,
		"0.0.0.0/0": true, "::/0": true, "::ffff:0.0.0.0/96": true, "128.0.0.0/1": true, "2000::/3": true,
		"51.0.0.0/8": false, "51.0.0.0/9 51.128.0.0/9": false, "51.0.0.0/8 52.0.0.0/9": true, "51.0.0.0/8 51.1.0.0/16": false,
		"192.0.2.0/24 198.51.100.0/24": false, "": false,
	} {
		if got := covers(cidrs(t, text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func cidrs(t *testing.T, text string) (out []netip.Prefix) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		out = append(out, netip.MustParsePrefix(word))
	}
	return out
}

func TestHasStar(t *testing.T) {
	for pattern, want := range map[string]bool{
		"*": true, "*.": true, "*.*": true, "*com": true, "*.com": true, "*.co.uk": true, "*.COM.": true,
		"*.example.com": false, "*example.com": false, "com": false, "*.internal": false,
	} {
		if got := hasStar([]string{pattern}); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
}

// TestProbes: a hole in a wide peer scope does not hide the rest of it.
func TestProbes(t *testing.T) {
	all := []*option.Scope{{Instance: "0.0.0.0/0"}, {Instance: "0.0.0.0/8"}, {Instance: "192.0.2.1"}, {Instance: "nonsense"}}
	var got []string
	for _, a := range probes(all[0], all) {
		got = append(got, a.String())
	}
	want := []string{"0.0.0.0", "255.255.255.255", "1.0.0.0", "192.0.2.0", "192.0.2.2"}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if probes(all[3], all) != nil {
		t.Error("nonsense has addresses")
	}
}

func TestWhyOpen(t *testing.T) {
	for why, set := range map[string]func(*smtpd.Options){
		"open_relay":         func(o *smtpd.Options) { o.OpenRelay = true },
		"context: can_relay": func(o *smtpd.Options) { o.Context = map[string]string{"can_relay": "true"} },
		"relay_hosts":        func(o *smtpd.Options) { o.RelayHosts = cidrs(t, "0.0.0.0/1 128.0.0.0/1") },
		"relay_domains":      func(o *smtpd.Options) { o.RelayDomains = []string{"*.com"} },
		"bounce_domains":     func(o *smtpd.Options) { o.BounceDomains = []string{"*"} },
		"xclient_hosts: a client is what it says it is": func(o *smtpd.Options) { o.XCLIENTHosts = cidrs(t, "::/0") },
		"proxy_hosts: a client is what it says it is":   func(o *smtpd.Options) { o.Proxy, o.ProxyHosts = true, cidrs(t, "0.0.0.0/0") },
		"": func(o *smtpd.Options) { o.RelayHosts = cidrs(t, "10.0.0.0/8") },
	} {
		p := &smtpd.Profile{}
		set(&p.Options)
		if got := whyOpen(p, true); got != why {
			t.Errorf("%q, want %q", got, why)
		}
	}
}
