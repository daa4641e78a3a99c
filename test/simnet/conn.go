package simnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// half is one direction of a connection. A write never waits: the buffer is the
// network's.
type half struct {
	mu     sync.Mutex
	parts  [][]byte
	closed bool
	reset  bool
	ready  chan struct{} // has one place
	limit  time.Time     // of the reader; zero: none
	moved  chan struct{} // closed when limit changes
}

func newHalf() *half {
	return &half{ready: make(chan struct{}, 1), moved: make(chan struct{})}
}

func (h *half) signal() {
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, syscall.EPIPE
	}
	h.parts = append(h.parts, append([]byte(nil), p...))
	h.signal()
	return len(p), nil
}

// end closes the direction; after a reset nothing more is read.
func (h *half) end(reset bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed, h.reset = true, h.reset || reset
	h.signal()
}

func (h *half) setLimit(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limit = t
	close(h.moved)
	h.moved = make(chan struct{})
}

// take gives what there is. datagram keeps the writes apart.
func (h *half) take(p []byte, datagram bool) (n int, ok bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.reset:
		return 0, true, syscall.ECONNRESET
	case !h.limit.IsZero() && !time.Now().Before(h.limit):
		return 0, true, os.ErrDeadlineExceeded
	case len(h.parts) > 0:
		n = copy(p, h.parts[0])
		if datagram || n == len(h.parts[0]) {
			h.parts = h.parts[1:]
		} else {
			h.parts[0] = h.parts[0][n:]
		}
		return n, true, nil
	case h.closed:
		h.signal() // for the next reader
		return 0, true, io.EOF
	}
	return 0, false, nil
}

func (h *half) read(p []byte, datagram bool) (int, error) {
	for {
		n, ok, err := h.take(p, datagram)
		if ok || len(p) == 0 {
			return n, err
		}
		h.mu.Lock()
		limit, moved := h.limit, h.moved
		h.mu.Unlock()
		h.wait(limit, moved)
	}
}

func (h *half) wait(limit time.Time, moved <-chan struct{}) {
	var up <-chan time.Time
	if !limit.IsZero() {
		t := time.NewTimer(time.Until(limit))
		defer t.Stop()
		up = t.C
	}
	select {
	case <-h.ready:
	case <-moved:
	case <-up:
	}
}

// conn is one end of a connection in memory.
type conn struct {
	in, out       *half
	local, remote netip.AddrPort
	datagram      bool
	once          sync.Once
	closed        func() // told once; may be nil
}

// pair makes both ends of a connection.
func pair(client, server netip.AddrPort) (near, far *conn) {
	up, down := newHalf(), newHalf()
	return &conn{in: down, out: up, local: client, remote: server}, &conn{in: up, out: down, local: server, remote: client}
}

// Read is part of net.Conn.
func (c *conn) Read(p []byte) (int, error) { return c.in.read(p, c.datagram) }

// Write is part of net.Conn.
func (c *conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close is part of net.Conn.
func (c *conn) Close() error { c.shut(false); return nil }

// shut ends both directions; with reset the peer loses what it has not read.
func (c *conn) shut(reset bool) {
	c.once.Do(func() {
		c.out.end(reset)
		c.in.end(false)
		if c.closed != nil {
			c.closed()
		}
	})
}

// LocalAddr is part of net.Conn.
func (c *conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr is part of net.Conn.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline is part of net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline is part of net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { c.in.setLimit(t); return nil }

// SetWriteDeadline is part of net.Conn: a write never waits.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
