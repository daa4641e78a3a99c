package mailauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

const sampleHeader = "From: Bob <bob@example.com>\r\nReceived: x\r\nTo: a@x.test\r\nSubject: a\r\n  folded  \r\n\tone\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"

func sample(body string) Message {
	return Message{Header: []byte(sampleHeader), Body: strings.NewReader(body)}
}

func testKeys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ed25519": e}
}

func (z *zone) publish(t testing.TB, name string, key crypto.Signer) {
	t.Helper()
	record, err := PublicRecord(key)
	if err != nil {
		t.Fatal(err)
	}
	z.txt[name] = []string{record}
}

// Every form that we sign verifies here and in go-msgauth.
func TestSignAndVerify(t *testing.T) {
	const body = "A line. \r\n\r\n  B\r\n\r\n\r\n"
	for kind, key := range testKeys(t) {
		z := newZone()
		z.publish(t, "s1._domainkey.example.com", key)
		for _, header := range []Canon{Simple, Relaxed} {
			for _, canon := range []Canon{Simple, Relaxed} {
				// go-msgauth stumbles over "b=" inside z=, as in Bob=20.
				copies := header == canon
				field, err := Sign(sample(body), Signing{Domain: "example.com", Selector: "s1", Key: key, HeaderCanon: header, BodyCanon: canon,
					Identity: "bob@mail.example.com", Headers: []string{"From", "To", "Subject", "List-Id", "Reply-To?", "Received"}, Skip: []string{"received"},
					Oversign: []string{"From"}, Copy: copies, Lifetime: time.Hour, Now: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				raw := field + sampleHeader + "\r\n" + body
				list := verifiedAt(t, z, []byte(raw), time.Now())
				s := list[0]
				if s.Status != StatOK || s.Flags != FlagProcessed|FlagPassed || strings.Join(s.Headers, ":") != "from:from:to:subject:list-id" {
					t.Errorf("%s %s/%s: %d %s %v %q", kind, header, canon, s.Status, s.Error, s.Flags, s.Headers)
				}
				if !copies {
					sameAsLibrary(t, kind, z, []byte(raw), list)
				}
				for line := range strings.SplitSeq(field, "\r\n") {
					if len(line) > 78 {
						t.Errorf("a line of %d: %q", len(line), line)
					}
				}
				// What was signed as absent may not come, and nothing may be added.
				for _, more := range []string{"List-Id: x\r\n", "From: c@d.test\r\n", "To: x@y.test\r\n"} {
					if got := verifiedAt(t, z, []byte(field+more+sampleHeader+"\r\n"+body), time.Now())[0]; more != "To: x@y.test\r\n" && got.Status != StatBadSig {
						t.Errorf("%s is added: %d", more, got.Status)
					}
				}
			}
		}
	}
}

// What go-msgauth signs verifies here.
func TestVerifyTheLibrarys(t *testing.T) {
	const message = sampleHeader + "\r\nA line. \r\n\r\n  B\r\n\r\n"
	for kind, key := range testKeys(t) {
		z := newZone()
		z.publish(t, "s1._domainkey.example.com", key)
		for _, c := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
			var out bytes.Buffer
			err := dkim.Sign(&out, strings.NewReader(message), &dkim.SignOptions{Domain: "example.com", Selector: "s1", Signer: key,
				HeaderCanonicalization: c, BodyCanonicalization: c})
			if err != nil {
				t.Fatal(err)
			}
			if s := verifiedAt(t, z, out.Bytes(), time.Now())[0]; s.Status != StatOK {
				t.Errorf("%s %s: %d %s", kind, c, s.Status, s.Error)
			}
		}
	}
}

// Each thing that makes a signature void, by its status and its word.
func TestVerifyFaults(t *testing.T) {
	key := testKeys(t)["rsa"]
	field, err := Sign(sample("body\r\n"), Signing{Domain: "example.com", Selector: "s1", Key: key, HeaderCanon: Simple, BodyCanon: Simple, Now: then()})
	if err != nil {
		t.Fatal(err)
	}
	record, err := PublicRecord(key)
	if err != nil {
		t.Fatal(err)
	}
	good := strings.TrimPrefix(field, "DKIM-Signature: ")
	edit := func(old, now string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, now, 1) }
	}
	for _, c := range []struct {
		name   string
		edit   func(string) string
		record string
		err    error
		want   Status
		result Result
	}{
		{"good", edit("", ""), record, nil, StatOK, Pass},
		{"no key", edit("", ""), "", nil, StatNoKey, PermError},
		{"DNS fails", edit("", ""), "", &net.DNSError{Err: "SERVFAIL", IsTemporary: true}, StatKeyFail, TempError},
		{"revoked", edit("", ""), "v=DKIM1; p=", nil, StatRevoked, PermError},
		{"no p=", edit("", ""), "v=DKIM1", nil, StatSyntax, PermError},
		{"other key type", edit("", ""), strings.Replace(record, "k=rsa", "k=ed448", 1), nil, StatCantVerify, PermError},
		{"other hash", edit("", ""), record + "; h=sha1", nil, StatCantVerify, PermError},
		{"other service", edit("", ""), record + "; s=tlsrpt", nil, StatCantVerify, PermError},
		{"huge record", edit("", ""), record + "; n=" + strings.Repeat("x", maxRecord), nil, StatCantVerify, PermError},
		{"version", edit("v=1", "v=2"), record, nil, StatSyntax, PermError},
		{"no d=", edit("d=example.com", "e=example.com"), record, nil, StatSyntax, PermError},
		{"rsa-sha1", edit("rsa-sha256", "rsa-sha1"), record, nil, StatCantVerify, PermError},
		{"algorithm", edit("rsa-sha256", "dsa-sha256"), record, nil, StatCantVerify, PermError},
		{"form", edit("simple/simple", "nofws"), record, nil, StatCantVerify, PermError},
		{"identity", edit("v=1;", "v=1; i=@other.test;"), record, nil, StatSyntax, PermError},
		{"query", edit("v=1;", "v=1; q=http;"), record, nil, StatCantVerify, PermError},
		{"expired", edit("v=1;", "v=1; x=1767225601;"), record, nil, StatBadSig, Fail},
		{"ends first", edit("v=1;", "v=1; x=5;"), record, nil, StatSyntax, PermError},
		{"length", edit("v=1;", "v=1; l=999;"), record, nil, StatBadSig, Fail},
		{"no length", edit("v=1;", "v=1; l=x;"), record, nil, StatSyntax, PermError},
		{"From unsigned", edit("h=from:", "h=sender:"), record, nil, StatSyntax, PermError},
		{"changed tag", edit("v=1;", "v=1;  "), record, nil, StatBadSig, Fail},
		{"b= is no base64", edit("b=", "b=!"), record, nil, StatSyntax, PermError},
		{"too long", edit("v=1;", "v=1; n="+strings.Repeat("x", maxField)+";"), record, nil, StatSyntax, PermError},
		{"too many names", edit("h=from:", "h="+strings.Repeat("from:", maxSigned)), record, nil, StatCantVerify, PermError},
	} {
		z := newZone()
		if c.record != "" {
			z.txt["s1._domainkey.example.com"] = []string{c.record}
		}
		z.err["s1._domainkey.example.com"] = c.err
		raw := "DKIM-Signature: " + c.edit(good) + sampleHeader + "\r\nbody\r\n"
		s := verified(t, z, []byte(raw))[0]
		if s.Status != c.want || s.Result() != c.result || (s.Error == "") != (c.want == StatOK) {
			t.Errorf("%s: %d %s %q, want %d %s", c.name, s.Status, s.Result(), s.Error, c.want, c.result)
		}
	}
}

