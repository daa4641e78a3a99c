package drivertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mtad/mtad/test/need"
)

// Slapd is an OpenLDAP server of a test's own.
type Slapd struct {
	Process
	Port int
}

// The server's manager, whose password is Password, and where everything is below.
const (
	LDAPBase     = "dc=example,dc=com"
	LDAPManager  = "cn=manager," + LDAPBase
	LDAPPassword = "s3cret"
)

const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
pidfile %[1]s/pid
idletimeout 0
%[2]s
database mdb
maxsize 16777216
suffix "` + LDAPBase + `"
rootdn "` + LDAPManager + `"
rootpw ` + LDAPPassword + `
directory %[1]s/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous read
`

// NewSlapd starts an OpenLDAP server on a free port, filled with entries in LDIF
// (RFC 2849). With a certificate, a PEM file that holds its key too, it speaks ldaps. It
// ends with the test.
func NewSlapd(t testing.TB, ldif string, certificate ...string) *Slapd {
	t.Helper()
	s := &Slapd{Process: Process{t: t, program: need.Program(t, "slapd"), ready: "slapd starting"}, Port: quietPort(t)}
	add := need.Program(t, "slapadd")
	dir, err := os.MkdirTemp("", "mtad-ldap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	scheme, secure := "ldap", ""
	if len(certificate) == 1 {
		scheme = "ldaps"
		secure = fmt.Sprintf("TLSCertificateFile %s\nTLSCertificateKeyFile %s", certificate[0], certificate[0])
	}
	conf := filepath.Join(dir, "slapd.conf")
	write(t, conf, fmt.Sprintf(slapdConf, dir, secure))
	write(t, filepath.Join(dir, "data.ldif"), ldif)
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(add, "-f", conf, "-l", filepath.Join(dir, "data.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	s.args = []string{"-f", conf, "-h", fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.Port), "-d", "256"}
	s.listens = fmt.Sprintf("127.0.0.1:%d", s.Port)
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
