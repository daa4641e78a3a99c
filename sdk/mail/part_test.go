package mail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nested = "From: a\r\nContent-Type: multipart/mixed; boundary=\"out\"\r\nMIME-Version: 1.0\r\n\r\n" +
	"preamble\r\n--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n" +
	"--in\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n" +
	"--in  \r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--in--\r\ninner epilogue\r\n" +
	"--out\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--out--\r\nepilogue\r\n"

func parse(raw string) *Part { return ParseMIME(SplitMessage([]byte(raw))) }

// outline is the tree with a line for each part.
func outline(p *Part) string {
	var b strings.Builder
	var walk func(p *Part, depth int)
	walk = func(p *Part, depth int) {
		fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", depth), p.ContentType().Type)
		if !p.Container() {
			fmt.Fprintf(&b, " %q", p.Body())
		}
		b.WriteByte('\n')
		for _, c := range p.Children() {
			walk(c, depth+1)
		}
	}
	walk(p, 0)
	return b.String()
}

func TestParseMIME(t *testing.T) {
	head := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, c := range []struct{ name, raw, want string }{
		{"nested", nested, "multipart/mixed\n multipart/alternative\n  text/plain \"caf=E9\"\n  text/html \"<b>x</b>\"\n image/png \"aGVsbG8=\"\n"},
		{"no MIME", "A: b\r\n\r\nhi\r\n", "text/plain \"hi\\r\\n\"\n"},
		{"unterminated", head + "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n", "multipart/mixed\n text/plain \"one\"\n text/plain \"two\\r\\n\"\n"},
		{"ended by the outer one", head + "--b\r\nContent-Type: multipart/x; boundary=i\r\n\r\n--i\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--",
			"multipart/mixed\n multipart/x\n  text/plain \"one\"\n text/plain \"two\"\n"},
		{"lone LF", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n", "multipart/mixed\n text/plain \"one\"\n"},
		{"same boundary twice", head + "--b\r\nContent-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n",
			"multipart/mixed\n multipart/x\n text/plain \"one\"\n"},
		{"empty parts", head + "--b\r\n--b\r\n\r\n--b--", "multipart/mixed\n text/plain \"\"\n text/plain \"\"\n"},
		{"no delimiter", head + "text\r\n", "multipart/mixed\n"},
		{"part without empty line", head + "--b\r\nContent-Type: text/html\r\n--b--\r\n", "multipart/mixed\n text/html \"\"\n"},
		{"prefix of a boundary", head + "--b\r\n\r\n--bb\r\nx\r\n--b--", "multipart/mixed\n text/plain \"--bb\\r\\nx\"\n"},
		{"digest", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nFrom: x\r\n\r\ny\r\n--b--\r\n", "multipart/digest\n message/rfc822 \"From: x\\r\\n\\r\\ny\"\n"},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n", "multipart/mixed \"--b\\r\\n\"\n"},
		{"bad type", "Content-Type: text\r\n\r\nx", "text/plain \"x\"\n"},
	} {
		root := parse(c.raw)
		if diff := cmp.Diff(c.want, outline(root)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		checkSpans(t, c.raw, root)
	}
}

// checkSpans asserts that the parts cover the message: written anew from its
// pieces it is what was read.
func checkSpans(t *testing.T, raw string, root *Part) {
	t.Helper()
	section, body := SplitMessage([]byte(raw))
	for p := root; p != nil; p = p.Thread() {
		if p.Container() {
			p.changed = true
		}
	}
	if got := string(root.Body()); got != string(body) || string(root.Header()) != string(section) {
		t.Errorf("spans of %.200q do not cover it:\n got %q\nwant %q", raw, got, body)
	}
}

func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "Content-Type: multipart/x; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	root := parse(b.String())
	depth := 0
	for p := root; len(p.Children()) > 0; p = p.Children()[0] {
		depth++
	}
	if depth != maxDepth {
		t.Errorf("depth %d, want %d", depth, maxDepth)
	}
	checkSpans(t, b.String(), root)

	raw := "Content-Type: multipart/x; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 3000) + "--b--\r\n"
	root = parse(raw)
	if n := root.count(); n != maxParts {
		t.Errorf("%d parts, want %d", n, maxParts)
	}
	last := root.Children()[len(root.Children())-1]
	if !strings.Contains(string(last.Body()), "--b\r\n") {
		t.Error("the last part does not hold what is beyond the bound")
	}
	checkSpans(t, raw, root)
}

