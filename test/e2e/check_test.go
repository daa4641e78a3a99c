package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestCheckValid: a good configuration is said to be, and nothing is started or
// written.
func TestCheckValid(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{Scripts: []mtatest.Script{ehloPhase()}})
	out, errs, exit := mtatest.Run(t, "check", "--conf", s.Conf)
	if exit != 0 || out != "Configuration valid\n" || errs != "" {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
	if s.Log("paniclog.ec") != "" {
		t.Errorf("the check wrote to the paniclog: %q", s.Log("paniclog.ec"))
	}
}

// TestCheckFinds: what is wrong, as file:line:column: text, and what is probably
// meant.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config mtatest.Config
		finds  []string // regular expressions of lines; "warning:" in front: the check passes
	}{
		{"a script that never registers", mtatest.Config{Scripts: []mtatest.Script{
			{Name: "inert", Text: "require('msys.core')\nlocal mod = {}\nfunction mod:validate_ehlo(str, ac, vctx) return msys.core.VALIDATE_CONT end\n"},
		}}, []string{`^warning: .*:\d+:\d+: .*"?inert"?.*registerModule`}},
		{"a script without usable callouts", mtatest.Config{Scripts: []mtatest.Script{
			{Name: "useless", Text: "local mod = {}\nfunction mod:helper() return 1 end\nmsys.registerModule('useless', mod)\n"},
		}}, []string{`:\d+:\d+: .*no usable methods found for module useless`}},
		{"a misspelt callout", mtatest.Config{Scripts: []mtatest.Script{script("typo", `
function mod:validate_mailfrm(str, ac, vctx) return msys.core.VALIDATE_CONT; end
function mod:validate_ehlo(str, ac, vctx) return msys.core.VALIDATE_CONT; end
`)}}, []string{`^warning: .*typo\.lua:\d+(:\d+)?: .*validate_mailfrm.*validate_mailfrom`}},
		{"a path without return", mtatest.Config{Scripts: []mtatest.Script{script("paths", `
function mod:validate_ehlo(str, ac, vctx)
  if tostring(str) == "x" then
    return msys.core.VALIDATE_DONE;
  end
end
`)}}, []string{`^warning: .*paths\.lua:\d+(:\d+)?: .*validate_ehlo.*(return|end)`}},
		{"a missing source", mtatest.Config{Scriptlet: "script \"gone\" {\n source = \"not.here\"\n}"},
			[]string{`mtad\.conf:\d+:\d+: `, `/not/here\.lua'?[:,] errno=2 No such file or directory`, `/etc/mtad/(etc/)?conf/global/not/here\.lua: errno=2`, `/etc/mtad/(etc/)?conf/default/not/here\.lua: errno=2`}},
		{"an unknown scope", mtatest.Config{Global: "esmtp_listner {}"}, []string{`mtad\.conf:\d+:\d+: .*esmtp_listner.*esmtp_listener`}},
		{"an unknown option", mtatest.Config{Global: "mesage_expiration = 5"}, []string{`mtad\.conf:\d+:\d+: .*mesage_expiration.*message_expiration`}},
		{"an option of another scope", mtatest.Config{Listen: "gateway = \"127.0.0.1\""}, []string{`mtad\.conf:\d+:\d+: .*gateway`}},
		{"two mistakes at once", mtatest.Config{Global: "retry_interval_ = 5\nmax_retry_intervall = 5"},
			[]string{`mtad\.conf:\d+:\d+: .*retry_interval_\b`, `mtad\.conf:\d+:\d+: .*max_retry_intervall`}},
		{"an open relay by network", mtatest.Config{Global: "relay_hosts = [\"0.0.0.0/0\"]"}, []string{`mtad\.conf:\d+:\d+: .*relay`}},
		{"an open relay by option", mtatest.Config{Listen: "open_relay = true"}, []string{`mtad\.conf:\d+:\d+: .*relay`}},
		{"an open relay by domain", mtatest.Config{Relay: []string{"*"}}, []string{`mtad\.conf:\d+:\d+: .*relay`}},
		{"a syntax error in Lua", mtatest.Config{Scripts: []mtatest.Script{{Name: "broken", Text: "\nlocal x = = 2\n"}}}, []string{`broken\.lua:2:\d+: `}},
		{"a syntax error in HCL", mtatest.Config{Global: "relay_hosts = [\"127.0.0.1\""}, []string{`mtad\.conf:\d+:\d+: `}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := mtatest.Prepare(t, c.config)
			out, errs, exit := mtatest.Run(t, "check", "--conf", s.Conf)
			passes := strings.HasPrefix(c.finds[0], "^warning")
			if (exit == 0) != passes {
				t.Errorf("exit status %d", exit)
			}
			if strings.Contains(out, "Configuration valid") != passes {
				t.Errorf("is it said to be valid?")
			}
			for _, want := range c.finds {
				if !regexp.MustCompile(`(?m)` + want).MatchString(errs) {
					t.Errorf("no line %s", want)
				}
			}
			if t.Failed() {
				t.Logf("stdout %q\nstderr:\n%s", out, errs)
			}
		})
	}
}

// TestServeRefuses: what cannot be served is not started, with the same text.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{Scripts: []mtatest.Script{{Name: "broken", Text: "\nlocal x = = 2\n"}}})
	_, errs, exit := mtatest.Run(t, "serve", "--conf", s.Conf)
	if exit != 1 || !strings.Contains(errs, "broken.lua:2:") || strings.Contains(errs, "mtad: ready") {
		t.Errorf("exit %d\n%s", exit, errs)
	}
}