// t=y and t=s of the key; a strict key refuses subdomains.
func TestKeyFlags(t *testing.T) {
	key := testKeys(t)["ed25519"]
	z := newZone()
	z.publish(t, "s1._domainkey.example.com", key)
	z.txt["s1._domainkey.example.com"][0] += "; t=y:s"
	for identity, want := range map[string]Status{"": StatOK, "a@EXAMPLE.com": StatOK, "a@sub.example.com": StatCantVerify} {
		field, err := Sign(sample(""), Signing{Domain: "example.com", Selector: "s1", Key: key, Identity: identity, HeaderCanon: Relaxed, BodyCanon: Relaxed, Now: then()})
		if err != nil {
			t.Fatal(err)
		}
		s := verified(t, z, []byte(field+sampleHeader+"\r\n"))[0]
		if s.Status != want || s.Flags&(FlagTestKey|FlagNoSubdomain) != FlagTestKey|FlagNoSubdomain {
			t.Errorf("%q: %d %s %b", identity, s.Status, s.Error, s.Flags)
		}
	}
}

// l= counts only where somebody says so (RFC 6376 §8.2).
func TestPartialBody(t *testing.T) {
	key := testKeys(t)["ed25519"]
	z := newZone()
	z.publish(t, "s1._domainkey.example.com", key)
	field, err := Sign(sample("signed\r\n"), Signing{Domain: "example.com", Selector: "s1", Key: key, HeaderCanon: Relaxed, BodyCanon: Relaxed, BodyLength: true, Now: then()})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string][2]Status{
		"signed\r\n": {StatOK, StatOK}, "signed\r\nadded\r\n": {StatCBReject, StatOK}, "sig\r\n": {StatBadSig, StatBadSig},
	} {
		for i, partial := range []bool{false, true} {
			list, err := VerifyDKIM(context.Background(), split([]byte(field+sampleHeader+"\r\n"+body)), VerifyOptions{Resolver: z, Now: then(), PartialBody: partial})
			if err != nil || list[0].Status != want[i] {
				t.Errorf("%q, partial %v: %d %s %v", body, partial, list[0].Status, list[0].Error, err)
			}
		}
	}
}