func TestContentType(t *testing.T) {
	for _, c := range []struct {
		header string
		want   ContentType
	}{
		{"", ContentType{"text/plain", "", "7bit", "", false}},
		{"Content-Type: TEXT/Html; Charset=\"UTF-8\"\r\nContent-Transfer-Encoding: BASE64\r\n", ContentType{"text/html", "UTF-8", "base64", "", false}},
		{"Content-Type: a/b; name=x.txt\r\nContent-Disposition: inline; filename=\"y \\\"1\\\".txt\"\r\n", ContentType{"a/b", "", "7bit", `y "1".txt`, true}},
		{"Content-Type: a/b; name=\"=?utf-8?q?=C3=BC?=.txt\"\r\n", ContentType{"a/b", "", "7bit", "ü.txt", true}},
		{"Content-Disposition: attachment\r\n", ContentType{"text/plain", "", "7bit", "", true}},
		{"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.txt\r\n", ContentType{"text/plain", "", "7bit", "€.txt", true}},
		{"Content-Disposition: attachment; filename*1=\"b.txt\"; filename*0*=iso-8859-1'de'%FC\r\n", ContentType{"text/plain", "", "7bit", "\xfcb.txt", true}},
		{"Content-Type: text/plain; charset=us-ascii (Plain text)\r\n", ContentType{"text/plain", "us-ascii", "7bit", "", false}},
		{"Content-Type: text/plain; charset=a; charset=b; broken; =c; name=\"unterminated; format=flowed\r\n", ContentType{"text/plain", "a", "7bit", "unterminated", true}},
		{"Content-Type: text/plain; name=my file.txt\r\n", ContentType{"text/plain", "", "7bit", "my file.txt", true}},
	} {
		if c.want.Filename == "\xfcb.txt" {
			c.want.Filename = "üb.txt"
		}
		if diff := cmp.Diff(c.want, NewPart([]byte(c.header), nil).ContentType()); diff != "" {
			t.Errorf("%q: %s", c.header, diff)
		}
	}
}

func TestParamsString(t *testing.T) {
	p := ParseParams(`text/plain; a=b; c="d e"; f="x\"y"`)
	p.Set("name", "ü.txt")
	p.Set("a", "z")
	want := `text/plain; a=z; c="d e"; f="x\"y"; name*=utf-8''%C3%BC.txt`
	if got := p.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	again := ParseParams(want)
	if again.Get("name") != "ü.txt" || again.Get("f") != `x"y` {
		t.Errorf("read back %+v", again)
	}
}

func TestThread(t *testing.T) {
	var types []string
	root := parse(nested)
	for p := root; p != nil; p = p.Thread() {
		types = append(types, p.ContentType().Type)
		if p.Root() != root {
			t.Error("wrong root")
		}
	}
	want := []string{"multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
	if root.Children()[0].Next() != root.Children()[1] || root.Children()[1].Next() != nil || root.Next() != nil {
		t.Error("wrong siblings")
	}
	if got := root.Boundaries(); !cmp.Equal(got, []string{"out", "in"}) {
		t.Errorf("boundaries %q", got)
	}
}

func FuzzParseMIME(f *testing.F) {
	f.Add(nested)
	f.Add("Content-Type: multipart/x; boundary=b\n\n--b\n\n--b--\n--b")
	f.Add("Content-Type: multipart/x; boundary=\"\"\r\n\r\n----\r\n")
	f.Add("Content-Type: multipart/x; boundary=-\r\n\r\n---\r\n\r\n-----\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		root := parse(raw)
		checkSpans(t, raw, root)
		if root.count() > maxParts {
			t.Errorf("%d parts", root.count())
		}
		for p := root; p != nil; p = p.Thread() {
			p.Text()
			p.ContentType()
		}
		again := ParseMIME(SplitMessage(root.Raw()))
		if outline(again) != outline(root) {
			t.Errorf("read again it is another tree:\n%s\n%s", outline(root), outline(again))
		}
	})
}
