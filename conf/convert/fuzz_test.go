package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mtad/mtad/conf"
)

// FuzzConvert: whatever the text is, the result is HCL that is accepted, and
// each finding has a place in the text.
func FuzzConvert(f *testing.F) {
	for _, pattern := range []string{"testdata/snippets/*.conf", "testdata/constructs/*.conf"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add("a {{ } /* \n \"\n [ ( \xff “x” ... b\n")
	schema := fullSchema()
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Convert(Options{Path: "/e.conf", FS: textFS{"/e.conf": text}, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		tree, diags := conf.Load(conf.Options{Path: "/h.conf", Search: []string{}, FS: textFS{"/h.conf": r.Files[0].Text}, Listed: []string{"module"}})
		for _, d := range append(diags, conf.Check(tree, schema)...) {
			t.Errorf("%s\nfrom %q\nto %s", d, text, r.Files[0].Text)
		}
		lines := strings.Count(text, "\n") + 1
		for _, found := range r.Findings {
			if found.Pos.Line < 1 || found.Pos.Line > lines || found.Text == "" {
				t.Errorf("%q: %s", text, found)
			}
		}
		if got := strings.Count(r.Files[0].Text, "\n"); got != len(r.Files[0].page.lines) {
			t.Errorf("%q: %d lines where %d were written", text, got, len(r.Files[0].page.lines))
		}
	})
}

// FuzzString: what is quoted is read as what it was; HCL composes characters.
func FuzzString(f *testing.F) {
	for _, text := range []string{`a"b\c`, "${x} %{y} $${z} %%{", "\x00\x1f\u2028\ufeff\U0001f600", "\r\n\t", "$", "%", "$$", "$$${"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		tree, diags := conf.Load(conf.Options{Path: "/h.conf", FS: textFS{"/h.conf": "a = " + hclString(text) + "\n"}})
		if len(diags) > 0 {
			t.Fatalf("%q: %s", text, diags)
		}
		if a, _ := tree.Root.Attr("a"); a == nil || a.Value.Text != norm.NFC.String(text) {
			t.Errorf("%q became %+v", text, a)
		}
	})
}
