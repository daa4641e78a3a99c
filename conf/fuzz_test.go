package conf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mtad/mtad/sdk/option"
)

// FuzzLoad: no input may panic or run away; a file is read or said to be wrong
// at a place inside it, and what was read can be asked for.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/errors/*.conf")
	for _, file := range append(files, "testdata/small.conf") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(outboundConf)
	f.Add(viewConf)
	f.Fuzz(func(t *testing.T, text string) {
		tree, diags := Load(Options{Path: "/main.conf", FS: memFS{"/main.conf": text}})
		for _, d := range append(diags, Check(tree, &schema)...) {
			if d.Text == "" || d.File == "" || d.Line < 1 || d.Column < 1 {
				t.Errorf("%q: no place or no text: %+v", text, d)
			}
		}
		checkNames(t, tree.Root)
		tree.Layers.Outbound("", "b", "example.com")
		View{tree, &schema}.Eval([]string{"domain", "example.com", "tls"})
	})
}

func checkNames(t *testing.T, s *option.Scope) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range s.Attrs {
		if seen[a.Name] {
			t.Errorf("option %q is there twice", a.Name)
		}
		seen[a.Name] = true
	}
	for i := range s.Scopes {
		checkNames(t, &s.Scopes[i])
	}
}
