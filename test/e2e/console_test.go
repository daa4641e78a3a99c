package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// TestRelaying: nobody may relay by default, the loopback included; relay_hosts
// and relay_domains open it for whom they name.
func TestRelaying(t *testing.T) {
	t.Parallel()
	t.Run("default", func(t *testing.T) {
		s := mtatest.Start(t, mtatest.Config{})
		s.PlayFile(t, "testdata/relay.smtp")
	})
	t.Run("relay_hosts", func(t *testing.T) {
		s := mtatest.Start(t, mtatest.Config{Global: `relay_hosts = ["127.0.0.0/8"]`})
		s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@elsewhere.test>\nS: 250")
	})
}

// TestLimits: each documented limit, with its documented reply.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Next: mtatest.NewSink(t), Listen: `
    max_recipients_per_message     = 2
    max_receptions_per_connection  = 2
    max_message_size               = 2000
    listener_sessions              = 3
`})
	s.PlayFile(t, "testdata/limits.smtp")
}

// TestConsole: what the commands print.
func TestConsole(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("later@example.com", "451 4.2.1 come back")
	s := mtatest.Start(t, mtatest.Config{Next: sink, Retry: 600, Scripts: []mtatest.Script{script("say", `
function mod:validate_mailfrom(str, ac, vctx) print("hello"); return msys.core.VALIDATE_CONT; end
msys.registerControl("greet", function(cc) print("good day"); end);
`)}})
	submit(t, s, "a@example.org", "good@example.com", "later@example.com")
	sink.Wait(t, "good@example.com")
	s.Logged("mainlog.ec", "@T@")
	s.Logged("mainlog.ec", "@D@")
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@elsewhere.test>\nS: 550\nC: QUIT\nS: 221\nCLOSED")
	for _, c := range []struct {
		words  string
		exit   int
		prints []string // regular expressions
	}{
		{"version", 0, []string{`^mtad version: \S+`}},
		{"help", 0, []string{`(?m)^config reload\b`, `(?m)^summary\b`, `(?m)^greet\b`}},
		{"help summary", 0, []string{`(?m)^summary\b`}},
		{"summary", 0, []string{
			`^Summary Statistics\n`, `(?m)^Received Messages: 2$`, `(?m)^Rejected Messages: 1$`, `(?m)^Successfully Delivered Messages: 1$`,
			`(?m)^Delayed Queue Size: 1$`, `(?m)^Active Queue Size: 0$`, `(?m)^Total Queue Size: 1$`, `(?m)^Inbound Concurrency: 0$`, `(?m)^Transient Failures: 1$`,
		}},
		{"mailq", 0, []string{`^Group/Binding +Domain +AQ +DQ\n`, `(?m)^default/default +example\.com +0 +1$`}},
		{"mailq --domain other.test", 0, []string{`^Group/Binding +Domain +AQ +DQ\n$`}},
		{"module list", 0, []string{`(?i)scriptlet`, `(?i)alerting`}},
		{"paniclog", 0, []string{`(?m)^\[\w{3} \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d\] \[print\] scriptlet: hello$`}},
		{"greet", 0, []string{`^good day\n$`}},
		{"config get hostname", 0, []string{`mx\.test`}},
		{"config eval message_expiration", 0, []string{`86400`}},
		{"sumary", 1, []string{`unknown command "sumary".*summary`}},
		{"no such thing at all", 1, []string{`unknown command`}},
		{"mailq --limit", 1, []string{`usage: mailq`}},
		{"disconnect nonsense", 1, []string{`nonsense`}},
		{"session list", 0, []string{`SESSION`}},
		{"reopen logs", 0, nil},
		{"SUMMARY RESET", 0, []string{`^statistics cleared\.\n$`}},
		{"summary", 0, []string{`(?m)^Received Messages: 0$`, `(?m)^Delayed Queue Size: 1$`}},
	} {
		t.Run(c.words, func(t *testing.T) {
			out, exit := s.In(t).Console(strings.Fields(c.words)...)
			if exit != c.exit {
				t.Errorf("exit status %d", exit)
			}
			for _, want := range c.prints {
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("no %s", want)
				}
			}
			if t.Failed() {
				t.Logf("printed:\n%s", out)
			}
		})
	}
}

// TestDisconnect: a session is ended with 421, by number, address or id; others
// are not touched.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{})
	a, b := open(t, s), open(t, s)
	out, exit := s.Console("session", "list")
	rows := strings.Split(strings.TrimSpace(out), "\n")
	if exit != 0 || len(rows) != 3 {
		t.Fatalf("session list: %d\n%s", exit, out)
	}
	for i, by := range []int{0, 1} { // session number, then connection id
		row := strings.Fields(rows[i+1])
		if out, exit := s.Console("disconnect", row[by]); exit != 0 || out != "1 sessions disconnected.\n" {
			t.Errorf("disconnect %s: %d %q", row[by], exit, out)
		}
	}
	for _, c := range []*mtatest.Conn{a, b} {
		if r, err := c.Reply(); err != nil || r.Code != 421 {
			t.Errorf("the session sees %q, %v", r, err)
		}
		if err := c.Closed(); err != nil {
			t.Error(err)
		}
	}
	c := open(t, s)
	say(t, c, "NOOP", "250")
	if out, _ := s.Console("disconnect", "192.0.2.0/24"); out != "0 sessions disconnected.\n" {
		t.Errorf("another network: %q", out)
	}
	say(t, c, "NOOP", "250")
	if out, _ := s.Console("disconnect", "127.0.0.0/8"); out != "1 sessions disconnected.\n" {
		t.Errorf("our network: %q", out)
	}
}

// TestConsoleByOtherNames: ec_console is the console, rcluac the syntax check,
// validate_config the check, each by the name it is called by.
func TestConsoleByOtherNames(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{ehloPhase()}})
	as := func(name string) string {
		path := filepath.Join(s.Dir, name)
		if err := os.Symlink(mtatest.Binary(t), path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	console := as("ec_console")
	if out, _, exit := mtatest.RunAs(t, console, "", s.Control, "version"); exit != 0 || !strings.HasPrefix(out, "mtad version: ") {
		t.Errorf("ec_console: %d %q", exit, out)
	}
	if out, _, exit := mtatest.RunAs(t, console, "config reload\n", s.Control); exit != 0 {
		t.Errorf("config reload on standard input: %d %q", exit, out)
	}
	if out, errs, exit := mtatest.RunAs(t, console, "version\nnonsense\n", s.Control); exit != 1 || !strings.HasPrefix(out, "mtad version: ") {
		t.Errorf("a bad command on standard input: %d %q %q", exit, out, errs)
	}
	if out, errs, exit := mtatest.RunAs(t, as("validate_config"), "", s.Conf); exit != 0 || out != "Configuration valid\n" {
		t.Errorf("validate_config: %d %q %q", exit, out, errs)
	}
	bad := filepath.Join(s.Dir, "bad.lua")
	s.Write("bad.lua", "local a = 0660 | 1\nlocal b = = 2\n")
	if _, errs, exit := mtatest.RunAs(t, as("rcluac"), "", "-p", bad); exit != 1 || !strings.Contains(errs, "bad.lua:2:11: ") || !strings.Contains(errs, "^") {
		t.Errorf("rcluac: %d %q", exit, errs)
	}
	if _, errs, exit := mtatest.Run(t, "luac", "-p", filepath.Join(s.Dir, "ehlo_phase.lua")); exit != 0 {
		t.Errorf("luac of a good script: %d %q", exit, errs)
	}
}

// TestConsoleBeforeMail: whoever finds the SMTP port open finds the console too.
func TestConsoleBeforeMail(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{Scripts: []mtatest.Script{ehloPhase()}})
	first := make(chan error, 1)
	go func() { first <- consoleOnceOpen(s) }()
	s.Launch()
	if err := <-first; err != nil {
		t.Errorf("the SMTP port is open, and the console: %v", err)
	}
}

// consoleOnceOpen waits for the SMTP port, and connects to the console at once.
func consoleOnceOpen(s *mtatest.Server) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		c, err := net.Dial("tcp", s.SMTP)
		if err != nil {
			<-time.After(time.Millisecond)
			continue
		}
		defer c.Close()
		console, err := net.Dial("unix", s.Control)
		if err == nil {
			console.Close()
		}
		return err
	}
	return errors.New("the SMTP port never opened")
}

// TestCounters: counters of scripts are there on the console.
func TestCounters(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{})
	for range 3 {
		if out, exit := s.Console("counter", "increment", "site/seen"); exit != 0 {
			t.Fatalf("counter increment: %d %q", exit, out)
		}
	}
	out, exit := s.Console("counter", "list")
	if exit != 0 || !regexp.MustCompile(`(?m)^\s*3\b.*site/seen`).MatchString(out) || !strings.Contains(out, fmt.Sprintf("%d counters listed", 1)) {
		t.Errorf("counter list: %d\n%s", exit, out)
	}
}
