package mailauth

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// keysInFront reads a file that has its keys in front of the message, one a
// line.
func keysInFront(t *testing.T, path string) (*zone, []byte) {
	t.Helper()
	z := newZone()
	keys, message, ok := bytes.Cut(readFile(t, path), []byte("\n\n"))
	if !ok {
		t.Fatalf("%s has no message", path)
	}
	for line := range strings.SplitSeq(string(keys), "\n") {
		name, record, _ := strings.Cut(line, " ")
		z.txt[name] = append(z.txt[name], record)
	}
	return z, message
}

func verified(t *testing.T, z *zone, raw []byte) []*Signature {
	t.Helper()
	return verifiedAt(t, z, raw, then())
}

func verifiedAt(t *testing.T, z *zone, raw []byte, now time.Time) []*Signature {
	t.Helper()
	list, err := VerifyDKIM(context.Background(), split(raw), VerifyOptions{Resolver: z, Now: now, PartialBody: true})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The oracle: where go-msgauth has a verdict on the same signatures it must be
// the same. It knows no l= and takes no partial body.
func sameAsLibrary(t *testing.T, what string, z *zone, raw []byte, ours []*Signature) {
	t.Helper()
	theirs, err := dkim.VerifyWithOptions(bytes.NewReader(crlf(raw)), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return z.LookupTXT(context.Background(), name) },
	})
	if err != nil || len(theirs) != len(ours) {
		t.Errorf("%s: %d signatures, the library has %d (%v)", what, len(ours), len(theirs), err)
		return
	}
	for i, v := range theirs {
		if ours[i].tags.has("l") {
			continue
		}
		if (v.Err == nil) != (ours[i].Status == StatOK) {
			t.Errorf("%s: signature %d: %d %q, the library says %v", what, i, ours[i].Status, ours[i].Error, v.Err)
		}
	}
}

func TestDKIMSignedMail(t *testing.T) {
	files, err := filepath.Glob("testdata/dkim/stalwart/*.txt")
	if err != nil || len(files) != 6 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		z, raw := keysInFront(t, f)
		list := verified(t, z, raw)
		if len(list) == 0 {
			t.Errorf("%s: no signature", f)
		}
		if f == "testdata/dkim/stalwart/005.txt" { // its time was over in 2022
			if list[0].Status != StatCantVerify || !strings.Contains(list[0].Error, "expired") {
				t.Errorf("%s: %d %s", f, list[0].Status, list[0].Error)
			}
			made, _ := list[0].time("t")
			list = verifiedAt(t, z, raw, time.Unix(made, 0))
		}
		for i, s := range list {
			if s.Status != StatOK {
				t.Errorf("%s: signature %d (%s): %d %s", f, i, s.Algorithm, s.Status, s.Error)
			}
		}
		if f != "testdata/dkim/stalwart/005.txt" { // the library's clock is its own
			sameAsLibrary(t, f, z, raw, list)
		}
	}
}

// The message of RFC 6376 appendix A, signed with both algorithms and the keys of
// RFC 8463 appendix A; a mail that Exim signed.
func TestDKIMOfTheRFCs(t *testing.T) {
	z, _ := keysInFront(t, "testdata/dkim/stalwart/001.txt")
	z.txt["sed._domainkey.test.ex"] = []string{strings.TrimSpace(string(readFile(t, "testdata/dkim/dkimpy/eximtest.dns")))}
	for name, n := range map[string]int{"rfc6376.signed.msg": 2, "ed25519test2.msg": 1} {
		raw := readFile(t, "testdata/dkim/dkimpy/"+name)
		list := verified(t, z, raw)
		if len(list) != n {
			t.Fatalf("%s: %d signatures", name, len(list))
		}
		for i, s := range list {
			if s.Status != StatOK {
				t.Errorf("%s: signature %d (%s): %d %s", name, i, s.Algorithm, s.Status, s.Error)
			}
		}
		sameAsLibrary(t, name, z, raw, list)
		for i, s := range verified(t, z, append(raw, "more\n"...)) {
			if s.Status != StatBadSig {
				t.Errorf("%s with more: signature %d: %d %s", name, i, s.Status, s.Error)
			}
		}
	}
}

// The bad key records of dkimpy, with the good one among them.
func TestDKIMKeyRecords(t *testing.T) {
	for name, want := range map[string]Status{
		"test.txt": StatOK, "test2.txt": StatOK, "badk.txt": StatCantVerify, "badversion.txt": StatSyntax,
		"test_bad.txt": StatSyntax, "test_tlsrpt.txt": StatCantVerify,
	} {
		_, f := parseKey(strings.TrimSpace(string(readFile(t, "testdata/dkim/dkimpy/"+name))))
		got := StatOK
		if f != nil {
			got = f.status
		}
		if got != want {
			t.Errorf("%s: %d, want %d: %v", name, got, want, f)
		}
	}
}

// What dkimpy signs we sign, and both verify it.
func TestDKIMOfdkimpysMessages(t *testing.T) {
	key, err := ParseKey(readFile(t, "testdata/dkim/dkimpy/test.private"))
	if err != nil {
		t.Fatal(err)
	}
	z := newZone()
	z.txt["s._domainkey.example.com"] = []string{strings.TrimSpace(string(readFile(t, "testdata/dkim/dkimpy/test.txt")))}
	for _, name := range []string{"test.message", "test_extra.message", "test2.message", "rfc6376.msg", "message.mbox", "test_nofrom.message"} {
		raw := readFile(t, "testdata/dkim/dkimpy/"+name)
		for _, c := range []Canon{Simple, Relaxed} {
			field, err := Sign(split(raw), Signing{Domain: "example.com", Selector: "s", Key: key, HeaderCanon: c, BodyCanon: c, Now: then()})
			if name == "test_nofrom.message" {
				if err != ErrNoFrom {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			signed := append([]byte(field), crlf(raw)...)
			list := verified(t, z, signed)
			if list[0].Status != StatOK {
				t.Errorf("%s: %d %s", name, list[0].Status, list[0].Error)
			}
			sameAsLibrary(t, name, z, signed, list)
		}
	}
}
