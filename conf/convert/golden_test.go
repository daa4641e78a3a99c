package convert

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/conf"
)

var update = flag.Bool("update", false, "write what comes out as what is expected")

// TestSnippets converts each testdata/*/*.conf that has a .hcl beside it: the
// 18 snippets and the 34 constructs of reference/config-syntax.md. The findings
// are below the HCL, as comments.
func TestSnippets(t *testing.T) {
	files, _ := filepath.Glob("testdata/snippets/[0-9]*.conf")
	if len(files) != 18 {
		t.Errorf("%d snippets", len(files))
	}
	schema := fullSchema()
	for _, file := range append(files, "testdata/constructs/constructs.conf") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := Convert(Options{Path: file, Schema: schema, Further: refusals})
			if err != nil {
				t.Fatal(err)
			}
			got := r.Files[0].Text
			tree, diags := conf.Load(conf.Options{Path: "/h.conf", Search: []string{}, FS: textFS{"/h.conf": got}})
			if diags = append(diags, conf.Check(tree, schema)...); len(diags) > 0 {
				t.Errorf("not accepted:\n%s", diags)
			}
			for _, f := range r.Findings {
				f.Pos.File = filepath.Base(f.Pos.File)
				got += fmt.Sprintf("#! %s\n", strings.ReplaceAll(f.String(), filepath.Dir(file)+"/", ""))
			}
			got = strings.ReplaceAll(got, filepath.Dir(file)+"/", "")
			golden := strings.TrimSuffix(file, ".conf") + ".hcl"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
