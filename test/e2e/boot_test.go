package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestBootCommands: what the shipped msys.boot adds to the console, and what
// the module adds beside it.
func TestBootCommands(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{script("say", `
state = "of the policy"
function mod:validate_mailfrom(str, ac, vctx) return msys.core.VALIDATE_CONT; end
`)}})
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RSET\nS: 250\nC: MAIL FROM:<b@example.org>\nS: 250\nC: QUIT\nS: 221\nCLOSED")
	for _, c := range []struct {
		words []string
		exit  int
		want  string // regular expression
	}{
		{[]string{"help", "scriptlet"}, 0, `(?m)^scriptlet threads stats .*\n(.*\n)*scriptlet eval `},
		{[]string{"scriptlet", "threads", "stats"}, 0, `^INTERPRETER +CREATED +REUSED +SPARE\n1 +[1-9]\d* +[1-9]\d* +\d+\n`},
		{[]string{"scriptlet", "thread", "stats"}, 0, `^INTERPRETER +CREATED +REUSED +SPARE\n1 `},
		{[]string{"scriptlet", "eval", "1 + 2, nil, 'x'"}, 0, `^3\tnil\tx\n$`},
		{[]string{"scriptlet", "eval", "return", "0660 | 1"}, 0, `^433\n$`},
		{[]string{"scriptlet", "eval", "print(state)"}, 0, `^of the policy\n$`},
		{[]string{"scriptlet", "eval", "local t = {}"}, 0, `^$`},
		{[]string{"scriptlet", "eval", "msys.expandMacro('%{hostname}')"}, 0, `^\S*\n$`},
		{[]string{"scriptlet", "eval"}, 0, `^usage: scriptlet eval CODE`},
		{[]string{"scriptlet", "eval", "x = = 1"}, 0, `^console:1: `},
		{[]string{"scriptlet", "eval", "error('oh no')"}, 0, `^console:1: oh no\n$`},
		{[]string{"scriptlet", "eval", "while true do end"}, 1, `Lua time exceeded`},
		{[]string{"scriptlet"}, 1, `unknown command`},
	} {
		t.Run(strings.Join(c.words, " "), func(t *testing.T) {
			out, exit := s.In(t).Console(c.words...)
			if exit != c.exit || !regexp.MustCompile(c.want).MatchString(out) {
				t.Errorf("exit status %d\n%s", exit, out)
			}
		})
	}
	if log := s.Log("paniclog.ec"); strings.Contains(log, "oh no") || strings.Contains(log, "usage") {
		t.Errorf("a slip on the console is in the paniclog:\n%s", log)
	}
	if out, exit := s.Console("config", "reload"); exit != 0 {
		t.Errorf("reload: %d %s", exit, out)
	}
	if out, exit := s.Console("scriptlet", "eval", "state"); exit != 0 || out != "of the policy\n" {
		t.Errorf("after a reload: %d %q", exit, out)
	}
}

// TestBootIsChecked: the library script loads without a complaint, and shows
// itself to who wants to read it.
func TestBootIsChecked(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{})
	if out, errs, exit := mtatest.Run(t, "check", "--conf", s.Conf); exit != 0 || out != "Configuration valid\n" || errs != "" {
		t.Errorf("check: %d %q %q", exit, out, errs)
	}
	if out, _, exit := mtatest.Run(t, "lib", "cat", "msys.boot"); exit != 0 || !strings.Contains(out, "scriptlet eval") {
		t.Errorf("lib cat: %d %q", exit, out)
	}
}
