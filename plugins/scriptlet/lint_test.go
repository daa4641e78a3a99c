package scriptlet

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
)

func TestInterpreters(t *testing.T) {
	const quiet = `local limit = 5
function mod:validate_ehlo() local n = limit self.n = n return msys.core.VALIDATE_CONT end`
	cases := []struct {
		name, option, body string
		want               int
		forced             string // where, if anywhere
	}{
		{"nothing shared", "auto", quiet, 4, ""},
		{"a global", "auto", quiet + "\nfunction mod:validate_data() count = 1 return msys.core.VALIDATE_CONT end", 1, "script.lua:5"},
		{"a file's local", "auto", quiet + "\nlocal c = 0\nfunction mod:validate_data() c = c + 1 return msys.core.VALIDATE_CONT end", 1, "script.lua:6"},
		{"a table", "auto", quiet + "\nlocal c = {}\nfunction mod:validate_data() c[1] = 1 return msys.core.VALIDATE_CONT end", 1, "script.lua:6"},
		{"a number overrides", "3", quiet + "\nfunction mod:validate_data() count = 1 return msys.core.VALIDATE_CONT end", 3, ""},
		{"init sets nothing", "auto", quiet + "\nfunction mod:init() local x = 1 print(x) return true end", 4, ""},
		{"init sets a global", "auto", quiet + "\nfunction mod:init() started = true return true end", 1, "script.lua:5"},
		{"init sets self", "auto", quiet + "\nmod.init = function(self) self.x = true return true end", 1, "script.lua:5"},
		{"init calls", "auto", quiet + "\nlocal x\nlocal function open() x = 1 end\nfunction mod:init() open() return true end", 1, "script.lua:"},
	}
	for _, c := range cases {
		w := setup{
			scripts: map[string]string{"script": head + c.body + "\nprint('loaded')" + foot},
			attrs:   map[string]string{"interpreters": c.option}, deps: Deps{CPUs: 4},
		}.start(t)
		if n := len(w.m.generation(1).interpreters); n != c.want {
			t.Errorf("%s: %d interpreters, want %d\n%s", c.name, n, c.want, w.host.paniclog())
		}
		var said string
		for _, p := range w.sub.Warnings {
			if strings.Contains(p.Text, "all scripts run in one interpreter") {
				said = p.String()
			}
		}
		if (said != "") != (c.forced != "") || !strings.Contains(said, c.forced) {
			t.Errorf("%s: warned %q", c.name, said)
		}
		if strings.Count(w.host.paniclog(), "scriptlet: loaded") != 1 {
			t.Errorf("%s: %s", c.name, w.host.paniclog())
		}
		for id := range uint64(8) {
			if r := w.one(id+1, sdk.ValidateEHLO); r.Failed {
				t.Errorf("%s: %+v\n%s", c.name, r, w.host.paniclog())
			}
		}
	}
}

func TestUnsupportedIsWarnedOf(t *testing.T) {
	packages := append(api.Packages(), api.Package{
		Name: "msys.part", Preload: true,
		Funcs:   []api.Func{{Name: "lacking", Status: api.Unsupported, Why: "there is no such thing"}},
		Classes: []api.Class{{Name: "part", Methods: []api.Func{{Name: "gone", Status: api.Unsupported, Why: "it is gone"}}}},
	})
	w := setup{
		scripts: map[string]string{"script": head + `
local part = require("msys.part")
function mod:validate_ehlo(obj)
  pcall(function() require "msys/cloudmark" end)
  if false then obj:gone() end
  print(pcall(part.lacking))
  part.lacking()
end` + foot},
		deps: Deps{Packages: packages},
	}.start(t)
	var all []string
	for _, p := range w.sub.Warnings {
		all = append(all, p.String())
	}
	got := strings.Join(all, "\n")
	for _, want := range []string{
		"script.lua:6: msys.cloudmark is not supported by mtad: ",
		"script.lua:7: gone is not supported by mtad: it is gone",
		"script.lua:9: msys.part.lacking is not supported by mtad: there is no such thing",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	w.one(1, sdk.ValidateEHLO)
	if log := w.host.paniclog(); !strings.Contains(log, "validate_ehlo error: /etc/mtad/conf/script.lua:9: msys.part.lacking is not supported by mtad: there is no such thing") {
		t.Error(log)
	}
}
