package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestExtensions: between two mtads mail goes by BDAT under TLS that is verified,
// with what the sender asked of notifications; where the next hop lacks SMTPUTF8
// a domain goes as A-labels, and a local part that has no such form comes back.
func TestExtensions(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	pem := certificate(t)
	second := mtatest.Start(t, mtatest.Config{
		Next: sink, Files: map[string]string{"mx.pem": pem},
		Listener: "tls_certificate = \"@DIR@/mx.pem\"\nsmtp_extensions = [\"ENHANCEDSTATUSCODES\", \"STARTTLS\", \"DSN\"]",
		Scripts: []mtatest.Script{script("seen", `
function mod:validate_mailfrom(str, ac, vctx)
  print("seen " .. str);
  return msys.core.VALIDATE_CONT;
end
`)}})
	_, port, err := net.SplitHostPort(second.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	first := mtatest.Start(t, mtatest.Config{
		Relay: []string{"example.com"}, Files: map[string]string{"ca.pem": pem},
		Listener: "smtp_extensions = [\"ENHANCEDSTATUSCODES\", \"SMTPUTF8\", \"DSN\"]",
		Global: fmt.Sprintf(`tls = "verified"
tls_ca        = "@DIR@/ca.pem"
send_chunking = "ifavailable"
domain "example.com" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %s
}`, port)})
	c, err := mtatest.Dial(first.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	say := func(line string, want int) {
		t.Helper()
		if err := c.Want(want, line); err != nil {
			t.Fatal(err)
		}
	}
	send := func(mail, rcpt, content string) {
		t.Helper()
		say(mail, 250)
		say(rcpt, 250)
		say("DATA", 354)
		say(content+"\r\n.", 250)
	}
	body := strings.Repeat("0123456789abcdef0123456789abcdef\r\n", 5000)
	send("MAIL FROM:<a@b\u00fccher.example> RET=HDRS ENVID=a+20b SMTPUTF8", "RCPT TO:<one@example.com> NOTIFY=FAILURE ORCPT=rfc822;o@example.org", "Subject: gr\u00fc\u00dfe\r\n\r\n"+body)
	got := sink.Wait(t, "one@example.com")
	second.Logged("paniclog.ec", "seen MAIL FROM:<a@xn--bcher-kva.example>")
	second.Logged("paniclog.ec", "RET=HDRS ENVID=a+20b")
	if got.From != "a@xn--bcher-kva.example" || got.Header("Subject") != "=?utf-8?q?gr=C3=BC=C3=9Fe?=" || got.Body() != body+"\r\n" || !strings.Contains(got.Data, "with ESMTPS") {
		t.Errorf("from %q, subject %q, %d bytes", got.From, got.Header("Subject"), len(got.Body()))
	}
	send("MAIL FROM:<\u00fc@example.org> SMTPUTF8", "RCPT TO:<two@example.com>", "Subject: x\r\n")
	first.Logged("mainlog.ec", "550 5.6.7 [internal] remote host does not support SMTPUTF8")
}
