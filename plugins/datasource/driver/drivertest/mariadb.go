package drivertest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/need"
)

// MariaDB is a server of a test's own, which the test may stop and start again.
type MariaDB struct {
	URI    string // of its database ectest
	Port   int
	Socket string

	t       testing.TB
	program string
	args    []string
	cmd     *exec.Cmd
}

// accounts is the database and the user of the server.
const accounts = `CREATE DATABASE IF NOT EXISTS ectest;
CREATE USER IF NOT EXISTS 'ectest'@'localhost' IDENTIFIED BY 'ectest';
GRANT ALL ON ectest.* TO 'ectest'@'localhost';
`

// NewMariaDB starts a MariaDB server on a free port. It ends with the test.
func NewMariaDB(t testing.TB) *MariaDB {
	t.Helper()
	m := &MariaDB{t: t, program: need.Program(t, "mariadbd"), Port: quietPort(t)}
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

// quietPort is a free port below those that the system gives to clients, so that
// it stays free while the server is down.
func quietPort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
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

// Start starts the server and waits until it takes connections.
func (m *MariaDB) Start() {
	m.t.Helper()
	m.cmd = exec.Command(m.program, m.args...)
	m.cmd.Dir = "/"
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	var said strings.Builder
	ready := make(chan bool, 1)
	go func() { // ends with the server, whose stderr it reads
		lines := bufio.NewScanner(stderr)
		for waiting := true; lines.Scan(); {
			if waiting {
				said.WriteString(lines.Text() + "\n")
			}
			if waiting && strings.Contains(lines.Text(), "ready for connections") {
				waiting = false
				ready <- true
			}
		}
		close(ready)
	}()
	if !<-ready {
		m.t.Fatalf("%s did not start:\n%s", m.program, said.String())
	}
}

// Stop ends the server, if it runs.
func (m *MariaDB) Stop() {
	if m.cmd == nil {
		return
	}
	if err := m.cmd.Process.Kill(); err != nil {
		m.t.Error(err)
	}
	_ = m.cmd.Wait() // killed, which is an error
	m.cmd = nil
}

// Pause has the server answer nothing until Resume. A stopped process has
// stopped when its parent is told so, not when the signal is sent: until then
// its threads answer.
func (m *MariaDB) Pause() {
	m.t.Helper()
	m.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(m.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || !status.Stopped() {
			m.t.Fatalf("%s did not stop: %v, status %#x", m.program, err, status)
		}
		return
	}
}

// Resume lets a paused server go on.
func (m *MariaDB) Resume() { m.signal(syscall.SIGCONT) }

func (m *MariaDB) signal(s syscall.Signal) {
	m.t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}
