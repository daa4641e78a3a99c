package mailauth

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/sdktest"
)

func TestStripForged(t *testing.T) {
	const rest = "Received: x\r\n folded\r\nauthentication-results: other.test; spf=pass\r\nFrom: a@b.test\r\n"
	for _, forged := range []string{
		"Authentication-Results: mx.test; dkim=pass\r\n", "AUTHENTICATION-RESULTS:MX.Test;\r\n dkim=pass\r\n",
		"Authentication-Results: (a (nested\\)) comment) mx.test. 1; none\r\n", "Authentication-Results :\r\n \"mx.test\"; spf=pass\r\n",
		"Authentication-Results: mx.test\r\n", "Authentication-Results: mx.test(x);\r\n",
	} {
		for _, section := range []string{forged + rest, rest + forged, forged + rest + forged} {
			if got, found := StripForged([]byte(section), "mx.test"); !found || string(got) != rest {
				t.Errorf("%q becomes %q", section, got)
			}
		}
	}
	for _, kept := range []string{"", "Authentication-Results: mx.test.example; spf=pass\r\n", "X-Authentication-Results: mx.test; x\r\n", "Authentication-Results:\r\n"} {
		section := []byte(kept + rest)
		if got, found := StripForged(section, "mx.test"); found || !bytes.Equal(got, section) {
			t.Errorf("%q becomes %q", section, got)
		}
	}
}

func TestAuthResults(t *testing.T) {
	got := AuthResults("mx.test", []Item{
		{Method: "spf", Result: Pass, Properties: []Property{{"smtp.mailfrom", "a@b.test"}}},
		Item{Method: "dkim", Result: Fail, Reason: "bad \"x\"\r\n; spf=pass"}.with("header.d", "e.test; dkim=pass").with("header.s", ""),
	})
	want := `mx.test; spf=pass smtp.mailfrom=a@b.test; dkim=fail reason="bad \"x\"  ; spf=pass" header.d="e.test; dkim=pass"`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := AuthResults("mx.test", nil); got != "mx.test; none" {
		t.Error(got)
	}
}

