package scriptlet

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// What mtad lacks is warned of at load, at its line, whatever a script does to
// find out.
func TestEveryLackIsWarnedOf(t *testing.T) {
	w := scripted(t, head+`
local ok, why = pcall(require, "msys.cloudmark")
print(ok, why)
function mod:validate_ehlo(str, ac, vctx)
  if msys.cloudmark then msys.cloudmark.scan() end
  local bits = msys.core.SIEVEREQ_MSG
  pcall(msys.runSieveScript, "x", "data", 0)
  local yaml = { load = function() end }
  yaml.load(bits)
  print(pcall(function() msys.runSieveScript("x", "data", 0) end))
  return msys.core.VALIDATE_CONT
end`+foot)
	var all []string
	for _, p := range w.sub.Warnings {
		all = append(all, p.String())
	}
	got := strings.Join(all, "\n")
	for _, want := range []string{
		"script.lua:4: msys.cloudmark is not supported by mtad: it needs a commercial engine",
		"script.lua:7: msys.cloudmark is not supported by mtad: ",
		"script.lua:8: msys.core.SIEVEREQ_MSG is not supported by mtad: mtad runs no Sieve",
		"script.lua:12: msys.runSieveScript is not supported by mtad: mtad runs no Sieve",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "yaml") {
		t.Errorf("a script's own table is taken for a package:\n%s", got)
	}
	if r := w.one(1, sdk.ValidateEHLO); r.Failed {
		t.Errorf("%+v", r)
	}
	log := w.host.paniclog()
	for _, want := range []string{
		"false\t", "module 'msys.cloudmark' is not supported by mtad: it needs a commercial engine",
		"msys.runSieveScript is not supported by mtad: mtad runs no Sieve",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
}

// A package that mtad lacks is absent, and require of it stops the load with
// the reason.
func TestRequireOfALackingPackageSaysWhy(t *testing.T) {
	_, err := setup{scripts: map[string]string{"script": head + `require("msys.cloudmark")` + foot}}.prepare(t)
	if err == nil || !strings.Contains(err.Error(), "script.lua:3: module 'msys.cloudmark' is not supported by mtad: it needs a commercial engine") {
		t.Errorf("%v", err)
	}
}

// A script of console commands alone, or of timers, needs no module: the tests
// of the original's MySQL driver are such scripts.
func TestScriptWithoutModule(t *testing.T) {
	for text, warned := range map[string]bool{
		`msys.registerControl("poke", function() print("poked") end)`:                   false,
		`require("msys.timer") t = msys.timer.every(60, function() end)`:                false,
		`require("msys.core") local mod = {} function mod:validate_ehlo() return 1 end`: true,
	} {
		w := scripted(t, text)
		got := false
		for _, p := range w.sub.Warnings {
			got = got || strings.Contains(p.Text, "never calls msys.registerModule")
		}
		if got != warned {
			t.Errorf("%s: warned %v", text, got)
		}
	}
}
