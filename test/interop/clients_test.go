package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

// way is how a message crosses: over which port, under TLS or not, with AUTH or
// not.
type way struct {
	name string // of the recipient's local part too
	port string
	with string // what the Received field calls it (RFC 3848)
}

// reached is an mtad with a plain port, STARTTLS on it, and a port with TLS from
// the first byte; anna's password is geheim.
type reached struct {
	*mtatest.Server
	sink           *mtatest.Sink
	plain, wrapped string // ports
	cert           string
}

func reach(t *testing.T) *reached {
	t.Helper()
	r := &reached{sink: mtatest.NewSink(t), wrapped: fmt.Sprint(mtatest.FreePort(t))}
	r.Server = mtatest.Start(t, mtatest.Config{
		Next:  r.sink,
		Files: map[string]string{"cert.pem": mtatest.Certificate(t), "passwd": "anna:geheim\n"},
		Listener: `tls_certificate          = "@DIR@/cert.pem"
  authplainparameters       = { uri = "file://@DIR@/passwd" }
  authloginparameters       = { uri = "file://@DIR@/passwd" }
  authcrammd5parameters     = { uri = "file://@DIR@/passwd" }
  authscramsha256parameters = { uri = "file://@DIR@/passwd" }
  listen "127.0.0.1:` + r.wrapped + `" {
    use_ssl = true
  }
`})
	r.plain, r.cert = port(r.SMTP), r.Dir+"/cert.pem"
	return r
}

// ways are those of a client, whose recipients begin with its name.
func (r *reached) ways(client string) []way {
	return []way{
		{client + "-plain", r.plain, "ESMTP"}, {client + "-starttls", r.plain, "ESMTPS"},
		{client + "-auth", r.plain, "ESMTPSA"}, {client + "-wrapped", r.wrapped, "ESMTPS"},
	}
}

// letter is what the clients send: dots at the beginning of lines, an empty line
// at the end.
const (
	letterBody = "first\r\n.\r\n..dots\r\n.last\r\n"
	letter     = "From: anna@client.test\r\nSubject: by another's client\r\n\r\n" + letterBody
)

// unixLetter is the letter for programs that read lines as Unix has them.
func unixLetter() string { return strings.ReplaceAll(letter, "\r\n", "\n") }

// arrived checks what came through.
func (r *reached) arrived(t *testing.T, w way) {
	t.Helper()
	got := r.sink.Wait(t, w.name+"@example.com")
	if got.Body() != letterBody || got.Header("Subject") != "by another's client" {
		t.Errorf("%s: arrived:\n%s", w.name, got.Data)
	}
	// Ours is the first trace field.
	_, trace, _ := strings.Cut(got.Data, "Received: ")
	trace, _, _ = strings.Cut(trace, "\r\nReceived: ")
	if !strings.Contains(strings.Join(strings.Fields(trace), " "), " with "+w.with+" ") {
		t.Errorf("%s: not with %s:\n%s", w.name, w.with, got.Data)
	}
}

// pipe runs a program that must succeed, with an input.
func pipe(t *testing.T, input, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %q: %v\n%s", program, args, err, out)
	}
}

// TestWaysIn: what others' clients and servers send arrives whole, in the clear,
// after STARTTLS, under TLS from the first byte, with AUTH, and in chunks.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	r := reach(t)
	for name, send := range map[string]func(*testing.T, *reached, []way){
		"swaks": bySwaks, "msmtp": byMsmtp, "postfix": byPostfix, "exim": byExim, "opensmtpd": byOpenSMTPD,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := *r
			in.Server = r.In(t)
			ways := in.ways(name)
			send(t, &in, ways)
			for _, w := range ways {
				in.arrived(t, w)
			}
		})
	}
}