func TestReceivedSPF(t *testing.T) {
	s := CheckSPF(context.Background(), nothing{}, SPFQuery{Peer: netip.MustParseAddr("::ffff:192.0.2.1"), HELO: "he;lo", Sender: `"a)b"@c.test`})
	want := `none (mx.test: no DNS record found) receiver=mx.test; identity=mailfrom; client-ip=192.0.2.1; helo="he;lo"; envelope-from="\"a)b\"@c.test";`
	if got := s.Received("mx.test"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	null := CheckSPF(context.Background(), nothing{}, SPFQuery{Peer: netip.MustParseAddr("2001:db8::1"), HELO: "mx.c.test", DefaultRule: "?all"})
	if null.Result != Neutral || null.Domain != "mx.c.test" || null.Item().Properties[0].Name != "smtp.helo" {
		t.Errorf("%+v", null)
	}
}

func TestCheckRule(t *testing.T) {
	for rule, good := range map[string]bool{"": true, "?all": true, "v=spf1 -all": true, "ip4:192.0.2.0/24 ~all": true, "nonsense": false, "a:b": false} {
		if err := CheckRule(rule); (err == nil) != good {
			t.Errorf("%q: %v", rule, err)
		}
	}
}

func TestDMARC(t *testing.T) {
	z := newZone()
	z.txt["_dmarc.example.com"] = []string{"v=spf1 -all", "v=DMARC1; p=reject; sp=quarantine; adkim=s; pct=50"}
	z.txt["_dmarc.two.test"] = []string{"v=DMARC1; p=none", "v=DMARC1; p=reject"}
	z.txt["_dmarc.rua.test"] = []string{"v=DMARC1; rua=mailto:a@b.test"}
	z.txt["_dmarc.void.test"] = []string{"v=DMARC1; sp=none"}
	z.err["_dmarc.temp.test"] = &net.DNSError{Err: "SERVFAIL", IsTemporary: true}
	spf := func(d string) *SPF { return &SPF{Result: Pass, Domain: d} }
	sig := func(d string) []*Signature {
		return []*Signature{{Status: StatBadSig, Domain: "example.com"}, {Domain: d}}
	}
	for _, c := range []struct {
		from   string
		spf    *SPF
		sigs   []*Signature
		result Result
		policy string
	}{
		{"a@example.com", spf("mail.example.com"), nil, Pass, "reject"},
		{"a@example.com", spf("example.com.evil.test"), nil, Fail, "reject"},
		{"a@example.com", nil, sig("example.com"), Pass, "reject"},
		{"a@example.com", nil, sig("mail.example.com"), Fail, "reject"},
		{"a@sub.example.com", nil, nil, Fail, "quarantine"},
		{"A <a@EXAMPLE.com>, b@example.com", &SPF{Result: SoftFail, Domain: "example.com"}, nil, Fail, "reject"},
		{"a@example.com, b@other.test", spf("example.com"), nil, PermError, ""},
		{"nobody", nil, nil, PermError, ""},
		{"a@nothing.test", nil, nil, None, ""},
		{"a@two.test", nil, nil, None, ""},
		{"a@rua.test", nil, nil, Fail, "none"},
		{"a@void.test", nil, nil, PermError, ""},
		{"a@temp.test", nil, nil, TempError, ""},
	} {
		d := CheckDMARC(context.Background(), z, []byte("From: "+c.from+"\r\n"), c.spf, c.sigs)
		if d.Result != c.result || d.Policy != c.policy {
			t.Errorf("%s: %+v, want %s %s", c.from, d, c.result, c.policy)
		}
	}
	if d := CheckDMARC(context.Background(), z, []byte("From: a@example.com\r\nFrom: b@example.com\r\n"), spf("example.com"), nil); d.Result != PermError {
		t.Errorf("two From: %+v", d)
	}
}

func TestHostResolver(t *testing.T) {
	h := &sdktest.Host{DNS: map[string]sdk.DNSAnswer{
		"TXT a.test": {Records: []sdk.DNSRecord{{Value: "x"}}}, "TXT slow.test": {Error: "TIMEOUT"}, "TXT bad.test": {Error: "SERVFAIL"},
		"MX a.test": {Records: []sdk.DNSRecord{{Value: "mx.a.test", Preference: 7}}}, "AAAA a.test": {Records: []sdk.DNSRecord{{Value: "2001:db8::1"}}},
		"A a.test": {Error: "SERVFAIL"}, "PTR 1.2.0.192.in-addr.arpa": {Records: []sdk.DNSRecord{{Value: "a.test"}}},
		"PTR 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {Records: []sdk.DNSRecord{{Value: "six.test."}}},
	}}
	r, ctx := HostResolver{h}, context.Background()
	if got, err := r.LookupTXT(ctx, "a.test."); err != nil || got[0] != "x" {
		t.Error(got, err)
	}
	if got, err := r.LookupMX(ctx, "a.test"); err != nil || got[0].Pref != 7 {
		t.Error(got, err)
	}
	if got, err := r.LookupIPAddr(ctx, "a.test"); err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	for addr, want := range map[string]string{"192.0.2.1": "a.test.", "::ffff:192.0.2.1": "a.test.", "2001:db8::1": "six.test."} {
		if got, err := r.LookupAddr(ctx, addr); err != nil || got[0] != want {
			t.Error(addr, got, err)
		}
	}
	for name, temporary := range map[string]bool{"slow.test": true, "bad.test": true, "no.test": false, "a b.test": false, "": false, strings.Repeat("x", 64) + ".test": false} {
		_, err := r.LookupTXT(ctx, name)
		var d *net.DNSError
		if !errors.As(err, &d) || d.IsTemporary != temporary || d.IsNotFound == temporary {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got := ValidatedName(ctx, r, netip.MustParseAddr("198.51.100.1"), "x.test"); got != "unknown" {
		t.Error(got)
	}
}

// The copies of a message get one signature; keys are read once, and those that
// are not there are not looked for again.
func TestSigner(t *testing.T) {
	key := testKeys(t)["ed25519"]
	seed := "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
	reads, now := 0, then()
	s := &Signer{ReadFile: func(path string) ([]byte, error) {
		reads++
		if path == "/k/example.com/s1" {
			return []byte(seed), nil
		}
		return nil, os.ErrNotExist
	}}
	p := DefaultOpenDKIM().For("example.com")
	p.Selector, p.KeyPath, p.Digest = "s1", "/k/%{d}/%{s}", ""
	body := bytes.Repeat([]byte("line\r\n"), 10000)
	h := &sdktest.Host{Bodies: map[uint64][]byte{7: body}}
	m := &sdk.Message{Header: []byte(sampleHeader), Body: sdk.Body{Size: int64(len(body)), Handle: 7}}
	first, err := s.SignCopy(context.Background(), h, m, p, now)
	if err != nil {
		t.Fatal(err)
	}
	h.Bodies = nil // nobody reads it again
	if again, err := s.SignCopy(context.Background(), h, m, p, now.Add(time.Second)); err != nil || again != first || reads != 1 {
		t.Errorf("%v, %d reads", err, reads)
	}
	other := p
	other.Identity = "a@example.com"
	if _, err := s.SignCopy(context.Background(), h, m, other, now); err == nil {
		t.Error("another profile got the same signature")
	}
	p.Domain = "other.test"
	for range 3 {
		if _, err := s.SignCopy(context.Background(), h, m, p, now); !errors.Is(err, ErrNoKey) {
			t.Error(err)
		}
	}
	if reads != 2 {
		t.Errorf("%d reads", reads)
	}
	if _, err := PublicRecord(key); err != nil {
		t.Error(err)
	}
}

func TestReadKeyFile(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, maxKeyFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, big, filepath.Join(dir, "none")} {
		if _, err := ReadKeyFile(path); err == nil {
			t.Errorf("%s is read", path)
		}
	}
}

func FuzzCheckRecord(f *testing.F) {
	f.Add("v=spf1 a:%{d}/24//64 mx ip4:1.2.3.4/8 exists:%{ir}.x -all exp=a.%{d} x=%%")
	f.Add("v=spf1 a:x:y/z.test/24 exists:%{P2r-/}.%%{p}.%{p test mx:/a.test//64")
	f.Fuzz(func(t *testing.T, record string) {
		z := newZone()
		z.ptr["1.2.0.192.in-addr.arpa"], z.ip["p.a.test"] = []string{"p.a.test."}, []string{"192.0.2.1"}
		z.txt["a.test"] = []string{record}
		s := CheckSPF(context.Background(), z, SPFQuery{Peer: netip.MustParseAddr("192.0.2.1"), HELO: "a.test", Sender: "x@a.test"})
		if s.Result == "" {
			t.Errorf("%q has no result", record)
		}
	})
}

func FuzzStripForged(f *testing.F) {
	f.Add([]byte("Authentication-Results: (x) mx.test; a\r\nFrom: b\r\n"))
	f.Fuzz(func(t *testing.T, section []byte) {
		once, forged := StripForged(section, "mx.test")
		if !forged && !bytes.Equal(once, section) {
			t.Errorf("%q changed", section)
		}
		if _, again := StripForged(once, "mx.test"); again {
			t.Errorf("%q leaves %q", section, once)
		}
	})
}

func FuzzVerifyARC(f *testing.F) {
	f.Add("i=1; a=rsa-sha256; cv=none; d=a.test; s=s; b=AA==", "i=1; a=rsa-sha256; d=a.test; s=s; h=from; bh=AA==; b=AA==")
	f.Fuzz(func(t *testing.T, seal, signature string) {
		m := Message{Header: []byte("ARC-Seal: " + seal + "\r\nARC-Message-Signature: " + signature + "\r\nARC-Authentication-Results: i=1; x\r\n"), Body: strings.NewReader("")}
		a, err := VerifyARC(context.Background(), m, VerifyOptions{Resolver: newZone(), Now: then()})
		if err != nil || a.Result == Pass {
			t.Errorf("%+v %v", a, err)
		}
	})
}
