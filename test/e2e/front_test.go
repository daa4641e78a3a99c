package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// peers says who connects, and what a message's priority is.
func peers() mtatest.Script {
	return script("peers", `
function mod:validate_connect(ac, vctx)
  local addr = tostring(ac.remote_addr);
  print("connected: " .. addr);
  if addr:match("^192%.0%.2%.66") then
    vctx:set_code(554, "5.7.1 not you");
    return msys.core.VALIDATE_DONE;
  end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg)
  print(msg:rcptto() .. " has priority " .. tostring(msg.priority));
  return msys.core.VALIDATE_CONT;
end
`)
}

// TestFronts: XCLIENT, PROXY and MT-PRIORITY from listed peers, pathways' options
// of the door, and that nothing that looks like two messages leaves as two.
func TestFronts(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	proxied := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{peers()},
		Global: `rfc2822_lone_lf_in_body = "ignore"
pathway "lenient" {
  rfc2822_missing_headers = "allow"
}`,
		Listener: `smtp_extensions = ["ENHANCEDSTATUSCODES", "XCLIENT", "MT-PRIORITY"]
  xclient_hosts = ["127.0.0.1"]
  mt_priority_hosts = ["127.0.0.1", "192.0.2.0/24"]
  listen "` + proxied + `" {
    pathway = "lenient"
    listen_backlog = 7
    peer "127.0.0.0/8" {
      proxy_protocol = true
      proxy_protocol_timeout = 20
    }
    peer "192.0.2.0/24" {
      relay_hosts = ["192.0.2.0/24"]
    }
  }`,
	})
	t.Run("XCLIENT", func(t *testing.T) {
		c := dialed(t, s.SMTP, "")
		wants(t, c, "220 XCLIENT ADDR=198.51.100.7 PORT=4711 HELO=client.test NAME=client.test", "250 MAIL FROM:<a@client.test> MT-PRIORITY=4",
			"250 RCPT TO:<high@example.com>", "550 RCPT TO:<high@elsewhere.test>", "354 DATA", "250 Subject: x\r\n\r\nx\r\n.", "554 XCLIENT ADDR=192.0.2.66")
		for _, text := range []string{"connected: 127.0.0.1", "connected: 198.51.100.7", "connected: 192.0.2.66", "high@example.com has priority 1"} {
			s.In(t).Logged("paniclog.ec", text)
		}
		if got := sink.Wait(t, "high@example.com"); !strings.Contains(got.Data, "from client.test ([198.51.100.7])") {
			t.Errorf("arrived:\n%s", got.Data)
		}
	})
	t.Run("PROXY", func(t *testing.T) {
		c := dialed(t, proxied, "PROXY TCP4 192.0.2.9 127.0.0.1 1234 25\r\n")
		wants(t, c, "250 EHLO me.test", "250 MAIL FROM:<a@client.test>", "250 RCPT TO:<proxied@example.com>", "250 RCPT TO:<proxied@elsewhere.test>",
			"354 DATA", "250 just text\r\n.")
		s.In(t).Logged("paniclog.ec", "connected: 192.0.2.9")
		sink.Wait(t, "proxied@example.com")
		bare, err := net.Dial("tcp", proxied)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = bare.Close() }()
		if _, err := bare.Write([]byte("EHLO me.test\r\n")); err != nil {
			t.Fatal(err)
		}
		if n, err := bare.Read(make([]byte, 100)); n > 0 || err == nil {
			t.Errorf("a peer without a header gets %d octets", n)
		}
	})
	t.Run("nothing is smuggled on", func(t *testing.T) {
		c := dialed(t, s.SMTP, "")
		wants(t, c, "250 EHLO me.test")
		for i, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r"} {
			to := fmt.Sprintf("smuggled%d@example.com", i)
			wants(t, c, "250 MAIL FROM:<a@client.test>", "250 RCPT TO:<"+to+">", "354 DATA",
				"250 Subject: x\r\n\r\nfirst"+end+"MAIL FROM:<evil@client.test>\r\nRCPT TO:<evil@example.com>\r\nDATA\r\nevil\r\n.")
			got := sink.Wait(t, to)
			if rest := strings.ReplaceAll(got.Data, "\r\n", ""); strings.ContainsAny(rest, "\r\n") {
				t.Errorf("%q leaves as %q", end, got.Data)
			}
		}
		for _, m := range sink.Messages() {
			if strings.Contains(m.Mail, "evil") {
				t.Errorf("smuggled: %q", m.Data)
			}
		}
	})
}

// dialed is a session behind its banner; head goes in front of all.
func dialed(t *testing.T, addr, head string) *mtatest.Conn {
	t.Helper()
	c, err := mtatest.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if head != "" {
		if err := c.Send(strings.TrimSuffix(head, "\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.Reply(); err != nil || got.Code != 220 {
		t.Fatalf("banner %v, %v", got, err)
	}
	return c
}

// wants gives commands, each behind the code that it must be answered with.
func wants(t *testing.T, c *mtatest.Conn, commands ...string) {
	t.Helper()
	for _, line := range commands {
		code, command, _ := strings.Cut(line, " ")
		got, err := c.Cmd(command)
		if err != nil || fmt.Sprint(got.Code) != code {
			t.Fatalf("%s: %v, %v", line, got, err)
		}
	}
}
