package smtpd

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile are sessions of peers that mean no good. What they are answered does
// not matter here, only that nothing of them stays.
var hostile = map[string]string{
	"hangs up":         "",
	"binary":           strings.Repeat("\x00\xff\x16\x03\x01", 2000),
	"endless line":     strings.Repeat("x", 40<<10),
	"bare LF":          "EHLO x\nMAIL FROM:<>\n",
	"unknown commands": strings.Repeat("WHAT\r\n", 200),
	"junk":             "EHLO x\r\n" + strings.Repeat("NOOP\r\n", 400),
	"many recipients":  "EHLO x\r\nMAIL FROM:<>\r\n" + strings.Repeat("RCPT TO:<"+strings.Repeat("r", 200)+"@relay.test>\r\n", 300),
	"endless header":   "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@relay.test>\r\nDATA\r\n" + strings.Repeat("X: "+strings.Repeat("h", 900)+"\r\n", 100),
	"half a message":   "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@relay.test>\r\nDATA\r\nSubject: x\r\n\r\nhalf",
	"half a chunk":     "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@relay.test>\r\nBDAT 900000\r\n" + strings.Repeat("c", 30<<10),
	"impossible chunk": "EHLO x\r\nBDAT 9000000000000000000 LAST\r\n" + strings.Repeat("c", 30<<10),
	"bad AUTH":         "EHLO x\r\n" + strings.Repeat("AUTH PLAIN !\r\n", 20),
	"no handshake":     "EHLO x\r\nSTARTTLS\r\n" + strings.Repeat("z", 1000),
	"browser":          "POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<>\r\n",
	"smuggler":         "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@relay.test>\r\nDATA\r\nx: y\r\n\r\na\n.\r\n" + smuggled,
}

// attack plays one session. held sessions are ended by the caller.
func attack(addr, stream string) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, stream) // it may be cut short: the server hangs up
	return c, nil
}

// end waits for the server's end of a session after ours.
func end(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c)
	_ = c.Close()
}

// TestHostileSessionsLeaveNothing: one after the other and many at once, they
// leave memory, goroutines and counts as they were.
func TestHostileSessionsLeaveNothing(t *testing.T) {
	const after, atOnce = 40, 150 // of each kind; of all kinds
	o := options()
	o.MaxJunk, o.MaxEnvelope, o.MaxMemory, o.MinRate = 100, 1<<20, 4<<20, 1000
	o.TLSCert, _ = certificate(t)
	addr, srv, stop := serveOptions(t, o)
	defer stop()
	round := func(sessions int) {
		var open []net.Conn
		for range sessions {
			for _, stream := range hostile {
				c, err := attack(addr, stream)
				if err != nil {
					t.Fatal(err)
				}
				end(c)
			}
		}
		for range atOnce / len(hostile) {
			for _, stream := range hostile {
				c, err := attack(addr, stream)
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
			}
		}
		var wg sync.WaitGroup
		for _, c := range open {
			wg.Go(func() { end(c) })
		}
		wg.Wait()
		for srv.live.count() > 0 {
			runtime.Gosched()
		}
	}
	round(2)
	before, _ := memory()
	routines := runtime.NumGoroutine()
	round(after)
	grown, _ := memory()
	if grown -= before; grown > 1<<20 {
		t.Errorf("memory grew by %d KiB over %d sessions", grown>>10, after*len(hostile)+atOnce)
	}
	for runtime.NumGoroutine() > routines { // those of sessions end
		runtime.Gosched()
	}
	if n := srv.held.Load(); n != 0 {
		t.Errorf("%d octets are still held", n)
	}
	srv.live.mu.Lock()
	defer srv.live.mu.Unlock()
	if len(srv.live.addresses)+len(srv.live.networks)+len(srv.live.scopes) > 0 {
		t.Errorf("counts stay: %v, %v, %v", srv.live.addresses, srv.live.networks, srv.live.scopes)
	}
}
