package scriptlet

import (
	"strings"
	"testing"
)

func read(t *testing.T, path, text string) *Script {
	t.Helper()
	s, problems := ReadScript(path, []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

// TestExamine: each gap is told with its line, and what scripts may do is not.
func TestExamine(t *testing.T) {
	for text, want := range map[string]string{
		`local f = msys.audit.connection(1)`:                                          `unknown: msys.audit has no function "connection"; did you mean "connections"?`,
		`msys.core.frobnicate_all(1)`:                                                 `unknown: msys.core.frobnicate_all is no part of the documented API, and mtad does not have it`,
		`msys.core.frobnicate_all = 1; print(msys.core.frobnicate_all)`:               ``,
		`msys.mine = { x = 1 }; print(msys.mine.x)`:                                   ``,
		`msys.core.string_new()`:                                                      ``,
		`print(msys.core.VALIDATE_CONT)`:                                              ``,
		`require("msys.smpp")`:                                                        `unsupported: msys.smpp is not supported by mtad`,
		`local c = msys.config("get", "x")`:                                           `partial: msys.config works in part: set and unset are refused while scripts load`,
		`io.open("x")`:                                                                `dialect: io.open: is there with unsafe_libs = true only; msys.readfile`,
		`dofile("x")`:                                                                 `dialect: dofile: is there with unsafe_libs = true only; require`,
		`print(debug.traceback(), os.time(), os.date())`:                              ``,
		`os.execute = print; os.execute("x")`:                                         ``,
		`local p = "/opt/msys/ecelerity/etc/words.txt"`:                               `path: "/opt/msys/ecelerity/etc/words.txt" names a file by its whole path; it is in the original's installation`,
		`local p = "jlog:///var/log/ecelerity/x=>all"`:                                ``, // not only a path
		`local p = "/etc/words"; local re = "/foo/bar/"`:                              `path: "/etc/words" names a file by its whole path; it has to be there where mtad runs`,
		`local m = {} function m:core_frob() end msys.registerModule("m", m)`:         `unknown: core_frob looks like a callout, and is none that is documented`,
		`local m = {} function m:validate_maifrom() end msys.registerModule("m", m)`:  `unknown: 'validate_maifrom' is not a callout; did you mean 'validate_mailfrom'?`,
		`local m = {} function m:validate_mailfrom() end msys.registerModule("m", m)`: ``,
	} {
		gaps := Examine([]*Script{read(t, "s.lua", "\n"+text)})
		switch {
		case want == "" && len(gaps) > 0, len(gaps) > 1:
			t.Errorf("%s: %v", text, gaps)
		case want != "" && len(gaps) == 0:
			t.Errorf("%s: nothing is said", text)
		case want != "":
			if got := string(gaps[0].Kind) + ": " + gaps[0].Text; !strings.HasPrefix(got, want) || gaps[0].Line != 2 || gaps[0].File != "s.lua" {
				t.Errorf("%s: %s", text, gaps[0].Problem.String())
			}
		}
	}
	a, b := read(t, "a.lua", "msys.helper()"), read(t, "b.lua", "function msys.helper() end")
	if gaps := Examine([]*Script{a, b}); len(gaps) > 0 {
		t.Errorf("what another script defines is a gap: %v", gaps)
	}
}

// TestExamineLackingCallout: a documented callout that mtad never calls.
func TestExamineLackingCallout(t *testing.T) {
	hooks := newExaminer(nil).hooks
	for name, why := range hooks {
		if !strings.HasPrefix(name, "core_") {
			continue
		}
		gaps := Examine([]*Script{read(t, "s.lua", "local m = {}\nfunction m:"+name+"() end\nmsys.registerModule('m', m)")})
		if len(gaps) == 0 || gaps[0].Kind != Lacking || gaps[0].Line != 2 || !strings.Contains(gaps[0].Text, why) {
			t.Errorf("%s: %v", name, gaps)
		}
		return
	}
	t.Error("mtad has all callouts; this test is of no use any more")
}

func TestReadScript(t *testing.T) {
	s := read(t, "s.lua", "require('msys.core')\nlocal ok = pcall(require, \"own/lib\")\n")
	if len(s.Requires) != 2 || s.Requires[0] != (Required{"msys.core", 1}) || s.Requires[1] != (Required{"own.lib", 2}) {
		t.Errorf("%+v", s.Requires)
	}
	if _, problems := ReadScript("s.lua", []byte("x = = 1")); len(problems) != 1 || problems[0].Line != 1 {
		t.Errorf("%v", problems)
	}
	for name, want := range map[string]bool{"msys.core": true, "string": true, "msys.smpp": true, "own.lib": false} {
		if Provided(name) != want {
			t.Errorf("Provided(%q) is %v", name, !want)
		}
	}
}