func bySwaks(t *testing.T, r *reached, ways []way) {
	swaks := need.Program(t, "swaks")
	for i, more := range [][]string{{}, {"--tls"}, {"--tls", "--auth", "PLAIN", "--auth-user", "anna", "--auth-password", "geheim"}, {"--tlsc"}} {
		args := []string{"--server", "127.0.0.1:" + ways[i].port, "--ehlo", "swaks.test", "--tls-ca-path", r.cert, "--tls-verify",
			"--tls-sni", "localhost",
			"--from", "anna@client.test", "--to", ways[i].name + "@example.com", "--data", "-"}
		pipe(t, strings.TrimSuffix(unixLetter(), "\n"), swaks, append(args, more...)...)
	}
}

// byMsmtp authenticates with each mechanism that it knows.
func byMsmtp(t *testing.T, r *reached, ways []way) {
	msmtp := need.Program(t, "msmtp")
	send := func(w way, more ...string) {
		args := []string{"--file=/dev/null", "--host=localhost", "--port=" + w.port, "--from=anna@client.test", "--user=anna",
			"--passwordeval=echo geheim", "--tls-trust-file=" + r.cert}
		pipe(t, unixLetter(), msmtp, append(append(args, more...), w.name+"@example.com")...)
	}
	send(ways[0], "--auth=off", "--tls=off")
	send(ways[1], "--auth=off", "--tls=on", "--tls-starttls=on")
	send(ways[2], "--auth=scram-sha-256", "--tls=on", "--tls-starttls=on")
	send(ways[3], "--auth=off", "--tls=on", "--tls-starttls=off")
	for _, mechanism := range []string{"plain", "login", "cram-md5"} {
		w := way{"msmtp-by-" + mechanism, r.plain, "ESMTPSA"}
		send(w, "--auth="+mechanism, "--tls=on", "--tls-starttls=on")
		r.arrived(t, w)
	}
}

