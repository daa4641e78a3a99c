package mailauth

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"testing/iotest"
)

// RFC 6376 §3.4.5 and its borders.
func TestCanonicalBody(t *testing.T) {
	for _, c := range []struct{ body, simple, relaxed string }{
		{"", "\r\n", ""},
		{"\r\n\r\n", "\r\n", ""},
		{" \t\r\n", " \t\r\n", ""},
		{" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
		{"no end", "no end\r\n", "no end\r\n"},
		{"no end  ", "no end  \r\n", "no end\r\n"},
		{"a\r\n\r\n b", "a\r\n\r\n b\r\n", "a\r\n\r\n b\r\n"},
		{"a\rb\r", "a\rb\r\r\n", "a\rb\r\r\n"},
		{"a\nb", "a\nb\r\n", "a\nb\r\n"},
	} {
		for canon, want := range map[Canon]string{Simple: c.simple, Relaxed: c.relaxed} {
			h := newBodyHasher(canon, sha256.New(), -1)
			if err := hashBody(iotest.OneByteReader(strings.NewReader(c.body)), []*bodyHasher{h}); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(want))
			if got := h.sum(); !bytes.Equal(got, sum[:]) || h.total != int64(len(want)) {
				t.Errorf("%s of %q is not %q (%d bytes)", canon, c.body, want, h.total)
			}
		}
	}
}

func TestCanonicalLength(t *testing.T) {
	h := newBodyHasher(Simple, sha256.New(), 4)
	if err := hashBody(strings.NewReader("abcdef\r\n"), []*bodyHasher{h}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("abcd"))
	if got := h.sum(); !bytes.Equal(got, sum[:]) || h.total != 8 {
		t.Errorf("%d bytes", h.total)
	}
}

func TestCanonicalField(t *testing.T) {
	for raw, want := range map[string]string{
		"A: X\r\n":                          "a:X\r\n",
		"B : Y\t\r\n\tZ  \r\n":              "b:Y Z\r\n",
		"Subject:\r\n":                      "subject:\r\n",
		"Sub Ject:  a \r\n  b\r\n\t c \r\n": "sub ject:a b c\r\n",
	} {
		if got := string(Relaxed.field([]byte(raw))); got != want {
			t.Errorf("%q becomes %q, want %q", raw, got, want)
		}
		if got := string(Simple.field([]byte(raw))); got != raw {
			t.Errorf("%q becomes %q", raw, got)
		}
	}
}

func TestTags(t *testing.T) {
	list, err := parseTags(" v = 1;\r\n\ta=rsa-\r\n\tsha256 ; b=AB\r\n CD;")
	if err != nil || list.get("v") != "1" || list.get("a") != "rsa-sha256" || list.get("b") != "ABCD" || list.has("c") {
		t.Errorf("%+v %v", list, err)
	}
	for _, bad := range []string{"", ";", "a", "a=1;;b=2", "a=1;a=2", "=1", "1=2", "a b=1", "a=1;" + strings.Repeat("b", 3) + ";"} {
		if list, err := parseTags(bad); err == nil {
			t.Errorf("%q gives %+v", bad, list)
		}
	}
}

// The value of b= goes, wherever it stands, and nothing else does.
func TestWithoutB(t *testing.T) {
	for raw, want := range map[string]string{
		"DKIM-Signature: b=AAA=\r\n\tBB; bh=xb=\r\n ; h=b\r\n": "DKIM-Signature: b=; bh=xb=\r\n ; h=b\r\n",
		"X: bh=b=; z=b:c; b=\r\n A\r\n B \r\n":                 "X: bh=b=; z=b:c; b=\r\n",
		"X: a=1; b = A;\r\n":                                   "X: a=1; b =;\r\n",
	} {
		f := field{raw: []byte(raw)}
		list, err := parseTags(f.value())
		if got := string(withoutB([]byte(raw), &list)); err != nil || got != want {
			t.Errorf("%q becomes %q, want %q (%v)", raw, got, want, err)
		}
	}
}

func TestFieldsAreBounded(t *testing.T) {
	if _, err := splitFields([]byte(strings.Repeat("a: b\r\n", maxFields+1))); err != errHeaderSize {
		t.Error(err)
	}
	if _, err := splitFields(make([]byte, maxHeader+1)); err != errHeaderSize {
		t.Error(err)
	}
	got, err := splitFields([]byte("A: 1\r\n b\r\nno colon\r\nC : 2"))
	if err != nil || len(got) != 3 || got[0].name != "a" || got[1].name != "" || got[2].name != "c" || string(got[2].raw) != "C : 2\r\n" {
		t.Errorf("%q %v", got, err)
	}
}

func FuzzCanonicalBody(f *testing.F) {
	f.Add([]byte(" a \r\n\r\nb\r\n\r\n"), 3)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		if cut < 0 || cut > len(body) {
			cut = len(body) / 2
		}
		for _, c := range []Canon{Simple, Relaxed} {
			whole, halves := newBodyHasher(c, sha256.New(), -1), newBodyHasher(c, sha256.New(), -1)
			whole.Write(body)
			halves.Write(body[:cut])
			halves.Write(body[cut:])
			if !bytes.Equal(whole.sum(), halves.sum()) {
				t.Errorf("%s of %q cut at %d", c, body, cut)
			}
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add("v=1; a=rsa-sha256; b=A\r\n B; h=from")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseTags(text)
		if err != nil {
			return
		}
		for name, s := range list.spans {
			if strings.Trim(text[s.from:s.to], blanks) != list.values[name] {
				t.Errorf("%q: %s is %q at %v", text, name, list.values[name], s)
			}
		}
		withoutB([]byte("X:"+text), &list)
	})
}
