package dialect_test

import (
	"os"
	"strings"
	"testing"
)

// TestLanguage runs what Lua 5.1 and the dialect share, and compares with what
// stock Lua printed (testdata/golden.lua).
func TestLanguage(t *testing.T) {
	file, err := os.ReadFile("testdata/language.txt")
	if err != nil {
		t.Fatal(err)
	}
	prelude, cases, _ := strings.Cut(string(file), "\n=== ")
	n := 0
	for _, c := range strings.Split("\n"+cases, "\n=== ") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(c, "\n"), "\n")
		chunk, want, ok := strings.Cut(rest, "\n--- output\n")
		if !ok {
			t.Fatalf("case %q has no output", name)
		}
		n++
		t.Run(name, func(t *testing.T) {
			got := runChunk(t, prelude+"\n"+chunk+"\n")
			if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want, "\n") {
				t.Errorf("chunk:\n%s\ngot:\n%s\nwant:\n%s", chunk, got, want)
			}
		})
	}
	if n < 300 {
		t.Errorf("only %d cases", n)
	}
}