const clientMainCF = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = %[2]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.1/32
alias_maps =
alias_database =
local_recipient_maps =
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/postfix.log
smtputf8_enable = no
smtp_host_lookup = native
`

// byPostfix has a transport for each way. What it takes it passes on.
func byPostfix(t *testing.T, r *reached, ways []way) {
	main, master := clientMainCF+"smtp_tls_CAfile = "+r.cert+"\ntransport_maps = inline:{", masterCF
	for i, options := range []string{"", "-o smtp_tls_security_level=encrypt",
		"-o smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=localhost -o smtp_sasl_auth_enable=yes -o smtp_sasl_password_maps=static:anna:geheim -o smtp_sasl_security_options=noanonymous",
		"-o smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=localhost -o smtp_tls_wrappermode=yes"} {
		main += fmt.Sprintf(" {%s@example.com = way%d:[127.0.0.1]:%s}", ways[i].name, i, ways[i].port)
		master += fmt.Sprintf("way%d unix - - n - - smtp %s\n", i, options)
	}
	c, err := mtatest.Dial(runPostfix(t, main+" }\n", master))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		if err := c.Mail("anna@client.test", letter, w.name+"@example.com"); err != nil {
			t.Error(err)
		}
	}
}

// temporary is a directory that daemons which give up root can enter.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mtad-peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// byExim sends with a router and a transport for each way, and one in chunks
// (RFC 3030), which its log confirms.
func byExim(t *testing.T, r *reached, ways []way) {
	exim := need.Program(t, "exim4", "/opt/mtad-peers/usr/sbin/exim4")
	if os.Geteuid() != 0 {
		need.Missing(t, "Exim takes a configuration of ours from root only")
	}
	dir := temporary(t)
	chownTo(t, "Debian-exim", dir)
	cert, err := os.ReadFile(r.cert) // which it reads after it gave up root
	if err != nil {
		t.Fatal(err)
	}
	anchor := write(t, filepath.Join(dir, "cert.pem"), string(cert))
	chunked := way{"exim-chunks", r.plain, "ESMTP"}
	ways = append(ways, chunked)
	routers, transports := "begin routers\n", "begin transports\n"
	for i, options := range []string{"hosts_avoid_tls = *\n  hosts_try_chunking =", "hosts_require_tls = *\n  hosts_try_chunking =",
		"hosts_require_tls = *\n  hosts_require_auth = *", "protocol = smtps\n  hosts_require_tls = *", "hosts_avoid_tls = *\n  hosts_try_chunking = *"} {
		routers += fmt.Sprintf("way%d:\n  driver = manualroute\n  local_parts = %s\n  route_list = * localhost::%s\n  self = send\n  transport = way%d\n", i, ways[i].name, ways[i].port, i)
		transports += fmt.Sprintf("way%d:\n  driver = smtp\n  allow_localhost\n  tls_verify_certificates = %s\n  tls_sni = localhost\n  %s\n", i, anchor, options)
	}
	conf := write(t, filepath.Join(dir, "exim.conf"), "exim_path = "+exim+"\nspool_directory = "+dir+"/spool\nlog_file_path = "+dir+"/%slog\nprimary_hostname = exim.test\n"+
		"disable_ipv6 = true\nkeep_environment =\n"+routers+transports+
		"begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^anna^geheim\n")
	var log []byte
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", log)
		}
	})
	for _, w := range ways {
		pipe(t, unixLetter(), exim, "-C", conf, "-odf", "-oi", "-f", "anna@client.test", w.name+"@example.com")
	}
	if log, err = os.ReadFile(filepath.Join(dir, "mainlog")); err != nil {
		t.Fatal(err)
	}
	r.arrived(t, chunked)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "=> "+chunked.name) && !strings.Contains(line, " K C=") { // manual, 53: K is CHUNKING
			t.Errorf("not in chunks: %s", line)
		}
	}
}

// byOpenSMTPD sends with an action for each way. Its spool and socket have names
// that are compiled in; a mount namespace of its own keeps them apart.
func byOpenSMTPD(t *testing.T, r *reached, ways []way) {
	smtpd := need.Program(t, "opensmtpd", "/opt/mtad-peers/usr/sbin/smtpd")
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		need.Missing(t, "OpenSMTPD needs a mount namespace")
	}
	dir := temporary(t)
	own := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	secrets := write(t, filepath.Join(dir, "secrets"), "anna anna:geheim\n")
	text := fmt.Sprintf("table secrets file:%s\nmta limit conn-delay-route 0\nmta limit reconn-delay-route 0\nlisten on 127.0.0.1 port %s hostname opensmtpd.test\n", secrets, port(own))
	matches := ""
	for i, scheme := range []string{"smtp+notls://", "smtp+tls://", "smtp+tls://anna@", "smtps://"} {
		more := ""
		if i > 0 {
			more = " tls no-verify" // the name is that of the address
		}
		if strings.Contains(scheme, "@") {
			more += " auth <secrets>"
		}
		text += fmt.Sprintf("action \"way%d\" relay host %s127.0.0.1:%s%s\n", i, scheme, ways[i].port, more)
		matches += fmt.Sprintf("match from any for rcpt-to \"%s@example.com\" action \"way%d\"\n", ways[i].name, i)
	}
	conf := write(t, filepath.Join(dir, "smtpd.conf"), text+matches)
	// Its resolver asks DNS before the hosts file otherwise.
	resolv := write(t, filepath.Join(dir, "resolv.conf"), "lookup file\nnameserver 127.0.0.1\n")
	daemon(t, "unshare", "-m", "sh", "-c", "mount -t tmpfs none /var/spool && mount -t tmpfs none /run && mount --bind "+resolv+
		" /etc/resolv.conf && exec "+smtpd+" -d -f "+conf)
	var c *mtatest.Conn
	mtatest.Within(t, 60e9, "OpenSMTPD", func() string {
		var err error
		if c, err = mtatest.Dial(own); err != nil {
			return err.Error()
		}
		return ""
	})
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		if err := c.Mail("anna@client.test", letter, w.name+"@example.com"); err != nil {
			t.Error(err)
		}
	}
}
