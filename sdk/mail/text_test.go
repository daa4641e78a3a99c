package mail

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ header, body, want string }{
		{"", "plain\r\n", "plain\r\n"},
		{"", "caf\xe9", "café"},
		{"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n", "caf=E9 =\r\nx=  \r\ny", "café xy"},
		{"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n", "8NLJ18XU\r\n", "Привет"},
		{"Content-Type: text/plain; charset=x-unknown\r\n", "caf\xe9", "café"},
		{"Content-Type: text/plain; charset=utf-8\r\n", "caf\xe9", "caf\uFFFD"},
		{"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", "/w==", "\xff"},
		{"Content-Transfer-Encoding: x-odd\r\n", "a=41", "a=41"},
	} {
		if got := NewPart([]byte(c.header), []byte(c.body)).Text(); got != c.want {
			t.Errorf("%q %q: got %q, want %q", c.header, c.body, got, c.want)
		}
	}
}

func TestReplaceText(t *testing.T) {
	ct := func(charset, te string) string {
		return "Content-Type: text/plain; charset=" + charset + "\r\nContent-Transfer-Encoding: " + te + "\r\n"
	}
	for _, c := range []struct{ name, header, text, want string }{
		{"plain", "A: b\r\n", "x\ny\n", "A: b\r\n\r\nx\r\ny\r\n"},
		{"latin1 stays", ct("iso-8859-1", "quoted-printable"), "é=\r\n", ct("iso-8859-1", "quoted-printable") + "\r\n=E9=3D\r\n"},
		{"base64 stays", ct("utf-8", "base64"), "é", ct("utf-8", "base64") + "\r\nw6k=\r\n"},
		{"8bit stays", ct("utf-8", "8bit"), "é", ct("utf-8", "8bit") + "\r\né"},
		{"no longer 7bit", "", "é", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n=C3=A9"},
		{"charset cannot hold it", ct("iso-8859-1", "quoted-printable"), "€", ct("utf-8", "quoted-printable") + "MIME-Version: 1.0\r\n\r\n=E2=82=AC"},
		{"long line", "", strings.Repeat("x", 1200), ""},
	} {
		p := NewPart([]byte(c.header), nil)
		p.ReplaceText(c.text)
		if c.want != "" && string(p.Raw()) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, p.Raw(), c.want)
		}
		if got := p.Text(); got != CanonicalLines(c.text) {
			t.Errorf("%s: read back %q", c.name, got)
		}
		for _, line := range bytes.Split(p.Body(), []byte("\r\n")) {
			if len(line) > maxLine {
				t.Errorf("%s: a line of %d", c.name, len(line))
			}
		}
	}
}

func TestSetText(t *testing.T) {
	root := parse(nested)
	root.Children()[0].SetText("neu: ü", "text/html", "iso-8859-15")
	if got := shape(root); got != "[neu: =FC|aGVsbG8=]" {
		t.Errorf("got %s", got)
	}
	if ct := root.Children()[0].ContentType(); ct.Type != "text/html" || ct.Charset != "iso-8859-15" || ct.Encoding != EncodingQP {
		t.Errorf("got %+v", ct)
	}
	root.SetText("all", "", "")
	if root.Container() || root.Text() != "all" || root.ContentType().Type != "text/plain" {
		t.Errorf("got %q", root.Raw())
	}
}

func TestTextParts(t *testing.T) {
	parts := parse(nested).TextParts()
	if len(parts) != 2 || parts[0].Text() != "café" || parts[1].Text() != "<b>x</b>" {
		t.Errorf("got %d parts", len(parts))
	}
	if n := len(parse("Content-Type: image/png\r\n\r\nx").TextParts()); n != 0 {
		t.Errorf("an image is %d texts", n)
	}
}

