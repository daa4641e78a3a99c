package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// versioned answers MAIL and RCPT with its version.
func versioned(version string) mtatest.Script {
	return script("versioned", `
function mod:init() print("init `+version+`"); return true; end
function mod:deinit() print("deinit `+version+`"); return true; end
function mod:validate_mailfrom(str, ac, vctx)
  vctx:set(msys.core.VCTX_CONN, "seen", tostring(vctx:get(msys.core.VCTX_CONN, "seen")) .. "`+version+`");
  print("mail `+version+`");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_rcptto(msg, str, ac, vctx)
  vctx:set_code(550, "`+version+` says no, after " .. vctx:get(msys.core.VCTX_CONN, "seen"));
  return msys.core.VALIDATE_CONT;
end
`)
}

// reload gives config reload, which must succeed.
func reload(t *testing.T, s *mtatest.Server) {
	t.Helper()
	if out, exit := s.Console("config", "reload"); exit != 0 {
		t.Fatalf("config reload: exit %d\n%s", exit, out)
	}
}

func switchTo(s *mtatest.Server, scripts ...mtatest.Script) {
	s.Configure(func(c *mtatest.Config) { c.Scripts = scripts })
}

// TestReload: a transaction keeps the generation it began with, the next one of
// the same session has the new; connection variables stay.
func TestReload(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{versioned("v1")}})
	c := open(t, s)
	say(t, c, "MAIL FROM:<a@example.org>", "250")
	switchTo(s, versioned("v2"))
	reload(t, s)
	if got := cmd(t, c, "RCPT TO:<b@example.com>"); !strings.Contains(got, "v1 says no") {
		t.Errorf("the transaction under way sees %q", got)
	}
	say(t, c, "RSET", "250")
	say(t, c, "MAIL FROM:<a@example.org>", "250")
	if got := cmd(t, c, "RCPT TO:<b@example.com>"); !strings.Contains(got, "v2 says no") || !strings.Contains(got, "v1v2") {
		t.Errorf("the next transaction sees %q", got)
	}
	s.Logged("paniclog.ec", "deinit v1")
	if err := subsequence(s.Printed(), []string{"init v1", "mail v1", "init v2", "mail v2"}); err != nil {
		t.Error(err)
	}
}

// TestReloadBySignal: SIGHUP does what config reload does, and opens the logs
// anew.
func TestReloadBySignal(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{versioned("v1")}})
	if err := os.Rename(filepath.Join(s.Dir, "paniclog.ec"), filepath.Join(s.Dir, "paniclog.ec.1")); err != nil {
		t.Fatal(err)
	}
	switchTo(s, versioned("v2"))
	s.Signal(syscall.SIGHUP)
	s.Logged("paniclog.ec", "deinit v1")
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.com>\nS: 550.*v2 says no")
}

// TestReloadCloses: reconfig = "close" answers 421 instead, as the original.
func TestReloadCloses(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Listener: `reconfig = "close"`, Scripts: []mtatest.Script{versioned("v1")}})
	c := open(t, s)
	switchTo(s, versioned("v2"))
	reload(t, s)
	if got := cmd(t, c, "MAIL FROM:<a@example.org>"); got != "421 4.3.2 Reconfiguration in progress" {
		t.Errorf("got %q", got)
	}
}

// failedHeadline is the original's words (reference/lua-api-notes.md 11).
const failedHeadline = "Module 'scriptlet' instance 'scriptlet' initialization failed while preparing to commit. Consult your vendor."

