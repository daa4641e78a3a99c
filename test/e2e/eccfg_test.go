package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// member is a node of a cluster: a server in the original's layout.
type member struct {
	t            *testing.T
	name, prefix string
	smtp         string
}

func (m *member) etc() string { return filepath.Join(m.prefix, "opt/msys/ecelerity/etc") }

func (m *member) env() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "TMPDIR="+filepath.Join(m.prefix, "tmp"))
}

// run runs a program of the layout.
func (m *member) run(name string, args ...string) (out string, err error) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), filepath.Join(m.prefix, "opt/msys/ecelerity/bin", name), args...)
	cmd.Env = m.env()
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// must is run for what has to succeed.
func (m *member) must(name string, args ...string) string {
	m.t.Helper()
	out, err := m.run(name, args...)
	if err != nil {
		m.t.Fatalf("%s: %s %q: %v\n%s", m.name, name, args, err, out)
	}
	return out
}

func (m *member) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.etc(), name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

// own is the node's configuration: paths and ports are its own, policy is shared.
func (m *member) own() string {
	return fmt.Sprintf(`spoolbase = "%[1]s/var/spool"
esmtp_listener {
  listen "%[2]s" {}
}
control_listener {
  listen "%[1]s/tmp/2025" {}
}
ec_logger "main" {
  paniclog = "%[1]s/paniclog.ec"
}
include "policy" {
  path = "policy.conf"
}
`, m.prefix, m.smtp)
}

// logged waits for a text in the paniclog.
func (m *member) logged(pattern string) {
	m.t.Helper()
	re := regexp.MustCompile(pattern)
	mtatest.Within(m.t, 2*time.Minute, pattern+" in the paniclog of "+m.name, func() string {
		text, err := os.ReadFile(filepath.Join(m.prefix, "paniclog.ec"))
		if err != nil || !re.Match(text) {
			return "not there:\n" + string(text)
		}
		return ""
	})
}

// mail gives the reply to MAIL.
func (m *member) mail() string {
	m.t.Helper()
	c, err := mtatest.Dial(m.smtp)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		m.t.Fatal(err)
	}
	return cmd(m.t, c, "MAIL FROM:<a@example.org>")
}

// cluster is n1, where people work, and n2, which follows, both at revision 1 of
// one bare repository.
func cluster(t *testing.T) (n1, n2 *member) {
	bare := filepath.Join(t.TempDir(), "repo.git")
	if out, err := exec.Command("git", "init", "--quiet", "--bare", bare).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var list []*member
	for _, name := range []string{"n1", "n2"} {
		prefix, err := os.MkdirTemp("", name) // a socket's path must stay short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(prefix) })
		list = append(list, &member{t, name, prefix, fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))})
	}
	n1, n2 = list[0], list[1]
	for _, m := range list {
		if out, errs, exit := mtatest.Run(t, "layout", "--prefix", m.prefix); exit != 0 {
			t.Fatal(out, errs)
		}
		if err := errors.Join(os.Mkdir(filepath.Join(m.prefix, "tmp"), 0o755), os.Remove(filepath.Join(m.etc(), "conf/default/ecelerity.conf"))); err != nil {
			t.Fatal(err)
		}
		m.write("cluster.boot", "node_name="+m.name+"\ncluster_name=default\ncheck_every=1\n")
		n1.write("conf/"+m.name+"/ecelerity.conf", m.own())
	}
	n1.write("conf/default/policy.conf", "scriptlet \"scriptlet\" {\n  script \"p\" {\n    source = \"p\"\n  }\n}\n")
	n1.write("conf/default/p.lua", answering("one"))
	n1.must("eccfg", "bootstrap", "--clustername", "default", bare)
	if err := os.RemoveAll(filepath.Join(n2.etc(), "conf")); err != nil {
		t.Fatal(err)
	}
	n2.must("eccfg", "bootstrap", "--clustername", "default", bare)
	for _, m := range list {
		serveHere(t, m.prefix, m.env(), filepath.Join(m.prefix, "opt/msys/ecelerity/bin/mtad"), "serve")
	}
	return n1, n2
}

