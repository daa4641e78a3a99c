package smtpd

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// epoll is the waker on Linux: an epoll instance of our own, which the runtime's
// poller watches in turn, so that it costs no thread.
type epoll struct {
	lot  *lot
	file *os.File
	raw  syscall.RawConn
}

func newWaker(l *lot) (waker, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	e := &epoll{lot: l, file: os.NewFile(uintptr(fd), "epoll")}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l.srv.sweeper.Go(e.wait)
	return e, nil
}

// wait wakes sessions until stop.
func (e *epoll) wait() {
	var events [64]unix.EpollEvent
	for {
		n := 0
		err := e.raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events[:], 0) // a failure shows as nothing to do
			return n > 0
		})
		if err != nil {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			e.lot.wake(uint64(uint32(ev.Fd))|uint64(uint32(ev.Pad))<<32, nil)
		}
	}
}

// watch is part of waker. A socket stays known until it is closed.
func (e *epoll) watch(s *session) error {
	conn, ok := s.wire.raw.(syscall.Conn)
	if !ok {
		return os.ErrInvalid
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	id := s.entry.info.Session
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = e.add(int(fd), &ev) })
	if err != nil {
		return err
	}
	return failed
}

func (e *epoll) add(socket int, ev *unix.EpollEvent) error {
	var failed error
	err := e.raw.Control(func(fd uintptr) {
		failed = unix.EpollCtl(int(fd), unix.EPOLL_CTL_ADD, socket, ev)
		if failed == unix.EEXIST {
			failed = unix.EpollCtl(int(fd), unix.EPOLL_CTL_MOD, socket, ev)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// stop is part of waker.
func (e *epoll) stop() { _ = e.file.Close() }
