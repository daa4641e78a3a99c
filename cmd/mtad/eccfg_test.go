package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestLongFlags: flags of eccfg may be shortened while they are unique, and may
// have one dash, two, or those of the manual.
func TestLongFlags(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Vars{"home": "/h"})
	if err != nil {
		t.Fatal(err)
	}
	eccfg := find(parser.Model.Node, "eccfg")
	for in, want := range map[string]string{
		"commit -m x --add-all":          "commit --message x --add-all",
		"commit -mess=a -u admin -p y":   "commit --message=a --username admin --password y",
		"-u admin commit -add":           "--username admin commit --add-all",
		"commit ––username a ––add-all":  "commit --username a --add-all",
		"pull -m":                        "pull -m", // --mine or --manual
		"pull -mi --th":                  "pull --mine --theirs",
		"status -nodes --wc x":           "status --nodes --wc x",
		"pull --working x -q":            "pull --working-copy x --quiet",
		"delete -- -m":                   "delete -- -m",
		"put running -h":                 "put running --help",
		"bootstrap --single -clustern=c": "bootstrap --singlenode --clustername=c",
		"pull --nothing-like-it -":       "pull --nothing-like-it -",
	} {
		if got := strings.Join(longFlags(eccfg, strings.Fields(in)), " "); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/x/eccfg pull", "eccfg pull"},
		{"ec_console", "console /tmp/2025"},
		{"ec_console s help", "console s help"},
		{"rcluac -p f", "luac -p f"},
		{"validate_config", "check"},
		{"validate_config f", "check --conf f"},
		{"mtad version", "version"},
	} {
		if got := strings.Join(arguments(strings.Fields(c.in)), " "); got != c.want {
			t.Errorf("%s: %s", c.in, got)
		}
	}
}

func TestHomeOf(t *testing.T) {
	for program, want := range map[string]string{
		"/opt/msys/ecelerity/bin/eccfg":   "/opt/msys/ecelerity/etc",
		"/p/opt/msys/ecelerity/bin/eccfg": "/p/opt/msys/ecelerity/etc",
		"/usr/bin/mtad":                   defaultHome,
		"no-such-program-anywhere":        defaultHome,
		"/opt/msys/3rdParty/bin/rcluac":   defaultHome,
	} {
		if got := homeOf(program); got != want {
			t.Errorf("%s: %s", program, got)
		}
	}
}

// TestLayout: again is fine, what is under revision control and what is no link
// of ours stays.
func TestLayout(t *testing.T) {
	prefix := t.TempDir()
	var out, errs strings.Builder
	layout := func() int {
		return run([]string{"mtad", "layout", "--prefix", prefix}, &streams{strings.NewReader(""), &out, &errs})
	}
	if layout() != 0 || layout() != 0 {
		t.Fatal(errs.String())
	}
	first := filepath.Join(prefix, "opt/msys/ecelerity/etc/conf/default/ecelerity.conf")
	text, err := os.ReadFile(first)
	if err != nil || !strings.Contains(string(text), prefix+"/var/log/ecelerity/paniclog.ec") || !strings.Contains(string(text), prefix+"/tmp/2025") {
		t.Errorf("%s %v", text, err)
	}
	if err := os.WriteFile(first, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if layout() != 0 {
		t.Fatal(errs.String())
	}
	if text, err = os.ReadFile(first); err != nil || string(text) != "# mine\n" {
		t.Errorf("%s %v", text, err)
	}
	console := filepath.Join(prefix, "opt/msys/ecelerity/bin/ec_console")
	if err := os.Remove(console); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(console, []byte("the original"), 0o700); err != nil {
		t.Fatal(err)
	}
	if layout() == 0 || !strings.Contains(errs.String(), "no link") {
		t.Errorf("%s", errs.String())
	}
}

func TestWithoutConfiguration(t *testing.T) {
	var out, errs strings.Builder
	code := run([]string{"validate_config", "--home", t.TempDir()}, &streams{strings.NewReader(""), &out, &errs})
	if code != 1 || out.String() != "No configuration found\n" {
		t.Errorf("%d %q %q", code, out.String(), errs.String())
	}
}
