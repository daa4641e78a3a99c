package smtpd

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

func TestOptionDefaults(t *testing.T) {
	var o Options
	if bad := option.Decode(&option.Scope{Name: "esmtp_listener"}, &o); len(bad) > 0 {
		t.Fatal(bad)
	}
	p, err := NewProfile(o)
	if err != nil {
		t.Fatal(err)
	}
	// What must be safe without being asked for.
	if p.relay.peer(netip.MustParseAddr("127.0.0.1")) || p.relay.recipient("example.com") || p.relay.sender("a@example.com") {
		t.Error("an open relay by default")
	}
	if p.rules.header != loneReject || p.rules.body != loneReject {
		t.Error("bare CR and LF pass by default")
	}
	if p.IdleTime != 300*time.Second || !p.PedanticAddress || !p.Trace || p.Injection != "reject" || p.reconfig != nil || p.tls != nil {
		t.Errorf("defaults %+v", p.Options)
	}
	if n := p.recipients(); n != 10000 {
		t.Errorf("recipients bound at %d", n)
	}
}

func TestEveryOptionSaysWhereAndWhat(t *testing.T) {
	for _, o := range option.SchemaOf("esmtp_listener", Options{}).Options {
		if o.Help == "" || len(o.Scopes) == 0 {
			t.Errorf("%s: help %q, scopes %v", o.Name, o.Help, o.Scopes)
		}
	}
}
