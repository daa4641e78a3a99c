package smtpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Listener is one listening socket. Start begins to accept; until then peers
// wait in the backlog.
type Listener struct {
	srv    *Server
	name   string
	ln     net.Listener
	once   sync.Once
	tuned  Socket
	closed chan struct{}
}

// Listen opens the socket of a listen scope, named as in the configuration:
// "192.0.2.1:25", "[2001:db8::1]:25", ":25" or "*:25" for all IPv4 addresses,
// "[*]:25" for all of IPv6, or the path of a Unix socket.
func (s *Server) Listen(name string, o Socket) (*Listener, error) {
	network, address := listenAddress(name)
	// Keep-alive probes would find out later than idle_time what it finds out,
	// and cost four system calls a connection; begin turns them on for sessions
	// without idle_time.
	lc := net.ListenConfig{KeepAlive: -1}
	ln, err := lc.Listen(context.Background(), network, address)
	if err != nil {
		return nil, fmt.Errorf("listen %q: %w", name, err)
	}
	l := &Listener{srv: s, name: name, ln: ln, closed: make(chan struct{})}
	l.Tune(o)
	s.mu.Lock()
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	return l, nil
}

func listenAddress(name string) (network, address string) {
	switch {
	case strings.Contains(name, "/"):
		return "unix", name
	case strings.HasPrefix(name, "[*]:"):
		return "tcp6", "[::]" + name[3:]
	case strings.HasPrefix(name, "*:"):
		return "tcp4", name[1:]
	case strings.HasPrefix(name, ":"):
		return "tcp4", name
	}
	return "tcp", name
}

// Addr is the address listened at.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Start begins to accept.
func (l *Listener) Start() {
	l.srv.startSweeps()
	l.srv.wg.Add(1)
	go l.accept()
}

// Close ends accepting; sessions live on.
func (l *Listener) Close() {
	l.once.Do(func() {
		close(l.closed)
		// The socket is gone either way.
		_ = l.ln.Close()
	})
	l.srv.mu.Lock()
	delete(l.srv.listeners, l)
	l.srv.mu.Unlock()
}

func (s *Server) closeListeners() {
	s.mu.Lock()
	var all []*Listener
	for l := range s.listeners {
		all = append(all, l)
	}
	s.mu.Unlock()
	for _, l := range all {
		l.Close()
	}
}

// accept hands each connection to a session of its own. An error that is not
// the listener's end, such as too many open files, is waited out.
func (l *Listener) accept() {
	defer l.srv.wg.Done()
	var delay time.Duration
	for {
		conn, err := l.ln.Accept()
		if err == nil {
			delay = 0
			l.srv.wg.Add(1)
			go l.srv.pool.Get().(*session).serve(l.name, conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if delay == 0 { // once until it works again
			l.srv.Problem(fmt.Sprintf("esmtp_listener: accept at %s: %v", l.name, err))
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		select {
		case <-l.srv.After(delay):
		case <-l.closed:
			return
		}
	}
}
