package mailauth

import (
	"context"
	"net/netip"
	"testing"
)

func TestRewritten(t *testing.T) {
	for record, want := range map[string]string{
		"v=spf1 a/24 mx//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all": "v=spf1 a/24 mx//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
		"v=spf1 a:x/y.test/24//64 ~MX:x/y.test":                      "v=spf1 a:x\x01y.test/24//64 ~MX:x\x01y.test",
		"v=spf1 include:x/y.test redirect=%{d2/}/z.test":             "v=spf1 include:x\x01y.test redirect=%{d2/}\x01z.test",
		"v=spf1 exists:%{p}.%{p1}.%{pr}.%%{p}.%{d}.test":             "v=spf1 exists:mx.peer.test.test.test.peer.mx.%%{p}.%{d}.test",
		"v=spf1 exists:%{P1r-}.%-%_x":                                "v=spf1 exists:mx.peer.test.%-%_x",
	} {
		if got := rewritten(record, func() string { return "mx.peer.test" }); got != want {
			t.Errorf("%q becomes %q, want %q", record, got, want)
		}
	}
}

func TestMacroValue(t *testing.T) {
	for _, c := range [][3]string{
		{"strong-bad", "", "strong-bad"}, {"strong-bad", "-", "strong.bad"}, {"strong-bad", "r-", "bad.strong"}, // RFC 7208 §7.4
		{"email.example.com", "3", "email.example.com"}, {"email.example.com", "2", "example.com"},
		{"email.example.com", "1r", "email"}, {"a.b", "99999999999999999999", "a.b"}, {"a..b", "", "a..b"}, {"a--b", "-", "a..b"},
	} {
		if got := MacroValue(c[0], c[1]); got != c[2] {
			t.Errorf("%q with %q is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// A peer chooses what its address is called: no name may bring terms into a
// record.
func TestPeerNameBringsNoTerms(t *testing.T) {
	z := newZone()
	z.txt["a.test"] = []string{"v=spf1 exists:%{p}.a.test -all"}
	z.ptr["1.2.0.192.in-addr.arpa"] = []string{"x%{s}/.evil.test.", "x +all.evil.test."}
	z.ip["x%{s}/.evil.test"], z.ip["x +all.evil.test"] = []string{"192.0.2.1"}, []string{"192.0.2.1"}
	z.ip["unknown.a.test"] = []string{"127.0.0.2"}
	s := CheckSPF(context.Background(), z, SPFQuery{Peer: netip.MustParseAddr("192.0.2.1"), HELO: "h.test", Sender: "x@a.test"})
	if s.Result != Pass {
		t.Errorf("%s (%s): the name is not taken for unknown", s.Result, s.Reason)
	}
}
