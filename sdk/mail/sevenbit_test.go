package mail

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// convert runs both passes over a message, the second byte by byte.
func convert(t testing.TB, raw string, what Conversion) (string, *Plan, error) {
	t.Helper()
	plan, err := PlanConversion(strings.NewReader(raw), what)
	if err != nil {
		return "", nil, err
	}
	out, err := io.ReadAll(plan.Reader(iotest.OneByteReader(strings.NewReader(raw))))
	if err != nil {
		t.Fatal(err)
	}
	return string(out), plan, nil
}

func lines(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\n", "\r\n")
}

var everything = Conversion{Headers: true, Bodies: true}

func TestConversion(t *testing.T) {
	for _, tc := range []struct{ what, in, want string }{
		{"no MIME at all", "Subject: x\n\nZ\u00fcrich\n.\nFrom here\n", `
Subject: x
Content-Type: text/plain; charset=utf-8
MIME-Version: 1.0
Content-Transfer-Encoding: quoted-printable

Z=C3=BCrich
.
From here
`},
		{"bytes that are no UTF-8", "Subject: x\n\nZ\xfcrich\n", `
Subject: x
Content-Type: text/plain; charset=unknown-8bit
MIME-Version: 1.0
Content-Transfer-Encoding: quoted-printable

Z=FCrich
`},
		{"only what needs it", `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

pre` + "\u00e9" + `
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

` + "caf\xe9 = 1 " + `
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAAA
--b
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: inner ` + "\u00e4" + `

` + "\u00fc" + `
--b--
`, `
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 7bit

pre??
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 =3D 1=20
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAAA
--b
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

Subject: inner =?utf-8?q?=C3=A4?=
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=C3=BC
--b--
`},
		{"headers", "From: Z\u00fcrich <a@b\u00fccher.example>\nTo: plain@example.com\nContent-Type: text/plain; name=\"\u00fc.txt\"\nContent-Transfer-Encoding: base64\n\nAAAA\n", `
From: =?utf-8?q?Z=C3=BCrich?= <a@xn--bcher-kva.example>
To: plain@example.com
Content-Type: text/plain; name*=utf-8''%C3%BC.txt
Content-Transfer-Encoding: base64

AAAA
`},
	} {
		got, plan, err := convert(t, lines(tc.in), everything)
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
			continue
		}
		if got != lines(tc.want) || !plan.Needed() {
			t.Errorf("%s:\n%q\nwant\n%q", tc.what, got, lines(tc.want))
		}
	}
}

func TestConversionChangesNothing(t *testing.T) {
	signed := lines("Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Transfer-Encoding: 8bit\n\nplain\n--s--\n")
	for _, in := range []string{"", "\r\n", "Subject: x\r\n\r\nplain\r\n", "Subject: x", "no header\n\nbare\rCR", signed} {
		if got, plan, err := convert(t, in, everything); got != in || err != nil || plan.Needed() {
			t.Errorf("%q became %q: %v", in, got, err)
		}
	}
	in := "Subject: \u00fc\r\n\r\n\u00fc\r\n"
	if got, _, err := convert(t, in, Conversion{Headers: true}); err != nil || got != "Subject: =?utf-8?q?=C3=BC?=\r\n\r\n\u00fc\r\n" {
		t.Errorf("headers only: %q %v", got, err)
	}
}

// What RFC 6152 has bounced rather than damaged.
func TestNotConvertible(t *testing.T) {
	for what, in := range map[string]string{
		"signed content":     "Content-Type: multipart/signed; boundary=s\n\n--s\n\n\u00fc\n--s\n\nsig\n--s--\n",
		"signed, deeper":     "Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\n\u00fc\n--m--\n--s--\n",
		"signed header":      "Content-Type: multipart/signed; boundary=s\n\n--s\nX: \u00fc\n\n\n--s--\n",
		"a partial message":  "Content-Type: message/partial; id=x; number=1\n\n\u00fc\n",
		"encoded already":    "Content-Transfer-Encoding: base64\n\n\u00fc\n",
		"a local part":       "From: <\u00fc@example.com>\n\nx\n",
		"a line of no field": "\u00fc\n\nx\n",
	} {
		if got, _, err := convert(t, lines(in), everything); !errors.Is(err, ErrNotConvertible) {
			t.Errorf("%s: %q %v", what, got, err)
		}
	}
}

// A line longer than every buffer is encoded as one.
func TestConversionOfLongLines(t *testing.T) {
	got, _, err := convert(t, "Subject: x\r\n\r\n"+strings.Repeat("\u00fc", walkBuffer)+"\r\n", everything)
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	if err != nil || string(DecodeTransfer(EncodingQP, []byte(body))) != strings.Repeat("\u00fc", walkBuffer)+"\r\n" {
		t.Errorf("%v, %d bytes", err, len(body))
	}
}

func FuzzConversion(f *testing.F) {
	f.Add([]byte("Subject: \xfc\r\n\r\n\xfc\r\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xfc\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nX: \xc3\xbc\r\n\r\n--b--\r\n\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		plan, err := PlanConversion(bytes.NewReader(raw), everything)
		if err != nil {
			return
		}
		out, err := io.ReadAll(plan.Reader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if !isASCII(out) {
			t.Fatalf("not 7 bits: %q", out)
		}
		if !plan.Needed() && !bytes.Equal(out, raw) {
			t.Fatalf("changed without need: %q", out)
		}
	})
}
