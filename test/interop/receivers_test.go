package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

// receiver is another server that mtad hands mail to; log is what it wrote.
type receiver struct {
	addr string
	log  func(t *testing.T) string
}

// TestReceivers: what mtad sends is taken by other people's servers, in clear,
// under STARTTLS, in chunks, with addresses in UTF-8 and wishes about
// notifications.
func TestReceivers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) receiver{"postfix": toPostfix, "exim": toExim} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			s := mtatest.Start(t, mtatest.Config{
				Relay:    []string{"plain.test", "tls.test"},
				Listener: "smtp_extensions = [\"ENHANCEDSTATUSCODES\", \"SMTPUTF8\", \"DSN\"]",
				Global: fmt.Sprintf(`gateway = "127.0.0.1"
remote_smtp_port = %s
send_chunking    = "ifavailable"
domain "plain.test" { tls = "no" }
domain "tls.test" { tls = "required" }
`, port(r.addr)),
			})
			c, err := mtatest.Dial(s.SMTP)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Hello(); err != nil {
				t.Fatal(err)
			}
			hand(t, c, "MAIL FROM:<anna@client.test>", "RCPT TO:<one@plain.test>", "Subject: plain")
			hand(t, c, "MAIL FROM:<anna@client.test> RET=HDRS ENVID=a+20b", "RCPT TO:<two@tls.test> NOTIFY=FAILURE ORCPT=rfc822;two@tls.test", "Subject: dsn")
			hand(t, c, "MAIL FROM:<b\u00e4r@client.test> SMTPUTF8", "RCPT TO:<three@tls.test>", "Subject: gr\u00fc\u00dfe")
			s.Eventually("three deliveries", func() string {
				log := s.Log("mainlog.ec")
				records, err := mtatest.MainLog(log)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, rec := range records {
					switch rec.Type {
					case 'D':
						n++
					case 'T', 'P':
						t.Fatalf("%s\n%s", log, r.log(t))
					}
				}
				if n < 3 {
					return log
				}
				return ""
			})
		})
	}
}

// hand gives mtad a message, whose body is long enough for several chunks.
func hand(t *testing.T, c *mtatest.Conn, mail, rcpt, header string) {
	t.Helper()
	body := strings.Repeat("0123456789abcdef0123456789abcdef\r\n", 5000)
	for _, step := range []struct {
		code int
		line string
	}{{250, mail}, {250, rcpt}, {354, "DATA"}, {250, header + "\r\n\r\n" + body + "."}} {
		if err := c.Want(step.code, step.line); err != nil {
			t.Fatal(err)
		}
	}
}

// toPostfix is a Postfix with all its extensions.
func toPostfix(t *testing.T) receiver {
	dir := t.TempDir()
	cert := filepath.Join(dir, "cert.pem")
	if err := os.WriteFile(cert, []byte(mtatest.Certificate(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("relay_domains = example.com", "relay_domains = plain.test tls.test", "smtputf8_enable = no", "smtputf8_enable = yes",
		"smtpd_discard_ehlo_keywords = dsn, etrn\n", "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = "+cert+"\nsmtpd_tls_key_file = "+cert+"\n",
		"message_size_limit = 100000", "message_size_limit = 1000000").Replace(mainCF)
	return receiver{runPostfix(t, conf, masterCF), func(*testing.T) string { return "" }}
}

// toExim is an Exim that puts mail into a file. Its log says what came in chunks.
func toExim(t *testing.T) receiver {
	exim := need.Program(t, "exim4", "/opt/mtad-peers/usr/sbin/exim4")
	if os.Geteuid() != 0 {
		need.Missing(t, "Exim takes a configuration of ours from root only")
	}
	dir, err := os.MkdirTemp("", "exim")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chownTo(t, "Debian-exim", dir)
	cert, conf := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "exim.conf")
	addr := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	text := fmt.Sprintf(eximConf, exim, dir, port(addr), cert)
	for name, text := range map[string]string{cert: mtatest.Certificate(t), conf: text} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(exim, "-C", conf, "-bdf")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = cmd.Wait()
	})
	mtatest.Within(t, 60e9, "Exim", func() string {
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
	log := func(t *testing.T) string {
		out, err := os.ReadFile(filepath.Join(dir, "mainlog"))
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	t.Cleanup(func() { // K is CHUNKING (Exim's manual, chapter 53)
		if said := log(t); !t.Failed() && strings.Count(said, " K ") < 3 {
			t.Errorf("not all came in chunks:\n%s", said)
		}
	})
	return receiver{addr, log}
}

const eximConf = `exim_path = %[1]s
spool_directory = %[2]s/spool
log_file_path = %[2]s/%%slog
pid_file_path = %[2]s/pid
primary_hostname = exim.test
disable_ipv6 = true
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = %[3]s
tls_advertise_hosts = *
tls_certificate = %[4]s
tls_privatekey = %[4]s
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
acl_smtp_rcpt = all
deliver_drop_privilege
begin acl
all:
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = %[2]s/mail
  user = Debian-exim
`
