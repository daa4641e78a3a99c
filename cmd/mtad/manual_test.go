package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandLinesOfTheManualParse: every "mtad ..." in a shell block of the
// README, docs/ and examples/ is a command line that there is.
func TestCommandLinesOfTheManualParse(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```(?:sh|console)\n(.*?)^```$")
	n := 0
	check := func(name string) {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			for _, line := range strings.Split(m[1], "\n") {
				words := commandOf(line)
				if words == nil {
					continue
				}
				n++
				var out bytes.Buffer
				if _, err := commandLine(t, &out).Parse(words); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
	check("README.md")
	for _, dir := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".md") {
				name, relErr := filepath.Rel("../..", path)
				check(name)
				return relErr
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 30 {
		t.Errorf("%d command lines only", n)
	}
}

// commandOf are the words of the mtad command that a line runs, without the
// program; nil where it runs another. Pipes and redirections end it.
func commandOf(line string) []string {
	m := regexp.MustCompile(`(?:^|\| )\s*(?:sudo )?(?:\S*/)?mtad ([^|<>;&#]*)`).FindStringSubmatch(line)
	if m == nil || strings.Contains(line, "$(") {
		return nil
	}
	var words []string
	for _, w := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(m[1], -1) {
		words = append(words, w[1]+w[2]+w[3])
	}
	return words
}
