package smtpd

import (
	"net"
	"os"
	"strings"
	"syscall"
)

// Socket are the options of a listening socket (reference/config-options.tsv,
// listen_backlog and file_mode).
type Socket struct {
	Backlog int         // connections that may wait; 0: the system's limit
	Mode    os.FileMode // permissions of a Unix socket's path; 0: as the umask has it
}

// Tune puts the options on the socket. The system has the last word: what it
// refuses stays as it is, and Problem says so.
func (l *Listener) Tune(o Socket) {
	if o == (Socket{}) || l.tuned == o {
		return
	}
	l.tuned = o
	var err error
	if conn, ok := l.ln.(syscall.Conn); ok && o.Backlog > 0 {
		err = setBacklog(conn, o.Backlog)
	}
	if _, ok := l.ln.(*net.UnixListener); ok && o.Mode != 0 && strings.HasPrefix(l.name, "/") && err == nil {
		err = os.Chmod(l.name, o.Mode)
	}
	if err != nil {
		l.srv.Problem("esmtp_listener: " + l.name + ": " + err.Error())
	}
}

// setBacklog listens again, which changes the backlog of a socket that listens.
func setBacklog(conn syscall.Conn, backlog int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), backlog) }); err != nil {
		return err
	}
	return failed
}
