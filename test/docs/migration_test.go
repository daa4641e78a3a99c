package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/conf/convert"
	"github.com/mtad/mtad/core"
)

// TestMigrationExample: the page's example becomes what the page says, and is
// reported as it says.
func TestMigrationExample(t *testing.T) {
	p := read(t, "docs/migration.md")
	from, to, report := p.blocks("conf"), p.blocks("hcl"), p.blocks("text")
	if len(from) != 1 || len(to) != 1 || len(report) != 1 {
		t.Fatalf("%d, %d and %d blocks", len(from), len(to), len(report))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "ecelerity.conf")
	if err := os.WriteFile(path, []byte(from[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := convert.Convert(convert.Options{Path: path, Schema: core.Schema(builtin())})
	if err != nil {
		t.Fatal(err)
	}
	if r.Files[0].Text != to[0] {
		t.Errorf("it becomes\n%s", r.Files[0].Text)
	}
	var findings strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&findings, strings.TrimPrefix(f.String(), dir+"/"))
	}
	if findings.String() != report[0] {
		t.Errorf("the report is\n%s", &findings)
	}
}
