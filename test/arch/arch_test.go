// Package arch checks the arrows between packages (docs/flow.md): they point one
// way, and a test says so.
//
// Next: nothing; it is the end of every change.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/mtad/mtad/"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	Doc        string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,Doc", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// top is the first folder of one of our packages, "" for anybody else's.
func top(path string) string {
	rest, ours := strings.CutPrefix(path, module)
	if !ours {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

// moduleOf is the module under plugins that a package belongs to.
func moduleOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, module), "/")
	if len(parts) < 2 || parts[0] != "plugins" {
		return ""
	}
	return parts[1]
}

// TestArrows: cmd -> core -> conf -> sdk, plugins -> sdk; no module imports
// another; sdk imports nothing of ours.
func TestArrows(t *testing.T) {
	allowed := map[string][]string{
		"cmd":      {"core", "conf", "plugins", "sdk"},
		"core":     {"core", "conf", "sdk"},
		"conf":     {"conf", "sdk"},
		"plugins":  {"plugins", "sdk"},
		"sdk":      {"sdk"},
		"examples": {"sdk"},
		"test":     {"cmd", "core", "conf", "plugins", "sdk", "test"},
	}
	all := list(t)
	if len(all) < 20 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	for _, p := range all {
		from := top(p.ImportPath)
		for _, imp := range p.Imports {
			to := top(imp)
			// Helpers of tests may ask test/need what the machine has.
			if to == "" || imp == module+"test/need" && strings.HasSuffix(p.ImportPath, "test") {
				continue
			}
			if !contains(allowed[from], to) {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
			if from == "plugins" && to == "plugins" && moduleOf(p.ImportPath) != moduleOf(imp) {
				t.Errorf("module %s imports module %s", p.ImportPath, imp)
			}
		}
	}
}

// TestOnlyTheWirePackagesKnowTheWire: generated types stay behind sdk/rpc, HCL
// behind conf, gopher-lua inside the scriptlet module and the tool that checks
// scripts.
func TestOnlyTheWirePackagesKnowTheWire(t *testing.T) {
	owners := map[string][]string{
		module + "sdk/rpc/pb":            {"sdk/rpc"},
		"github.com/hashicorp/hcl/v2":    {"conf"},
		"github.com/yuin/gopher-lua":     {"plugins/scriptlet"},
		"github.com/hashicorp/go-plugin": {"sdk/rpc", "core/modules"},
		"modernc.org/sqlite":             {"plugins/datasource"},
	}
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			for dep, own := range owners {
				if (imp == dep || strings.HasPrefix(imp, dep+"/")) && !within(p.ImportPath, own) {
					t.Errorf("%s imports %s", p.ImportPath, imp)
				}
			}
		}
	}
}

func within(path string, folders []string) bool {
	for _, f := range folders {
		if path == module+f || strings.HasPrefix(path, module+f+"/") {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// TestEveryPackageSaysWhatItIs: a package comment that ends with where a message
// goes next.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range list(t) {
		if strings.HasSuffix(p.ImportPath, "/pb") || len(p.GoFiles) == 0 {
			continue
		}
		src := packageComment(t, p)
		if !strings.Contains(src, "// Package ") && !strings.Contains(src, "// Command ") {
			t.Errorf("%s has no package comment", p.ImportPath)
		} else if !strings.Contains(src, "// Next: ") {
			t.Errorf("the package comment of %s does not say what is next", p.ImportPath)
		}
	}
}

// packageComment gives the file that has the package comment.
func packageComment(t *testing.T, p pkg) string {
	t.Helper()
	for _, f := range p.GoFiles {
		b, err := os.ReadFile(filepath.Join(p.Dir, f))
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(b), "\nimport ")
		if strings.Contains(head, "// Package ") || strings.Contains(head, "// Command ") {
			return head
		}
	}
	return ""
}

// TestNoHiddenRegistration: no init functions; what there is stands in lists.
func TestNoHiddenRegistration(t *testing.T) {
	initFunc := regexp.MustCompile(`(?m)^func init\(\)`)
	for _, p := range list(t) {
		if strings.HasSuffix(p.ImportPath, "/pb") {
			continue
		}
		for _, f := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if initFunc.Match(b) {
				t.Errorf("%s/%s has an init function", p.ImportPath, f)
			}
		}
	}
}
