package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Listen is one endpoint of the console.
type Listen struct {
	Addr string      // a socket's path, or host:port
	Mode os.FileMode // of a socket's path; 0: 0660
	Idle time.Duration
}

// Bounds of a connection.
const (
	maxRequest  = 64 << 10
	maxConsoles = 100
	defaultIdle = 60 * time.Second
	chunkSize   = 32 << 10
)

// Server answers consoles. Its fields are set before Start.
type Server struct {
	Table *Table
	// Guard gives the guard of an endpoint for a peer; it is asked anew for
	// each connection. peer is not valid where it is a Unix socket's. nil, and
	// a nil Guard: whoever connects gives orders.
	Guard func(listen string, peer netip.AddrPort) *Guard

	endpoints []Listen
	pause     func(context.Context) // after a wrong login; nil: pauseLogin

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[net.Conn]bool
	running   sync.WaitGroup
	ctx       context.Context
	cancel    context.CancelFunc
}

// Listen opens all endpoints, or none. Consoles that come before Start wait.
func (s *Server) Listen(endpoints []Listen) error {
	s.conns = map[net.Conn]bool{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, e := range endpoints {
		l, err := listen(e)
		if err != nil {
			s.Stop()
			return fmt.Errorf("control listener %s: %w", e.Addr, err)
		}
		s.listeners = append(s.listeners, l)
		s.endpoints = append(s.endpoints, e)
	}
	return nil
}

// Start begins to answer.
func (s *Server) Start() {
	for i, l := range s.listeners {
		s.running.Add(1)
		go s.accept(l, s.endpoints[i])
	}
}

// listen opens an endpoint. A socket left behind by a process that is gone is
// replaced; one that answers is not.
func listen(e Listen) (net.Listener, error) {
	if !filepath.IsAbs(e.Addr) {
		return net.Listen("tcp", e.Addr)
	}
	if c, err := net.DialTimeout("unix", e.Addr, time.Second); err == nil {
		c.Close()
		return nil, errors.New("another process answers on this socket")
	}
	if st, err := os.Lstat(e.Addr); err == nil && st.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(e.Addr); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(e.Addr), 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", e.Addr)
	if err != nil {
		return nil, err
	}
	mode := e.Mode
	if mode == 0 {
		mode = 0o660
	}
	if err := os.Chmod(e.Addr, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (s *Server) accept(l net.Listener, e Listen) {
	defer s.running.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			return // the listener was closed
		}
		if !s.admit(c) {
			c.Close()
			continue
		}
		go s.serve(c, e)
	}
}

func (s *Server) admit(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= maxConsoles || s.ctx.Err() != nil {
		return false
	}
	s.conns[c] = true
	s.running.Add(1)
	return true
}

func (s *Server) serve(c net.Conn, e Listen) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
		s.running.Done()
	}()
	idle := e.Idle
	if idle <= 0 {
		idle = defaultIdle
	}
	in := bufio.NewReaderSize(c, maxRequest)
	g := s.guard(c, e)
	for {
		if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if err := s.answer(c, g, line); err != nil {
			return
		}
	}
}

// answer runs one request and writes its reply.
func (s *Server) answer(c net.Conn, g *caller, line []byte) error {
	out := &reply{w: c}
	if isLogin(line) {
		return g.login(s.ctx, line, out)
	}
	var words []string
	err := json.Unmarshal(line, &words)
	if err != nil {
		err = errors.New("a request is a JSON array of words")
	} else if err = g.may(s.ctx, words); err == nil {
		err = s.Table.Run(s.ctx, words, &Call{Writer: out, Peer: peerName(c), Slot: &g.slot})
	}
	if errors.Is(err, errLoginFirst) {
		return out.finish(statusLogin)
	}
	if err != nil {
		fmt.Fprintln(out, err.Error())
	}
	return out.end(err == nil)
}

func peerName(c net.Conn) string {
	if a := c.RemoteAddr(); a.Network() != "unix" {
		return a.String()
	}
	return "local"
}

// Stop closes every endpoint and ends the consoles.
func (s *Server) Stop() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	for _, l := range s.listeners {
		l.Close()
	}
	s.listeners, s.endpoints = nil, nil
	s.mu.Lock()
	for c := range s.conns {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // ends those that wait; a reply under way goes out
	}
	s.mu.Unlock()
	s.running.Wait()
}

// reply writes chunks.
type reply struct {
	w   net.Conn
	err error
}

// writeTimeout bounds a chunk to a console that does not read.
const writeTimeout = 30 * time.Second

// Write sends p as chunks.
func (r *reply) Write(p []byte) (int, error) {
	sent := 0
	for len(p) > 0 && r.err == nil {
		n := min(len(p), chunkSize)
		r.send(append(fmt.Appendf(nil, "+%d\n", n), p[:n]...))
		p = p[n:]
		sent += n
	}
	return sent, r.err
}

func (r *reply) send(b []byte) {
	if r.err = r.w.SetWriteDeadline(time.Now().Add(writeTimeout)); r.err == nil {
		_, r.err = r.w.Write(b)
	}
}

func (r *reply) end(ok bool) error {
	if ok {
		return r.finish(0)
	}
	return r.finish(1)
}

func (r *reply) finish(status int) error {
	if r.err == nil {
		r.send(fmt.Appendf(nil, ".%d\n", status))
	}
	return r.err
}

var _ io.Writer = (*reply)(nil)