// answering is a script that answers MAIL with a text.
func answering(text string) string { return senderPolicy(`vctx:set_code(550, "` + text + `")`) }

func senderPolicy(line string) string {
	return script("p", "function mod:validate_mailfrom(str, ac, vctx)\n  "+line+"\n  return msys.core.VALIDATE_CONT;\nend\n").Text
}

// standing waits until status --nodes has a line that matches.
func (m *member) standing(pattern string) {
	m.t.Helper()
	re := regexp.MustCompile(`(?m)^` + pattern)
	mtatest.Within(m.t, 2*time.Minute, pattern+" in eccfg status --nodes", func() string {
		if out := m.must("eccfg", "status", "--nodes"); !re.MatchString(out) {
			return "not there:\n" + out
		}
		return ""
	})
}

// TestNodesFollow: one commits, the other follows; it stays where it is for a
// revision it cannot apply, and goes back from one whose scripts fail.
func TestNodesFollow(t *testing.T) {
	t.Parallel()
	n1, n2 := cluster(t)
	n1.standing(`n2 +1 current`)

	n1.write("conf/default/p.lua", answering("two"))
	if got := n1.must("eccfg", "commit", "-u", "alice", "-m", "two"); got != "Sending        default/p.lua\nTransmitting file data.\nCommitted revision 2.\n" {
		t.Errorf("%q", got)
	}
	n2.logged(`eccfg: configuration revision 2 is in use, before it 1`)
	if got := n2.mail(); !strings.Contains(got, "two") {
		t.Errorf("n2 answers %q", got)
	}
	if got := n1.mail(); !strings.Contains(got, "one") {
		t.Errorf("a commit has reloaded n1: %q", got)
	}

	// Broken for n2 alone: refused, forced, refused there; then put right.
	n1.write("conf/n2/ecelerity.conf", n2.own()+"colour = \"red\"\n")
	if out, err := n1.run("eccfg", "commit"); err == nil || !strings.Contains(out, "n2/ecelerity.conf:14:1: ") || !strings.Contains(out, "colour") {
		t.Errorf("%v\n%s", err, out)
	}
	n1.must("eccfg", "commit", "--no-check")
	n1.standing(`n2 +2 refused .*n2/ecelerity\.conf:14:1: .*colour`)
	n2.logged(`stays at revision 2, refused: n2/ecelerity\.conf:14:1: `)
	if out := n2.must("ec_console", filepath.Join(n2.prefix, "tmp/2025"), "config", "reload"); !strings.Contains(out, "Configuration reloaded") {
		t.Errorf("the files of n2 are broken: %s", out)
	}
	n1.write("conf/n2/ecelerity.conf", n2.own())
	n1.write("conf/default/p.lua", answering("four"))
	n1.must("eccfg", "commit", "-m", "four")
	n1.standing(`n2 +4 current`)

	// Its scripts fail: n2 goes back.
	n1.write("conf/default/p.lua", senderPolicy(`error("boom")`))
	n1.must("eccfg", "commit", "-m", "five")
	n2.logged(`configuration revision 5 is in use, before it 4`)
	for range 6 {
		if got := n2.mail(); !strings.HasPrefix(got, "4") {
			t.Errorf("n2 answers %q", got)
		}
	}
	n2.logged(`going back to configuration revision 4; revision 5: \d+ script errors`)
	n1.standing(`n2 +4 went back .*revision 5: \d+ script errors`)
	if got := n2.mail(); !strings.Contains(got, "four") {
		t.Errorf("n2 answers %q", got)
	}
	n1.must("eccfg", "rollback", "4")
	n1.standing(`n2 +6 current`)
	if got := n1.mail(); !strings.Contains(got, "four") {
		t.Errorf("n1 answers %q", got)
	}
}
