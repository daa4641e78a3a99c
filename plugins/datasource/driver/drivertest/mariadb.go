package drivertest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/mtad/mtad/test/need"
)

// MariaDB is a server of a test's own, which the test may stop and start again.
type MariaDB struct {
	Process
	URI    string // of its database ectest
	Port   int
	Socket string
}

// accounts is the database and the user of the server.
const accounts = `CREATE DATABASE IF NOT EXISTS ectest;
CREATE USER IF NOT EXISTS 'ectest'@'localhost' IDENTIFIED BY 'ectest';
GRANT ALL ON ectest.* TO 'ectest'@'localhost';
`

// NewMariaDB starts a MariaDB server on a free port. It ends with the test.
func NewMariaDB(t testing.TB) *MariaDB {
	t.Helper()
	m := &MariaDB{Process: Process{t: t, program: need.Program(t, "mariadbd"), ready: "ready for connections"}, Port: quietPort(t)}
	install := need.Program(t, "mariadb-install-db")
	need.Program(t, "my_print_defaults")    // which the former calls
	dir, err := os.MkdirTemp("", "mtad-my") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "init.sql"), []byte(accounts), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	m.Socket = filepath.Join(dir, "socket")
	as := "--user=" + self(t)
	cmd := exec.Command(install, "--no-defaults", as, "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // a server deletes the temporary tables of others
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	m.args = []string{"--no-defaults", as, "--datadir=" + data, "--tmpdir=" + dir, "--socket=" + m.Socket, fmt.Sprintf("--port=%d", m.Port),
		"--bind-address=127.0.0.1", "--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + filepath.Join(dir, "init.sql"),
		"--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=2"}
	m.URI = fmt.Sprintf("mysql:host=127.0.0.1;port=%d;dbname=ectest;user=ectest;password=ectest", m.Port)
	m.Start()
	t.Cleanup(m.Stop)
	return m
}

// self is who the server runs as: whoever runs the test. MariaDB refuses root
// only as long as nobody says so.
func self(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
