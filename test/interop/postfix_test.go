package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

// mainCF is a Postfix that takes mail for example.com and throws it away. What
// it is lenient with by default and RFC 5321 is not is switched to strict, what
// slows a client down is switched off.
const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = %[2]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.test
mydestination =
mynetworks = 192.0.2.1/32
relay_domains = example.com
relay_transport = discard:
alias_maps =
alias_database =
local_recipient_maps =
disable_dns_lookups = yes
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/postfix.log
message_size_limit = 100000
strict_rfc821_envelopes = yes
smtputf8_enable = no
smtpd_forbid_bare_newline = reject
smtpd_forbid_bare_newline_exclusions =
smtpd_discard_ehlo_keywords = dsn, etrn
smtpd_error_sleep_time = 0
smtpd_forbidden_commands = CONNECT GET POST
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
`

const masterCF = `127.0.0.1:%d inet n - n - 40 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`

// startPostfix starts a Postfix of its own, which ends with the test, and gives
// its address.
func startPostfix(t *testing.T) string {
	t.Helper()
	return runPostfix(t, mainCF, masterCF)
}

// runPostfix is startPostfix with other texts of its configuration.
func runPostfix(t *testing.T, mainCF, masterCF string) string {
	t.Helper()
	postfix := need.Program(t, "postfix")
	if os.Geteuid() != 0 {
		need.Missing(t, "Postfix is started by root only")
	}
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	port := mtatest.FreePort(t)
	for _, sub := range []string{"spool", "data", "conf"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chownTo(t, "postfix", filepath.Join(dir, "data"))
	daemons := filepath.Dir(need.Program(t, "smtpd", "/usr/lib/postfix/sbin/smtpd", "/usr/libexec/postfix/smtpd"))
	conf := filepath.Join(dir, "conf")
	for name, text := range map[string]string{"main.cf": fmt.Sprintf(mainCF, dir, daemons), "master.cf": fmt.Sprintf(masterCF, port)} {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its processes give up root
		t.Fatal(err)
	}
	control := func(word string) ([]byte, error) {
		return exec.Command(postfix, "-c", conf, word).CombinedOutput()
	}
	if out, err := control("start"); err != nil {
		t.Fatalf("postfix start: %v\n%s", err, out)
	}
	t.Cleanup(func() { _, _ = control("stop") })
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	mtatest.Within(t, 60e9, "Postfix", func() string {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 4)
		if _, err := c.Read(b); err != nil || string(b) != "220 " {
			return fmt.Sprintf("%q, %v", b, err)
		}
		return ""
	})
	return addr
}

func chownTo(t *testing.T, name, path string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		need.Missing(t, "there is no user "+name)
	}
	uid, _ := strconv.Atoi(u.Uid)
	if err := os.Chown(path, uid, -1); err != nil {
		t.Fatal(err)
	}
}