func TestBuild(t *testing.T) {
	section, body, err := Build(strings.NewReader("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), Draft{
		Headers: []HeaderLine{{"From", "a@x.test"}, {"Subject", "hé"}, {"content-type", "text/evil"}, {"Bad Name", "x"}},
		Alternatives: []Alternative{
			{"text/html", "<b>é</b>\n"}, {"text/plain; charset=utf8", "plain é"}, {"application/json", "{}"},
		},
		Attachments: []Attachment{
			{ContentType: "text/csv", Name: "a b.csv", Headers: "X-One: 1\r\nX-Two: 2", Content: []byte("1,2\n")},
			{ContentType: "", Name: "x", Content: []byte("\xff\x00"), Binary: true},
			{Content: []byte("From: q\r\n\r\nattached\r\n"), Message: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(section, []byte("From: a@x.test\r\nSubject: =?utf-8?b?aMOp?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=")) {
		t.Errorf("section %q", section)
	}
	want := "multipart/mixed\n multipart/alternative\n" +
		"  text/plain \"cGxhaW4gw6k=\\r\\n\"\n  application/json \"e30=\\r\\n\"\n  text/html \"<b>=C3=A9</b>\\r\\n\"\n" +
		" text/csv \"1,2\\r\\n\"\n application/octet-stream \"/wA=\\r\\n\"\n message/rfc822 \"From: q\\r\\n\\r\\nattached\\r\\n\"\n"
	root := ParseMIME(section, body)
	if got := outline(root); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	csv := root.Children()[1]
	if ct := csv.ContentType(); ct.Filename != "a b.csv" || !ct.Attachment || Header(csv.Header(), "X-Two")[0] != "2" {
		t.Errorf("attachment %+v %q", ct, csv.Header())
	}
	if root.Children()[0].Children()[2].ContentType().Charset != "utf-8" {
		t.Error("text of no charset did not get one")
	}
}

func TestBuildWithoutRandomness(t *testing.T) {
	boom := errors.New("boom")
	if _, _, err := Build(iotest.ErrReader(boom), Draft{}); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

func TestNewBoundary(t *testing.T) {
	same := func() *strings.Reader { return strings.NewReader(strings.Repeat("a", boundaryLength)) }
	b, err := NewBoundary(same())
	if err != nil || len(b) != boundaryLength+2 || !isTokenByte(b[5]) {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := NewBoundary(strings.NewReader(strings.Repeat("a", 1000)), []byte("x"+b)); err == nil {
		t.Error("a boundary that occurs was given")
	}
}

func TestTransferEncodings(t *testing.T) {
	for _, in := range []string{"", "a", "ab", "abc", "line\r\nline\r\n", " \r\n", "x \r\n.\r\n..y\r\nFrom me\r\n", strings.Repeat("word é ", 200), strings.Repeat("=", 300), "\x00\x01\xff\r\n"} {
		for _, enc := range []string{EncodingBase64, EncodingQP} {
			out := EncodeTransfer(enc, []byte(in), true)
			for _, line := range strings.Split(string(out), "\r\n") {
				if len(line) > maxEncodedLine || strings.HasSuffix(line, " ") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") {
					t.Errorf("%s of %q: line %q", enc, in, line)
				}
			}
			if got := string(DecodeTransfer(enc, out)); got != in {
				t.Errorf("%s of %q read back as %q", enc, in, got)
			}
		}
		if got := string(DecodeTransfer(EncodingQP, EncodeTransfer(EncodingQP, []byte(in), false))); got != in {
			t.Errorf("binary %q read back as %q", in, got)
		}
	}
}

func TestBrokenTransferEncodings(t *testing.T) {
	for _, c := range []struct{ enc, in, want string }{
		{"BASE64", "aGV\n sbG8", "hello"},
		{"base64", "aGVsbG8=aGVsbG8=", "hellohello"},
		{"base64", "!!", ""},
		{"quoted-printable", "=4", "=4"},
		{"quoted-printable", "=zz=3d=", "=zz="},
		{"quoted-printable", "a \t\r\nb", "a\r\nb"},
		{"7bit", "=41", "=41"},
	} {
		if got := string(DecodeTransfer(c.enc, []byte(c.in))); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.enc, c.in, got, c.want)
		}
	}
}

func FuzzReplaceText(f *testing.F) {
	f.Add("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n", "héllo \n.x")
	f.Add("Content-Type: text/plain; charset=shift_jis\r\n", "日本\r")
	f.Fuzz(func(t *testing.T, header, text string) {
		text = toUTF8(text)
		section, _ := SplitMessage([]byte(header))
		p := NewPart(section, nil)
		if !p.IsText() || findCharset(p.ContentType().Charset) == nil && p.ContentType().Charset != "" {
			return
		}
		switch p.ContentType().Encoding {
		case Encoding7Bit, EncodingBase64, EncodingQP:
			p.SetText(text, "text/plain", "")
			if got := p.Text(); got != CanonicalLines(text) {
				t.Errorf("%q read back as %q from %q", text, got, p.Raw())
			}
		}
	})
}

func FuzzHeaderEdits(f *testing.F) {
	f.Add(sample, "X-A", "välue with blanks")
	f.Add("A: b", "A", "x\r\ny")
	f.Add(" \n:\n", "B", strings.Repeat("ü ", 50))
	f.Fuzz(func(t *testing.T, section, name, value string) {
		if !ValidName(name) || strings.Contains(section, "\n\r\n") || strings.Contains(section, "\n\n") {
			return
		}
		out := ReplaceHeader([]byte(section), name, []string{value})
		if want := cleanValue(value); !strings.Contains(want, "=?") && !isAddressField(name) {
			if got := Header(out, name); len(got) != 1 || got[0] != want {
				t.Errorf("%q: %q became %q in %q", name, value, got, out)
			}
		}
		gone, was := DeleteHeader(out, name), DeleteHeader([]byte(section), name)
		if !bytes.HasPrefix(gone, was) || len(bytes.Trim(gone[len(was):], "\r\n")) > 0 {
			t.Errorf("untouched bytes changed: %q, %q", was, gone)
		}
	})
}

// Only a message gets MIME-Version with its first MIME header; a part that was
// made, or taken out of a message, does not.
func TestMIMEVersionIsTheMessages(t *testing.T) {
	for name, p := range map[string]*Part{
		"a leaf": NewLeaf("text/plain", Encoding7Bit, nil),
		"taken out": func() *Part {
			first := NewPart([]byte("Content-Type: multipart/mixed; boundary=b\r\n"), []byte("--b\r\n\r\nx\r\n--b--\r\n")).Children()[0]
			first.Unlink()
			return first
		}(),
	} {
		if p.SetText("é", "", ""); strings.Contains(string(p.Header()), "MIME-Version") {
			t.Errorf("%s: %q", name, p.Header())
		}
	}
	m := NewPart([]byte("Subject: s\r\nContent-Type: text/html\r\n"), []byte("x\r\n"))
	m.SetText("plain", "", "")
	m.SetText("é", "", "")
	if got := string(m.Header()); strings.Count(got, "MIME-Version: 1.0\r\n") != 1 {
		t.Errorf("a message: %q", got)
	}
}