// TestBadReload: whatever is wrong, the original's line comes first, then every
// cause with its place, then "Reconfigure failed"; the exit status is 1, and
// nothing changed.
func TestBadReload(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{versioned("v1")}})
	good := versioned("v2")
	broken := func(text string) mtatest.Script { return mtatest.Script{Name: "broken", Text: text} }
	for _, c := range []struct {
		name   string
		change func(*mtatest.Config)
		first  string   // regular expression
		causes []string // regular expressions, each must match a line
	}{
		{"an HCL error", func(c *mtatest.Config) { c.Global = "hostname = \n" },
			`mtad\.conf:\d+:\d+: `, []string{`mtad\.conf:\d+:\d+: `}},
		{"an unknown option and an unknown scope", func(c *mtatest.Config) { c.Global = "retry_intervall = 5\nesmtp_listner {}\n" },
			`mtad\.conf:\d+:\d+: `, []string{`mtad\.conf:\d+:\d+: .*retry_intervall.*"?retry_interval"?`, `mtad\.conf:\d+:\d+: .*esmtp_listner.*"?esmtp_listener"?`}},
		{"a syntax error in Lua", func(c *mtatest.Config) { c.Scripts = append(c.Scripts, broken("local x = \nend\n")) },
			regexp.QuoteMeta(failedHeadline), []string{`broken\.lua:2:\d+: `}},
		{"two syntax errors", func(c *mtatest.Config) {
			c.Scripts = append(c.Scripts, broken("x = = 1\n"), mtatest.Script{Name: "broken2", Text: "\n\nif then\n"})
		}, regexp.QuoteMeta(failedHeadline), []string{`broken\.lua:1:\d+: `, `broken2\.lua:3:\d+: `}},
		{"an error while loading", func(c *mtatest.Config) { c.Scripts = append(c.Scripts, broken("local x\n\nx.y = 1\n")) },
			regexp.QuoteMeta(failedHeadline), []string{`broken\.lua:3: `}},
		{"init that returns no true", func(c *mtatest.Config) {
			c.Scripts = append(c.Scripts, broken("local m = {}\nfunction m:init() return 0 end\nfunction m:validate_ehlo() return 0 end\nmsys.registerModule('broken', m)\n"))
		}, regexp.QuoteMeta(failedHeadline), []string{`broken\.lua:2: .*init.*true`}},
		{"init that raises", func(c *mtatest.Config) {
			c.Scripts = append(c.Scripts, broken("local m = {}\nfunction m:init() error('no database') end\nmsys.registerModule('broken', m)\n"))
		}, regexp.QuoteMeta(failedHeadline), []string{`broken\.lua:2: no database`}},
		{"a missing source", func(c *mtatest.Config) {
			c.Scriptlet = "script \"gone\" {\n source = \"not.here\"\n}\n"
		}, `Unable to open '.*/not/here\.lua', errno=2 No such file or directory`,
			[]string{`mtad\.conf:\d+:\d+: .*not\.here`, `/etc/mtad/(etc/)?conf/default/not/here\.lua: errno=2 No such file or directory`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Configure(func(conf *mtatest.Config) {
				conf.Scripts, conf.Global, conf.Scriptlet = []mtatest.Script{good}, "", ""
				c.change(conf)
			})
			out, exit := s.In(t).Console("config", "reload")
			checkRefusal(t, out, exit, c.first, c.causes)
			s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.com>\nS: 550.*v1 says no")
		})
	}
	if got := s.Printed(); count(got, "deinit v1") > 0 {
		t.Errorf("the running world was told to go: %q", got)
	}
	s.Configure(func(c *mtatest.Config) { c.Scripts, c.Global, c.Scriptlet = []mtatest.Script{versioned("v9")}, "", "" })
	reload(t, s)
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.com>\nS: 550.*v9 says no")
}

func checkRefusal(t *testing.T, out string, exit int, first string, causes []string) {
	t.Helper()
	if exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !regexp.MustCompile(first).MatchString(lines[0]) {
		t.Errorf("the first line is %q", lines[0])
	}
	if last := lines[len(lines)-1]; last != "Reconfigure failed" {
		t.Errorf("the last line is %q", last)
	}
	for _, cause := range causes {
		if !regexp.MustCompile(`(?m)` + cause).MatchString(out) {
			t.Errorf("no cause %s", cause)
		}
	}
	if t.Failed() {
		t.Logf("the console said:\n%s", out)
	}
}