// A message cannot ask for more than so many keys, and the body is read once.
func TestManySignatures(t *testing.T) {
	z := newZone()
	one := "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AAAA; b=AAAA\r\n"
	list := verified(t, z, []byte(strings.Repeat(one, 300)+sampleHeader+"\r\nbody\r\n"))
	if len(list) != maxListed || len(z.asked) != DefaultMaxSignatures {
		t.Errorf("%d listed, %d asked", len(list), len(z.asked))
	}
	if s := list[DefaultMaxSignatures]; s.Flags != FlagIgnore || s.Result() != Policy {
		t.Errorf("%+v", s)
	}
	if Overall(list) != StatNoKey || Overall(nil) != StatNoSig || len(Verified(list)) != 0 {
		t.Error(Overall(list))
	}
}

func TestUnreadableBody(t *testing.T) {
	key := testKeys(t)["ed25519"]
	z := newZone()
	z.publish(t, "s1._domainkey.example.com", key)
	broken := errors.New("disk")
	m := func(header string) Message {
		return Message{Header: []byte(header), Body: iotest.ErrReader(broken)}
	}
	field, err := Sign(sample(""), Signing{Domain: "example.com", Selector: "s1", Key: key, Now: then()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyDKIM(context.Background(), m(field+sampleHeader), VerifyOptions{Resolver: z, Now: then()}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := Sign(m(sampleHeader), Signing{Domain: "example.com", Selector: "s1", Key: key, Now: then()}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// endless gives empty lines.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "\r\n"[i%2]
	}
	return len(p) &^ 1, nil
}

// A run of empty lines takes no memory (go-msgauth copies it again and again).
func TestEmptyLinesCostNothing(t *testing.T) {
	h := newBodyHasher(Simple, nil, 0)
	if n := testing.AllocsPerRun(1, func() {
		if _, err := io.CopyN(h, endless{}, 8<<20); err != nil {
			t.Fatal(err)
		}
	}); n > 8 || h.lines < 4<<20 {
		t.Errorf("%v allocations, %d lines", n, h.lines)
	}
}

func TestParseKey(t *testing.T) {
	key := testKeys(t)["rsa"].(*rsa.PrivateKey)
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))
	for name, text := range map[string]string{
		"bare": pkcs1, "bare in lines": pkcs1[:20] + "\n" + pkcs1[20:], "seed": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
	} {
		if _, err := ParseKey([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "AAAA", "!", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"} {
		if _, err := ParseKey([]byte(bad)); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
	for _, part := range []string{"../x", "", "a/b", `a\b`, "a b"} {
		if path, err := ExpandKeyPath("/k/%{d}/%{s}", part, "s"); err == nil {
			t.Errorf("%q gives %s", part, path)
		}
	}
	if path, err := ExpandKeyPath("/k/%{d}/%{s}.key", "Example.COM", "S1"); err != nil || path != "/k/example.com/S1.key" {
		t.Errorf("%s %v", path, err)
	}
}

func FuzzVerifyDKIM(f *testing.F) {
	f.Add("v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AAAA; b=AAAA", "v=DKIM1; p=AAAA")
	f.Fuzz(func(t *testing.T, signature, record string) {
		z := newZone()
		z.txt["s1._domainkey.example.com"] = []string{record}
		m := Message{Header: []byte("DKIM-Signature: " + signature + "\r\nFrom: a@b.test\r\n"), Body: strings.NewReader("x\r\n")}
		list, err := VerifyDKIM(context.Background(), m, VerifyOptions{Resolver: z, Now: then()})
		if err != nil {
			t.Fatal(err)
		}
		back, ok := DecodeResults(EncodeResults(list))
		if !ok || len(back) != len(list) {
			t.Errorf("%q %q: %d results became %d", signature, record, len(list), len(back))
		}
		if v := AuthResults("mx.test", Items(list)); strings.ContainsAny(v, "\r\n\x00") {
			t.Errorf("%q", v)
		}
	})
}
