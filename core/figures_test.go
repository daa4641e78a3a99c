package core

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/mtad/mtad/core/metrics"
)

// docs/metrics.md has a row for each metric that is served, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, served []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(mtad_\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, m[1])
	}
	for _, m := range New(Options{}).figures() {
		served = append(served, metrics.Name(m))
	}
	slices.Sort(documented)
	slices.Sort(served)
	if len(served) < 30 {
		t.Fatalf("%d metrics only", len(served))
	}
	for _, name := range served {
		if !slices.Contains(documented, name) {
			t.Errorf("%s is served and not in docs/metrics.md", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(served, name) {
			t.Errorf("%s is in docs/metrics.md and not served", name)
		}
	}
	if len(slices.Compact(served)) != len(documented) {
		t.Errorf("%d served, %d documented: one stands twice", len(served), len(documented))
	}
}
