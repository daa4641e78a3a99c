package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// apiRow is a row of mtad api.
type apiRow struct{ Kind, Package, Name, Status, Why string }

// TestAPIList: every name has a row and a status, and whatever is not supported
// has a reason; both forms say the same.
func TestAPIList(t *testing.T) {
	t.Parallel()
	out, errs, exit := mtatest.Run(t, "api", "--json")
	if exit != 0 || errs != "" {
		t.Fatalf("%d %s", exit, errs)
	}
	var rows []apiRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	tsv, _, _ := mtatest.Run(t, "api", "--tsv")
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if lines[0] != "kind\tpackage\tname\tstatus\twhy" || len(lines) != len(rows)+1 || len(rows) < 1273 {
		t.Fatalf("%d rows, %d lines, first %q", len(rows), len(lines), lines[0])
	}
	for i, r := range rows {
		if want := strings.Join([]string{r.Kind, r.Package, r.Name, r.Status, r.Why}, "\t"); lines[i+1] != want {
			t.Errorf("%q is not %q", lines[i+1], want)
		}
		switch {
		case r.Status == "supported" && r.Why == "":
		case (r.Status == "partial" || r.Status == "unsupported") && len(r.Why) > 10:
		default:
			t.Errorf("%+v", r)
		}
	}
}

// TestLackingNamesAreWarnedOf: check and serve name what mtad lacks, with its
// line and reason, and a script that asks first runs on.
func TestLackingNamesAreWarnedOf(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{Scripts: []mtatest.Script{script("lacks", `
local there, why = pcall(require, "msys.cloudmark");
function mod:validate_ehlo(str, ac, vctx)
  if msys.cloudmark then msys.cloudmark.scan(); end
  print(tostring(there) .. " " .. why);
  print(select(2, pcall(msys.runSieveScript, "x", "data", 0)));
  if false then msys.runSieveScript("x", "data", 0); end
  return msys.core.VALIDATE_CONT;
end
`)}})
	warnings := []string{
		"lacks.lua:6: msys.cloudmark is not supported by mtad: it needs a commercial engine",
		"lacks.lua:8: msys.cloudmark is not supported by mtad: ",
		"lacks.lua:11: msys.runSieveScript is not supported by mtad: mtad runs no Sieve",
	}
	out, errs, exit := mtatest.Run(t, "check", "--conf", s.Conf)
	if exit != 0 {
		t.Errorf("exit %d", exit)
	}
	s.Launch()
	open(t, s)
	s.Logged("paniclog.ec", "msys.runSieveScript is not supported by mtad: mtad runs no Sieve")
	s.Logged("paniclog.ec", "lacks.lua:6: module 'msys.cloudmark' is not supported by mtad: it needs a commercial engine")
	for _, want := range warnings {
		if !strings.Contains(out+errs, want) {
			t.Errorf("check does not say %q:\n%s%s", want, out, errs)
		}
		if log := s.Log("paniclog.ec"); !strings.Contains(log, want) {
			t.Errorf("serve does not say %q:\n%s", want, log)
		}
	}
}

// TestStubs: mtad luals writes stubs that are Lua, as often as one likes.
func TestStubs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "policies")
	for range 2 { // the second time they are there
		out, errs, exit := mtatest.Run(t, "luals", dir)
		if exit != 0 || errs != "" || !strings.Contains(out, "files written below") {
			t.Errorf("%d %q %q", exit, out, errs)
		}
	}
	stubs, err := filepath.Glob(filepath.Join(dir, ".mtad", "*.lua"))
	if err != nil || len(stubs) < 20 {
		t.Fatalf("%d stubs, %v", len(stubs), err)
	}
	if out, errs, exit := mtatest.Run(t, append([]string{"luac", "-p"}, stubs...)...); exit != 0 {
		t.Errorf("%s%s", out, errs)
	}
	if _, errs, exit := mtatest.Run(t, "luals", filepath.Join(stubs[0], "below")); exit == 0 || !strings.Contains(errs, "not a directory") {
		t.Errorf("%d %s", exit, errs)
	}
}
