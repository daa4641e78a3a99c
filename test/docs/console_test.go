package docs

import (
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommandIsInTheManual compares docs/console.md with the tables of
// commands: those of the binary, and those of the console.
func TestEveryCommandIsInTheManual(t *testing.T) {
	manual := read(t, "docs/console.md").text
	tables := []struct {
		file, prefix string
		row          *regexp.Regexp
	}{
		{"cmd/mtad/main.go", "`mtad ", regexp.MustCompile("(?m)^\t([A-Z]\\w+) +\\w+ +`cmd:\"\" help:")},
		{"core/commands.go", "`", regexp.MustCompile(`\{Name: "([a-z ]+)",`)},
		{"core/commands_mail.go", "`", regexp.MustCompile(`\{Name: "([a-z_ ]+)",`)},
		{"core/commands_adaptive.go", "`", regexp.MustCompile(`\{Name: "([a-z_ ]+)",`)},
		{"plugins/alerting/control.go", "`alerting ", regexp.MustCompile(`words\[1\] == "([a-z]+)"`)},
		{"core/counter/counter.go", "`", regexp.MustCompile(`Name: "([a-z ]+)",`)},
		{"core/audit/console.go", "`", regexp.MustCompile(`Name: "([a-z_ ]+)",`)},
	}
	for _, table := range tables {
		found := table.row.FindAllStringSubmatch(read(t, table.file).text, -1)
		if len(found) < 3 {
			t.Errorf("%d commands in %s: is this still the table?", len(found), table.file)
		}
		for _, m := range found {
			name := table.prefix + strings.ToLower(m[1])
			if !strings.Contains(manual, name+" ") && !strings.Contains(manual, name+"`") {
				t.Errorf("docs/console.md lacks %q of %s", strings.ToLower(m[1]), table.file)
			}
		}
	}
}
