package mail

import (
	"errors"
	"strings"
	"testing"
)

func leaf(body string) *Part { return NewPart([]byte("Content-Type: text/x\r\n"), []byte(body)) }

func TestInsert(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(root *Part) error
		want string
	}{
		{"append", func(r *Part) error { return r.AppendChild(leaf("new")) }, "[[caf=E9|<b>x</b>]|aGVsbG8=|new]"},
		{"prepend", func(r *Part) error { return r.PrependChild(leaf("new")) }, "[new|[caf=E9|<b>x</b>]|aGVsbG8=]"},
		{"before", func(r *Part) error { return leaf("new").InsertBefore(r.Children()[1]) }, "[[caf=E9|<b>x</b>]|new|aGVsbG8=]"},
		{"after", func(r *Part) error { return leaf("new").InsertAfter(r.Children()[0].Children()[0]) }, "[[caf=E9|new|<b>x</b>]|aGVsbG8=]"},
		{"move", func(r *Part) error { return r.PrependChild(r.Children()[1]) }, "[aGVsbG8=|[caf=E9|<b>x</b>]]"},
		{"move inside", func(r *Part) error { return r.Children()[0].Children()[1].InsertBefore(r.Children()[0].Children()[0]) }, "[[<b>x</b>|caf=E9]|aGVsbG8=]"},
		{"move to itself", func(r *Part) error { return r.Children()[1].InsertAfter(r.Children()[1]) }, "[[caf=E9|<b>x</b>]|aGVsbG8=]"},
		{"unlink first", func(r *Part) error { r.Children()[0].Unlink(); return nil }, "[aGVsbG8=]"},
		{"unlink last", func(r *Part) error { r.Children()[1].Unlink(); return nil }, "[[caf=E9|<b>x</b>]]"},
		{"empty and fill", func(r *Part) error {
			r.Children()[0].Unlink()
			r.Children()[0].Unlink()
			return r.AppendChild(leaf("new"))
		}, "[new]"},
	} {
		root := parse(nested)
		if err := c.do(root); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		again := parse(string(root.Raw()))
		if got := shape(again); got != c.want {
			t.Errorf("%s: got %s, want %s\n%q", c.name, got, c.want, root.Raw())
		}
		if !strings.HasPrefix(string(root.Body()), "preamble\r\n") || !strings.HasSuffix(string(root.Body()), "\r\n--out--\r\nepilogue\r\n") {
			t.Errorf("%s: preamble or epilogue changed: %q", c.name, root.Body())
		}
	}
}

func shape(p *Part) string {
	if !p.Container() {
		return strings.TrimSuffix(string(p.Body()), "\r\n")
	}
	var parts []string
	for _, c := range p.Children() {
		parts = append(parts, shape(c))
	}
	return "[" + strings.Join(parts, "|") + "]"
}

func TestInsertIntoBrokenContainers(t *testing.T) {
	head := "Content-Type: multipart/x; boundary=b\r\n\r\n"
	for _, body := range []string{"", "--b--", "--b\r\n\r\none", "--b\r\n\r\none\r\n--b--\r\n", "--b\r\n--b--\r\n", "pre", "--b\r\nA: b\r\n\r\n\r\n--b--"} {
		for i, do := range []func(*Part) error{
			func(r *Part) error { return r.AppendChild(leaf("new")) },
			func(r *Part) error { return r.PrependChild(leaf("new")) },
		} {
			root := parse(head + body)
			before := len(root.Children())
			if err := do(root); err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			again := parse(string(root.Raw()))
			if len(again.Children()) != before+1 || !strings.Contains(string(root.Raw()), "--b--") {
				t.Errorf("%q, way %d: %q", body, i, root.Raw())
			}
		}
	}
}

