// Package need says what a test needs of the machine: a program that may not be
// installed. It runs in tests only. With CI=true a program that is missing
// fails the test; elsewhere the test is skipped and says why.
//
// Next: the test that asked.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"testing"
)

// Program finds a program by its name, or by patterns of absolute paths, the
// highest match first ("/usr/lib/postgresql/*/bin/postgres").
func Program(t testing.TB, name string, patterns ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, p := range append(patterns, "/usr/sbin/"+name) {
		if found, err := filepath.Glob(p); err == nil && len(found) > 0 {
			sort.Strings(found)
			return found[len(found)-1]
		}
	}
	Missing(t, "the program "+name+" is not installed")
	return ""
}

// Missing ends a test for want of something: a failure with CI=true, else a
// skip that says why.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and with CI=true nothing may be skipped", why)
	}
	t.Skip(why)
}
