package core

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/smtpd"
)

// TestInboundOptions: what falls back over pathway, listener, listen and peer
// scopes, and what is shared.
func TestInboundOptions(t *testing.T) {
	s, err := configured(t, `
inbound_throttle_messages = "5"
pathway "lenient" {
  rfc2822_missing_headers = "allow"
  max_errors = 3
}
pathway "limited" {
  inbound_throttle_messages = "1/60"
}
conntrol "c" {
  pause_time = 2
}
esmtp_listener {
  listen_backlog = 9
  smtp_extensions = ["XCLIENT"]
  listen "127.0.0.1:1" {
    listen_backlog = 8
    pathway = "lenient"
    max_errors = 4
    peer "10.0.0.0/8" {
      smtp_extensions = ["XCLIENT", "MT-PRIORITY"]
      banner_pause = 1
      pathway = "limited"
    }
    peer "0.0.0.0/0" {
      proxy_protocol = true
    }
  }
  listen "/run/mtad/smtp" {
    file_mode = "0600"
    enable = true
  }
}
`)
	if err != nil {
		t.Fatal(err)
	}
	profile := func(peer string) *smtpd.Profile {
		p, err := s.profile("127.0.0.1:1", netip.MustParseAddr(peer))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	inside, outside, v6 := profile("10.1.2.3"), profile("192.0.2.1"), profile("2001:db8::1")
	if inside.Listed != (smtpd.Listed{Extensions: true}) || outside.Listed != (smtpd.Listed{}) || !outside.Proxy || inside.Proxy {
		t.Errorf("listed: %+v, %+v", inside.Listed, outside.Listed)
	}
	if outside.Reception.MissingHeader != "allow" || inside.Reception.MissingHeader != "reject" || outside.MaxErrors != 4 {
		t.Errorf("pathway: %+v, %+v, %d", outside.Reception, inside.Reception, outside.MaxErrors)
	}
	if inside.BannerPause != time.Second || outside.BannerPause != 2*time.Second {
		t.Errorf("pauses %s, %s", inside.BannerPause, outside.BannerPause)
	}
	if outside.Messages == nil || outside.Messages != v6.Messages || outside.Messages == inside.Messages {
		t.Error("what falls back to a scope's rate does not share it")
	}
	if got := s.sockets["127.0.0.1:1"]; got.Backlog != 8 {
		t.Errorf("socket %+v", got)
	}
	if got := s.sockets["/run/mtad/smtp"]; got != (smtpd.Socket{Backlog: 9, Mode: 0o600}) {
		t.Errorf("socket %+v", got)
	}
	if _, err := configured(t, "conntrol \"c\" {\n  banner = \"Hi\"\n}\nesmtp_listener {\n  listen \"127.0.0.1:1\" {}\n}\n"); err == nil || strings.Count(err.Error(), "every line starts with 220-") != 1 || !strings.Contains(err.Error(), "mtad.conf:2:") {
		t.Errorf("a bad banner: %v", err)
	}
}
