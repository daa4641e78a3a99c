// Package drivertest starts real database servers for tests, and holds the suite that
// every driver passes. It runs in tests
// only.
//
// Next: the test talks to the server by its uri.
package drivertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/need"
)

// Postgres starts a PostgreSQL server of its own on a free port and gives the
// uri of its database. It ends with the test.
func Postgres(t testing.TB) string {
	t.Helper()
	server := need.Program(t, "postgres", "/usr/lib/postgresql/*/bin/postgres")
	dir, err := os.MkdirTemp("", "mtad-pg") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := credentials(t, dir)
	data := filepath.Join(dir, "data")
	run(t, as, filepath.Join(filepath.Dir(server), "initdb"), "-D", data, "-U", "mtad", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
	port := freePort(t)
	ctl := filepath.Join(filepath.Dir(server), "pg_ctl")
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c fsync=off", port, dir)
	run(t, as, ctl, "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", options, "start")
	t.Cleanup(func() { run(t, as, ctl, "-D", data, "-m", "immediate", "stop") })
	return fmt.Sprintf("pgsql:host=127.0.0.1;port=%d;dbname=postgres;user=mtad;sslmode=disable", port)
}

// credentials lets root run the server as another user, since PostgreSQL
// refuses to run as root.
func credentials(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		need.Missing(t, "there is no user postgres to run the server")
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func run(t testing.TB, as *syscall.SysProcAttr, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir = as, "/"
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd.Stdout = null // a file, so that the server does not hold a pipe open
	cmd.Stderr = null
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
