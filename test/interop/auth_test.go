package interop

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

// pythonAuth authenticates with each mechanism of smtplib, under TLS and not.
const pythonAuth = `
import smtplib, ssl, sys
tls = ssl.create_default_context(cafile=sys.argv[2])
for mechanism, secure in (("PLAIN", True), ("LOGIN", True), ("CRAM-MD5", True), ("CRAM-MD5", False)):
    with smtplib.SMTP("localhost", int(sys.argv[1]), local_hostname="python.test") as s:
        s.ehlo()
        assert ("PLAIN" in s.esmtp_features["auth"]) == False, s.esmtp_features
        if secure:
            s.starttls(context=tls)
            assert s.sock.version() in ("TLSv1.2", "TLSv1.3"), s.sock.version()
            s.ehlo()
        method = getattr(s, "auth_" + mechanism.lower().replace("-", "_"))
        s.user, s.password = "anna", "falsch"
        try:
            s.auth(mechanism, method)
            assert False, mechanism
        except smtplib.SMTPAuthenticationError as e:
            assert e.smtp_code == 535, e
        s.user, s.password = "anna", "geheim"
        s.auth(mechanism, method)
        s.sendmail("anna@client.test", mechanism.lower() + "@example.com", "Subject: x\r\n\r\n")
with smtplib.SMTP("localhost", int(sys.argv[1]), local_hostname="python.test") as s:
    s.starttls(context=tls)
    s.login("anna", "geheim")
    assert s.mail("anna@client.test")[0] == 250 and s.rcpt("x@elsewhere.test")[0] == 250
old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
try:
    with smtplib.SMTP("localhost", int(sys.argv[1])) as s:
        s.starttls(context=old)
    assert False, "TLS 1.1 is spoken"
except (OSError, smtplib.SMTPException):
    pass
`

// TestAuthClients: what other people's clients say to authenticate is
// understood.
func TestAuthClients(t *testing.T) {
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next:  sink,
		Files: map[string]string{"cert.pem": mtatest.Certificate(t), "passwd": "anna:geheim\n"},
		Listener: `tls_certificate       = "@DIR@/cert.pem"
  authplainparameters   = { uri = "file://@DIR@/passwd" }
  authloginparameters   = { uri = "file://@DIR@/passwd" }
  authcrammd5parameters = { uri = "file://@DIR@/passwd" }
`})
	t.Run("smtplib", func(t *testing.T) {
		python := need.Program(t, "python3")
		run(t, python, "-c", pythonAuth, port(s.SMTP), s.Dir+"/cert.pem")
		for _, rcpt := range []string{"plain@example.com", "login@example.com", "cram-md5@example.com"} {
			if got := sink.Wait(t, rcpt); !strings.Contains(got.Data, " with ESMTPSA ") && rcpt != "cram-md5@example.com" {
				t.Errorf("%s: %s", rcpt, got.Data)
			}
		}
	})
	t.Run("swaks", func(t *testing.T) {
		swaks := need.Program(t, "swaks")
		out := run(t, swaks, "--server", s.SMTP, "--auth", "CRAM-MD5", "--auth-user", "anna", "--auth-password", "geheim",
			"--from", "a@client.test", "--to", "swaks@example.com", "--header", "Subject: by swaks")
		if !strings.Contains(out, "<-  235 2.7.0 ") {
			t.Errorf("swaks saw\n%s", out)
		}
		sink.Wait(t, "swaks@example.com")
	})
}
