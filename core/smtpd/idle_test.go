package smtpd

import (
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds, in bytes, of what a parked session may keep. It measures 2.1 KiB of
// heap; the race detector adds to it.
const sessionBytes = 3 << 10

// rawDial opens a connection that is nothing but a descriptor, so that the
// client's part of the memory is none.
func rawDial(t *testing.T, addr string) int {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	sa := &unix.SockaddrInet4{Port: at.Port, Addr: at.AddrPort().Addr().Unmap().As4()}
	if err := unix.Connect(fd, sa); err != nil {
		t.Fatal(err)
	}
	return fd
}

func rawAsk(t *testing.T, fd int, text string) {
	t.Helper()
	var b [1024]byte
	if text != "" {
		if _, err := unix.Write(fd, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := unix.Read(fd, b[:]); err != nil || n == 0 || b[0] != '2' {
		t.Fatalf("after %q: %q, %v", text, b[:max(n, 0)], err)
	}
}

func memory() (heap, stack int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first leaves pools their victims
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// TestIdleSessionsKeepLittle: sessions that wait are parked and hold neither a
// goroutine nor buffers; they go on where they were.
func TestIdleSessionsKeepLittle(t *testing.T) {
	const sessions = 400
	sweeps := make(chan time.Time)
	r := startSwept(t, options(), sweeps)
	first := rawDial(t, r.l.Addr().String()) // what is made once
	rawAsk(t, first, "")
	heap, _ := memory()
	before := runtime.NumGoroutine()
	fds := make([]int, sessions)
	defer func() {
		for _, fd := range append(fds, first) {
			_ = unix.Close(fd)
		}
	}()
	for i := range fds {
		fds[i] = rawDial(t, r.l.Addr().String())
		rawAsk(t, fds[i], "")
		rawAsk(t, fds[i], "EHLO idle.test\r\n")
	}
	r.parkAll(sweeps, sessions+1)
	for runtime.NumGoroutine() > before { // those of parked sessions end
		runtime.Gosched()
	}
	after, _ := memory()
	if each := (after - heap) / sessions; each > sessionBytes {
		t.Errorf("a parked session keeps %d bytes", each)
	} else {
		t.Logf("a parked session keeps %d bytes", each)
	}
	for _, fd := range fds {
		rawAsk(t, fd, "NOOP\r\n")
	}
}
