package httpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/smtpd"
)

// Listener is one listening socket. Start begins to accept; until then clients
// wait in the backlog.
type Listener struct {
	srv  *Server
	name string
	net.Listener

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

// Listen opens the socket of a listen scope, named as one of esmtp_listener
// (smtpd.ListenAddress). mode is that of a socket's path.
func (s *Server) Listen(name string, mode os.FileMode) (*Listener, error) {
	network, address := smtpd.ListenAddress(name)
	if network == "unix" {
		clearSocket(address)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), network, address)
	if err == nil && network == "unix" {
		err = os.Chmod(address, mode)
	}
	if err != nil {
		return nil, fmt.Errorf("listen %q: %w", name, err)
	}
	l := &Listener{srv: s, name: name, Listener: ln, conns: map[*conn]struct{}{}}
	s.mu.Lock()
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	return l, nil
}

// clearSocket removes a socket that a process which is gone left behind.
func clearSocket(path string) {
	if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSocket == 0 {
		return
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		_ = os.Remove(path) // where it stays, listening fails and says so
		return
	}
	_ = c.Close()
}

// Start begins to accept.
func (l *Listener) Start() {
	l.srv.serving.Go(func() {
		_ = l.srv.http.Serve(l) // ends with Close
	})
}

// Close ends accepting. Idle connections are closed, the others behind the answer
// they wait for.
func (l *Listener) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	for c := range l.conns {
		c.closeIfIdle()
	}
	l.mu.Unlock()
	l.srv.mu.Lock()
	delete(l.srv.listeners, l)
	l.srv.mu.Unlock()
	if !first {
		return nil
	}
	return l.Listener.Close()
}

// Accept is part of net.Listener: a connection that may stay, with TLS where its
// client's profile has it. The handshake is done on the connection's own
// goroutine.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, listener: l, id: l.srv.NewID(), peer: addrPort(raw.RemoteAddr())}
		p := l.srv.profile(c)
		if p == nil || !l.add(c, p.Sessions) {
			_ = raw.Close()
			continue
		}
		if p.tls != nil {
			return tls.Server(c, p.tls), nil
		}
		return c, nil
	}
}

// add counts a connection in.
func (l *Listener) add(c *conn, most int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || most > 0 && int64(len(l.conns)) >= most {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// conn is a client's connection.
type conn struct {
	net.Conn
	listener *Listener
	id       string // connection id
	peer     netip.AddrPort
	requests atomic.Int64
	once     sync.Once

	mu   sync.Mutex
	idle *time.Timer // runs while it waits for a request
}

// Close is part of net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.busy()
		c.listener.mu.Lock()
		delete(c.listener.conns, c)
		c.listener.mu.Unlock()
	})
	return c.Conn.Close()
}

// waits has the connection closed after limit, unless a request comes.
func (c *conn) waits(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit <= 0 {
		limit = time.Duration(1<<63 - 1)
	}
	if c.idle != nil {
		c.idle.Stop()
	}
	c.idle = time.AfterFunc(limit, func() { _ = c.Conn.Close() })
}

func (c *conn) busy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle != nil {
		c.idle.Stop()
		c.idle = nil
	}
}

// closeIfIdle closes a connection that waits for a request.
func (c *conn) closeIfIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle != nil {
		_ = c.Conn.Close()
	}
}

// stateChanged keeps the time of idle connections (idle_time): it may change at
// a reload, which http.Server's own could not.
func stateChanged(nc net.Conn, state http.ConnState) {
	c := connOf(nc)
	switch state {
	case http.StateIdle:
		p := c.listener.srv.profile(c)
		if p == nil || c.listener.isClosed() {
			_ = c.Conn.Close()
			return
		}
		c.waits(p.IdleTime)
	case http.StateActive, http.StateClosed, http.StateHijacked:
		c.busy()
	}
}

// connOf is our connection below what http.Server holds.
func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*conn)
}

// loopback is the address that a client on a Unix socket goes by
// (reference/config-syntax.md, match scopes).
func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPortFrom(loopback(), 0)
}

func (s *Server) profile(c *conn) *Profile { return s.ProfileFor(c.listener.name, c.peer.Addr()) }
