package out

import "golang.org/x/sys/unix"

// What tells of a pipe's bytes nobody has read, and of a socket's nobody has
// confirmed (pipe(7), tcp(7)).
const (
	unread = unix.TIOCINQ
	unsent = unix.SIOCOUTQ
)

// tcpEstablished is the state of a connection that nobody has ended (tcp(7)).
const tcpEstablished = 1

// whole reports that neither side has ended a connection: what was confirmed on
// one that the peer has closed may have been thrown away.
func whole(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err != nil || info.State == tcpEstablished // no TCP: it has no such states
}
