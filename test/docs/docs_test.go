package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

const root = "../.."

// page is a page of the manual, by its name below the repository.
type page struct{ name, text string }

// manual is README.md and all pages under docs/ and examples/.
func manual(t *testing.T) []page {
	t.Helper()
	list := []page{read(t, "README.md")}
	for _, dir := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".md") {
				name, relErr := filepath.Rel(root, path)
				list, err = append(list, read(t, name)), relErr
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func read(t *testing.T, name string) page {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return page{filepath.ToSlash(name), string(b)}
}

var (
	fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// blocks are the fenced blocks of a page in one language.
func (p *page) blocks(language string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

// anchors are the fragments that the page's headings answer to.
func (p *page) anchors() map[string]bool {
	out := map[string]bool{}
	for _, m := range title.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		out[slug] = true
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	pages := manual(t)
	if len(pages) < 15 {
		t.Fatalf("%d pages only", len(pages))
	}
	for _, p := range pages {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			if problem := follow(t, &p, m[1]); problem != "" {
				t.Errorf("%s: %s: %s", p.name, m[1], problem)
			}
		}
	}
}

// follow says what is wrong with a link of a page.
func follow(t *testing.T, from *page, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "":
		return ""
	case filepath.IsAbs(u.Path):
		return "links are relative"
	}
	name := from.name
	if u.Path != "" {
		name = filepath.Join(filepath.Dir(from.name), u.Path)
	}
	if _, err := os.Stat(filepath.Join(root, name)); err != nil {
		return "nothing is there"
	}
	if u.Fragment == "" {
		return ""
	}
	if to := read(t, name); !to.anchors()[u.Fragment] {
		return "no heading is called that"
	}
	return ""
}

// TestEveryPageCanBeFound starts at the README: a page that nobody links to is
// lost.
func TestEveryPageCanBeFound(t *testing.T) {
	linked := map[string]bool{"README.md": true}
	for _, p := range manual(t) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			path, _, _ := strings.Cut(m[1], "#")
			name := filepath.ToSlash(filepath.Join(filepath.Dir(p.name), path))
			linked[name], linked[name+"/README.md"] = true, true
		}
	}
	for _, p := range manual(t) {
		if !linked[p.name] {
			t.Errorf("no page links to %s", p.name)
		}
	}
}

func TestEveryHookIsExplained(t *testing.T) {
	hooks, flow := read(t, "docs/hooks/README.md"), read(t, "docs/flow.md")
	_, prose, ok := strings.Cut(hooks.text, "<!-- end -->")
	if !ok {
		t.Fatal("docs/hooks/README.md has lost its table")
	}
	for _, h := range sdk.Hooks[1:] {
		if !strings.Contains(prose, "`"+h.Name+"`") {
			t.Errorf("docs/hooks/README.md does not explain %s", h.Name)
		}
		if !strings.Contains(flow.text, "`"+h.Name+"`") {
			t.Errorf("docs/flow.md does not place %s", h.Name)
		}
	}
}

// TestEveryRFCIsInTheIndex looks at all citations but those of tests.
func TestEveryRFCIsInTheIndex(t *testing.T) {
	index := read(t, "docs/rfc.md").text
	citation := regexp.MustCompile(`// .*RFC (\d{3,5})\b`)
	seen := 0
	for _, dir := range []string{"cmd", "conf", "core", "plugins", "sdk", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			name, _ := filepath.Rel(root, path)
			for _, m := range citation.FindAllStringSubmatch(read(t, name).text, -1) {
				seen++
				if !strings.Contains(index, "["+m[1]+"](") {
					t.Errorf("%s cites RFC %s, which is not in docs/rfc.md; run: go run ./test/docs/gen", name, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("%d citations only", seen)
	}
}

// TestEveryDependencyHasItsReason compares go.mod with the table.
func TestEveryDependencyHasItsReason(t *testing.T) {
	table := read(t, "docs/dependencies.md").text
	required := regexp.MustCompile(`(?m)^(?:require )?\t?([a-z][\w.-]*\.[\w./-]+) (v\S+)$`)
	inMod := map[string]string{}
	for _, m := range required.FindAllStringSubmatch(read(t, "go.mod").text, -1) {
		inMod[m[1]] = m[2]
		if !strings.Contains(table, "| `"+m[1]+"` | "+m[2]+" |") {
			t.Errorf("docs/dependencies.md does not have %s %s", m[1], m[2])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v\\S+)").FindAllStringSubmatch(table, -1) {
		if inMod[m[1]] != m[2] {
			t.Errorf("docs/dependencies.md has %s %s, which go.mod does not require directly", m[1], m[2])
		}
	}
	if len(inMod) < 10 {
		t.Errorf("found %d direct modules in go.mod", len(inMod))
	}
}
