package conf

import (
	"strings"
	"testing"
)

// TestIncludeOfTheProgram: a file that is nowhere on the disk may be part of the
// program; one on the disk comes first.
func TestIncludeOfTheProgram(t *testing.T) {
	const include = "include \"dp\" {\n  path = \"default_policy.conf\"\n}\n"
	tree := load(t, memFS{"/main.conf": include})
	if got := show(tree.Root); !strings.Contains(got, `script:default_policy{`) || strings.Contains(got, "relay_hosts") {
		t.Errorf("it is\n%s", got)
	}
	if f := tree.Files[len(tree.Files)-1]; f.Path != "(embedded)/default_policy.conf" || !f.ReadOnly {
		t.Errorf("the file is %+v", f)
	}
	if _, err := tree.Sources().Find("msys.default_policy"); err != nil {
		t.Error(err)
	}
	tree = load(t, memFS{"/main.conf": include, "/default_policy.conf": "hostname = \"own\"\n"})
	if got := show(tree.Root); !strings.Contains(got, "own") || strings.Contains(got, "script") {
		t.Errorf("it is\n%s", got)
	}
	if _, diags := Load(Options{Path: "/main.conf", FS: memFS{"/main.conf": strings.ReplaceAll(include, "default_policy", "nothing")}}); len(diags) == 0 {
		t.Error("a file that is nowhere is included")
	}
}
