package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

func TestMain(m *testing.M) { os.Exit(mtatest.Main(m)) }

// greets is the manual's first script.
func greets() mtatest.Script {
	return mtatest.Script{Name: "ehlo_phase", Text: `require("msys.core");
local mod = {};
function mod:validate_ehlo(str, ac, vctx)
  print("ehlo string is: " .. tostring(str));
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("ehlo_phase", mod);
`}
}

// run runs a program that must succeed, and gives what it printed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

func port(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

// pythonClient sends with smtplib: two recipients, headers and body in UTF-8,
// lines that begin with dots, and a second message in the same session.
const pythonClient = `
import smtplib, sys
from email.message import EmailMessage
m = EmailMessage()
m["From"], m["To"], m["Subject"] = "anna@client.test", "two@example.com", "Gr\u00fc\u00dfe"
m.set_content("first\n.\n..dots\nZ\u00fcrich\n", cte="8bit")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="python.test") as s:
    refused = s.send_message(m, "anna@client.test", ["two@example.com", "three@example.com", "x@elsewhere.test"])
    assert list(refused) == ["x@elsewhere.test"], refused
    assert refused["x@elsewhere.test"][0] == 550, refused
    assert s.has_extn("PIPELINING") and s.has_extn("8BITMIME") and s.has_extn("SIZE"), s.esmtp_features
    s.sendmail("anna@client.test", "four@example.com", "Subject: again\r\n\r\n" + "x" * 70000 + "\r\n")
    assert s.noop()[0] == 250
`

// TestClients: what other people's clients submit is taken, the script sees
// their EHLO, and the next hop gets it whole.
func TestClients(t *testing.T) {
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{greets()}})
	t.Run("swaks", func(t *testing.T) {
		swaks := need.Program(t, "swaks")
		out := run(t, swaks, "--server", s.SMTP, "--ehlo", "swaks.test", "--from", "a@client.test", "--to", "one@example.com",
			"--header", "Subject: by swaks", "--body", "hello\n.\nworld")
		if !strings.Contains(out, "<-  221 ") {
			t.Errorf("swaks saw\n%s", out)
		}
		got := sink.Wait(t, "one@example.com")
		if got.Header("Subject") != "by swaks" || !strings.HasPrefix(got.Body(), "hello\r\n.\r\nworld") {
			t.Errorf("arrived:\n%s", got.Data)
		}
		s.In(t).Logged("paniclog.ec", "scriptlet: ehlo string is: EHLO swaks.test")
	})
	t.Run("swaks with pipelining", func(t *testing.T) {
		swaks := need.Program(t, "swaks")
		run(t, swaks, "--server", s.SMTP, "--ehlo", "pipe.test", "--pipeline", "--from", "a@client.test", "--to", "pipe@example.com")
		sink.Wait(t, "pipe@example.com")
	})
	t.Run("smtplib", func(t *testing.T) {
		python := need.Program(t, "python3")
		run(t, python, "-c", pythonClient, port(s.SMTP))
		first := sink.Wait(t, "two@example.com")
		sink.Wait(t, "three@example.com")
		if want := "first\r\n.\r\n..dots\r\nZürich\r\n"; first.Body() != want {
			t.Errorf("body %q, want %q", first.Body(), want)
		}
		if !strings.Contains(first.Mail, "BODY=8BITMIME") {
			t.Errorf("8-bit content goes out after %q", first.Mail)
		}
		if got := sink.Wait(t, "four@example.com"); got.Body() != strings.Repeat("x", 70000)+"\r\n" {
			t.Errorf("%d bytes arrived", len(got.Body()))
		}
		s.In(t).Logged("paniclog.ec", "scriptlet: ehlo string is: EHLO python.test")
	})
}

// TestPostfixTools: smtp-source floods, with HELO, smtp-sink takes; every message comes
// through.
func TestPostfixTools(t *testing.T) {
	source, sink := need.Program(t, "smtp-source"), need.Program(t, "smtp-sink")
	const messages = 500
	dir, hop := dump(t, sink)
	host, hopPort, _ := strings.Cut(hop, ":")
	s := mtatest.Start(t, mtatest.Config{
		Scripts: []mtatest.Script{greets()},
		Global:  fmt.Sprintf("domain \"example.com\" {\n  gateway = %q\n  remote_smtp_port = %s\n}", host, hopPort),
	})
	run(t, source, "-c", "-M", "source.test", "-m", strconv.Itoa(messages), "-s", "20", "-l", "6000", "-f", "a@client.test", "-t", "b@example.com", s.SMTP)
	s.Eventually("all messages in smtp-sink", func() string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) < messages {
			return fmt.Sprintf("%d of %d", len(entries), messages)
		}
		return ""
	})
	entries, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(entries) != messages {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if n := strings.Count(s.Log("paniclog.ec"), "scriptlet: ehlo string is: HELO source.test"); n < 20 {
		t.Errorf("the script saw %d sessions", n)
	}
	s.Eventually("the log", func() string {
		records, err := mtatest.MainLog(s.Log("mainlog.ec"))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[byte]int{}
		for _, r := range records {
			kinds[r.Type]++
		}
		if kinds['R'] != messages || kinds['D'] != messages || kinds['T']+kinds['P'] > 0 {
			return fmt.Sprint(kinds)
		}
		return ""
	})
}

// dump starts smtp-sink, which writes each message to a file, and gives the
// directory and its address.
func dump(t *testing.T, program string) (dir, addr string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mtad-sink")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // smtp-sink gives up root
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	args := []string{"-d", dir + "/%M.", addr, "100"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	mtatest.Within(t, 30e9, "smtp-sink", func() string {
		c, err := mtatest.Dial(addr)
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		if err := c.Hello(); err != nil {
			return err.Error()
		}
		return ""
	})
	return dir, addr
}
