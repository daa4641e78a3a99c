package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/logs"
)

// TestEveryLogFieldIsExplained compares docs/logs.md with what the records are
// made of: the names of the JSON stream, the marks of the rejectlog, and the
// states in it.
func TestEveryLogFieldIsExplained(t *testing.T) {
	page := read(t, "docs/logs.md").text
	_, json, ok := strings.Cut(page, "\n## JSON\n")
	if !ok {
		t.Fatal("docs/logs.md has no section JSON")
	}
	inCode := map[string]bool{"time": true, "log": true, "type": true}
	files, err := filepath.Glob(filepath.Join(root, "core/logs/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile(`(?:zap\.(?:String|Int|Int64|Float64|Bool|Duration|Object)|address)\("(\w+)"`)
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range field.FindAllStringSubmatch(read(t, name).text, -1) {
			inCode[m[1]] = true
			if !strings.Contains(json, "`"+m[1]+"`") {
				t.Errorf("docs/logs.md does not name the JSON field %s of %s", m[1], name)
			}
		}
	}
	if len(inCode) < 35 {
		t.Errorf("%d JSON fields only", len(inCode))
	}
	json, _, _ = strings.Cut(json, "\n## ")
	for _, m := range regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`").FindAllStringSubmatch(json, -1) {
		if name := m[1]; !inCode[name] && !strings.HasPrefix(name, "log_") && name != "ec_logger" && name != "bytes_sent" {
			t.Errorf("docs/logs.md names the JSON field %s, which no record has", name)
		}
	}
	for _, m := range regexp.MustCompile(`" ?([A-Z_]+)=[\["]?`).FindAllStringSubmatch(read(t, "core/logs/mail.go").text, -1) {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(page) {
			t.Errorf("docs/logs.md does not explain %s= of the rejectlog", m[1])
		}
	}
	for p := range logs.PhaseSetup + 1 {
		if !strings.Contains(strings.ReplaceAll(page, "\n", " "), p.String()) && !strings.HasPrefix(p.String(), "extension ") {
			t.Errorf("docs/logs.md lacks the reception state %q", p)
		}
	}
	if !strings.Contains(page, "22 unknown") || logs.StageUnknown != 22 {
		t.Error("docs/logs.md has other stages than the code")
	}
}
