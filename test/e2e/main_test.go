package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

func TestMain(m *testing.M) { os.Exit(mtatest.Main(m)) }

// content is a small message.
const content = "From: <sender@client.test>\r\nTo: <rcpt@example.com>\r\nSubject: test\r\nDate: Tue, 25 Aug 2009 11:40:46 +0000\r\n\r\nHello.\r\n"

// submit sends a message, and fails the test if it is not taken.
func submit(t *testing.T, s *mtatest.Server, from string, to ...string) {
	t.Helper()
	if err := s.Submit(from, content, to...); err != nil {
		t.Fatal(err)
	}
}

// open connects and says EHLO.
func open(t *testing.T, s *mtatest.Server) *mtatest.Conn {
	t.Helper()
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	return c
}

// cmd sends a command and gives the reply.
func cmd(t *testing.T, c *mtatest.Conn, line string) string {
	t.Helper()
	r, err := c.Cmd(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r.String()
}

// say sends a command whose reply must begin so.
func say(t *testing.T, c *mtatest.Conn, line, begins string) {
	t.Helper()
	if got := cmd(t, c, line); !strings.HasPrefix(got, begins) {
		t.Fatalf("%s: got %q, want %q", line, got, begins)
	}
}

// script is a policy script that registers the functions of body, which are
// methods of mod.
func script(name, body string) mtatest.Script {
	return mtatest.Script{Name: name, Text: `require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");
local mod = {};
` + body + `
msys.registerModule("` + name + `", mod);
`}
}

// subsequence reports the first line of want that does not come in got in its
// turn.
func subsequence(got, want []string) error {
	i := 0
	for _, line := range got {
		if i < len(want) && line == want[i] {
			i++
		}
	}
	if i < len(want) {
		return fmt.Errorf("%q is missing, or out of order, in:\n%s", want[i], strings.Join(got, "\n"))
	}
	return nil
}

// count is how often a line is there.
func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}