func TestInsertErrors(t *testing.T) {
	root := parse(nested)
	for _, c := range []struct {
		err, want error
	}{
		{leaf("x").AppendChild(leaf("y")), ErrNotContainer},
		{leaf("x").InsertAfter(leaf("y")), ErrNoPlace},
		{leaf("x").InsertBefore(leaf("y")), ErrNoPlace},
		{root.Children()[0].AppendChild(root), ErrCycle},
		{root.AppendChild(leaf("\r\n--out\r\n")), ErrBoundary},
		{root.Children()[0].AppendChild(root.Children()[0]), ErrCycle},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("got %v, want %v", c.err, c.want)
		}
	}
	if string(root.Raw()) != nested {
		t.Error("a failed edit changed the message")
	}
	full := parse("Content-Type: multipart/x; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 3000) + "--b--\r\n")
	if err := full.AppendChild(leaf("x")); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v, want %v", err, ErrTooMany)
	}
}

func TestSetHeader(t *testing.T) {
	root := parse(nested)
	png := root.Children()[1]
	png.SetHeader(AppendHeader(png.Header(), "X-Part", []string{"1"}))
	if want := strings.Replace(nested, "base64\r\n", "base64\r\nX-Part: 1\r\n", 1); string(root.Raw()) != want {
		t.Errorf("got %q", root.Raw())
	}
	root = parse(nested)
	root.SetHeader(ReplaceHeader(root.Header(), "Content-Type", []string{"multipart/mixed; boundary=other"}))
	if got := shape(parse(string(root.Raw()))); got != "[[caf=E9|<b>x</b>]|aGVsbG8=]" {
		t.Errorf("new boundary: %s\n%q", got, root.Raw())
	}
	root.Children()[0].SetHeader(ReplaceHeader(root.Children()[0].Header(), "Content-Type", []string{"text/plain"}))
	if root.Children()[0].Container() || len(root.Children()[0].Children()) != 0 {
		t.Error("still a container")
	}
	if got := shape(parse(string(root.Raw()))); !strings.HasPrefix(got, "[--in\r\nContent-Type: text/plain; charset") {
		t.Errorf("leaf: %s", got)
	}
}

func TestSetBody(t *testing.T) {
	root := parse(nested)
	png := root.Children()[1]
	png.SetBody([]byte("bmV3"))
	if want := strings.Replace(nested, "aGVsbG8=", "bmV3", 1); string(root.Raw()) != want {
		t.Errorf("got %q", root.Raw())
	}
	root.Children()[0].SetBody([]byte("--in\r\n\r\nonly\r\n--in--"))
	if got := shape(root); got != "[[only]|bmV3]" {
		t.Errorf("got %s", got)
	}
	root.SetRaw([]byte("A: b\r\n\r\nplain"))
	if root.Container() || string(root.Raw()) != "A: b\r\n\r\nplain" {
		t.Errorf("got %q", root.Raw())
	}
}

func TestNewContainer(t *testing.T) {
	c, err := NewContainer("multipart/mixed", "x y")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AppendChild(leaf("one")); err != nil {
		t.Fatal(err)
	}
	want := "Content-Type: multipart/mixed; boundary=\"x y\"\r\n\r\n--x y\r\nContent-Type: text/x\r\n\r\none\r\n--x y--\r\n"
	if string(c.Raw()) != want {
		t.Errorf("got %q", c.Raw())
	}
	d := c.DeepCopy()
	d.Children()[0].SetBody([]byte("two"))
	if string(c.Raw()) != want {
		t.Error("a copy shares with its original")
	}
	for _, bad := range [][2]string{{"text/plain", "b"}, {"multipart/x", ""}, {"multipart/x", "a\r\nb"}, {"multipart/x", "b "}, {"multipart/x", "ü"}} {
		if _, err := NewContainer(bad[0], bad[1]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestNewLeaf(t *testing.T) {
	p := NewLeaf("text/plain", EncodingBase64, []byte("aGk="))
	if p.Text() != "hi" || !p.IsText() {
		t.Errorf("got %q", p.Raw())
	}
	if got := string(NewLeaf("text/plain", Encoding7Bit, []byte("hi")).Raw()); got != "Content-Type: text/plain\r\n\r\nhi" {
		t.Errorf("got %q", got)
	}
}
