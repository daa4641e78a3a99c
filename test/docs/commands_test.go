package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manualCommands are the first words of every console command of
// docs/console.md, without its arguments.
func manualCommands(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	_, tables, _ := strings.Cut(read(t, "docs/console.md").text, "\n## Console\n")
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\| ").FindAllStringSubmatch(tables, -1) {
		for _, m := range regexp.MustCompile("`([a-z_:A-Z]+)").FindAllStringSubmatch(row[1], -1) {
			out[m[1]] = true
		}
	}
	return out
}

// TestConsoleCommandsInPagesExist: whatever a page has one type at the console
// is a command of the manual, or one that the page's script or module adds.
func TestConsoleCommandsInPagesExist(t *testing.T) {
	known := manualCommands(t)
	typed := regexp.MustCompile(`(?m)(?:mtad console|ec_console) (\S+) ([a-z_:]+)`)
	added := []string{"customer", "greylist", "hello"}
	n := 0
	for _, p := range manual(t) {
		for _, language := range []string{"sh", "console"} {
			for _, block := range p.blocks(language) {
				for _, m := range typed.FindAllStringSubmatch(block, -1) {
					n++
					if !slices.Contains(added, m[2]) && !known[m[2]] && !known[m[1]] {
						t.Errorf("%s: %s: docs/console.md has no command %q", p.name, m[0], m[2])
					}
				}
			}
		}
	}
	if n < 15 || len(known) < 30 {
		t.Errorf("%d commands in pages, %d in the manual", n, len(known))
	}
}

// TestTheIndexHasEveryPage: docs/README.md leads to each page of docs/ in one
// step, but for those that have an index of their own.
func TestTheIndexHasEveryPage(t *testing.T) {
	index := read(t, "docs/README.md").text
	for _, p := range manual(t) {
		name, inDocs := strings.CutPrefix(p.name, "docs/")
		if !inDocs || name == "README.md" || strings.HasPrefix(name, "lua/") && name != "lua/index.md" {
			continue
		}
		if !strings.Contains(index, "]("+name+")") && !strings.Contains(index, "]("+name+"#") {
			t.Errorf("docs/README.md does not lead to %s", p.name)
		}
	}
}
