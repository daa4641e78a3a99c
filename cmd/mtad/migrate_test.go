package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// installation writes files below a new directory.
func installation(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mtad runs a command.
func mtad(t *testing.T, args ...string) (out, errs string, exit int) {
	t.Helper()
	var o, e bytes.Buffer
	exit = run(append([]string{"mtad"}, args...), &streams{nil, &o, &e})
	return o.String(), e.String(), exit
}

const phase = "local mod = {}\nfunction mod:validate_ehlo(s, ac, vctx) return msys.core.VALIDATE_CONT end\nmsys.registerModule(\"a\", mod)\n"

// TestMigrateGaps: every gap has its line, and its way out.
func TestMigrateGaps(t *testing.T) {
	dir := installation(t, map[string]string{
		"etc/conf/default/ecelerity.conf": `include "all.conf"
Datasource "old" { uri = ( "odbc:DSN=x" ) }
Datasource "file" { uri = "sqlite:/opt/msys/ecelerity/x.db" }
scriptlet "scriptlet" {
  script "a" { source = "scripts.a" }
  script "b" { source = "scripts/a.lua" }
  script "c" { source = "scripts.broken" }
}
`,
		"etc/conf/global/all.conf":            "frob = 1\n",
		"etc/conf/default/scripts/a.lua":      "require(\"scripts.lib\")\nrequire(\"nowhere\")\n" + phase,
		"etc/conf/default/scripts/lib.lua":    "require(\"msys.cloudmark\")\n",
		"etc/conf/default/scripts/broken.lua": "\nx = = 1\n",
	})
	at := filepath.Join(dir, "etc/conf")
	out, errs, exit := mtad(t, "migrate", dir)
	if exit != 1 || errs != "" {
		t.Errorf("exit %d, %s", exit, errs)
	}
	for _, want := range []string{
		"/global/all.conf:1: unconverted: frob: mtad does not know this option",
		"/default/ecelerity.conf:2: driver: datasource \"old\": mtad has no driver \"odbc\"; move the data to one of",
		"/default/ecelerity.conf:3: path: \"sqlite:/opt/msys/ecelerity/x.db\" names a file by its whole path",
		"/default/ecelerity.conf:6: missing: script \"b\": source \"scripts/a.lua\": there is no such script; looked for at ",
		"/default/scripts/a.lua:2: missing: require \"nowhere\": there is no such script",
		"/default/scripts/lib.lua:1: unsupported: msys.cloudmark is not supported by mtad: ",
		"/default/scripts/broken.lua:2: syntax: unexpected symbol near '='",
	} {
		if !strings.Contains(out, at+want) {
			t.Errorf("nothing says %s", want)
		}
	}
	if !strings.Contains(out, "write it without .lua") || !strings.Contains(out, "\n7 open.\n") {
		t.Error("no way out, or no sum")
	}
	if t.Failed() {
		t.Log(out)
	}
	var report migrationReport
	out, _, exit = mtad(t, "migrate", dir, "--json")
	if err := json.Unmarshal([]byte(out), &report); err != nil || exit != 1 || len(report.Gaps) != 7 || report.Summary["missing"] != 2 || len(report.Scripts) != 3 {
		t.Errorf("%v, exit %d: %s", err, exit, out)
	}
}

// TestMigrateClean: with nothing open the result is what mtad check takes, in
// each layout of an installation.
func TestMigrateClean(t *testing.T) {
	const conf = "ESMTP_Listener { Listen \":2525\" {} }\nUse_Mmap = false\nscriptlet \"scriptlet\" {\n  script \"a\" { source = \"own.a\" }\n}\n"
	for _, layout := range []string{"", "default/", "conf/default/", "etc/conf/node1/"} {
		dir := installation(t, map[string]string{layout + "ecelerity.conf": conf, layout + "own/a.lua": phase})
		to := filepath.Join(t.TempDir(), "new")
		out, errs, exit := mtad(t, "migrate", dir, "--node", "node1", "-o", to)
		if exit != 0 || !strings.Contains(out, "Nothing is open: mtad check takes the result.") {
			t.Errorf("%q: exit %d\n%s%s", layout, exit, out, errs)
		}
		if out, errs, exit := mtad(t, "check", "--conf", filepath.Join(to, "ecelerity.conf")); exit != 0 {
			t.Errorf("%q: check: exit %d\n%s%s", layout, exit, out, errs)
		}
	}
	if _, errs, exit := mtad(t, "migrate", t.TempDir()); exit != 2 || !strings.Contains(errs, "there is no ecelerity.conf") {
		t.Errorf("exit %d, %s", exit, errs)
	}
}

// TestMigrateChecks: what only a check of the whole finds is told with the
// original's line.
func TestMigrateChecks(t *testing.T) {
	dir := installation(t, map[string]string{
		"ecelerity.conf": "alerting {}\n\nscriptlet \"scriptlet\" {\n\n  script \"idle\" { source = \"idle\" }\n}\n",
		"idle.lua":       "local mod = {}\n",
	})
	out, _, exit := mtad(t, "migrate", dir)
	if exit != 1 || !strings.Contains(out, "registerModule") || !strings.Contains(out, "ecelerity.conf:5: check: ") {
		t.Errorf("exit %d\n%s", exit, out)
	}
	dir = installation(t, map[string]string{"ecelerity.conf": "relay_hosts = \"0.0.0.0/0\"\nESMTP_Listener {\n  Listen \":2525\" {}\n}\n"})
	out, _, exit = mtad(t, "migrate", filepath.Join(dir, "ecelerity.conf"))
	if exit != 1 || !strings.Contains(out, "ecelerity.conf:1: unsafe: relay_hosts") || !strings.Contains(out, "ecelerity.conf:3: refused: listener \":2525\" relays for everybody") {
		t.Errorf("exit %d\n%s", exit, out)
	}
}
