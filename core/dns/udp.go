package dns

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

const (
	// socketsPerServer is among how many source ports a query is spread: with
	// the id that is 20 bits for a forger to guess, and fresh ones all the
	// time (RFC 5452 §9.2).
	socketsPerServer = 16
	// maxSockets bounds all sockets, since a script may name any server.
	maxSockets = 512
	// maxWaiting bounds the queries under way on one socket, so that a free
	// random id is found at once.
	maxWaiting = 8192
	// idleSocket is how long a socket lives with nothing under way.
	idleSocket = 30 * time.Second
)

var (
	errMismatch = errors.New("dns: the response does not match the question")
	errSilent   = errors.New("dns: no response in time")
	errBusy     = errors.New("dns: too many queries under way")
)

// pool is the UDP side: connected sockets, a few for each server, each with a
// goroutine that hands responses to who waits for them. Connected, because the
// kernel then drops what comes from elsewhere and reports a dead server.
type pool struct {
	client *Client

	mu      sync.Mutex
	closed  bool
	count   int
	sockets map[netip.AddrPort][]*socket
}

// exchange sends a query and waits for its response, at most the settings'
// timeout.
func (p *pool) exchange(ctx context.Context, s *Settings, server netip.AddrPort, query *mdns.Msg) (*mdns.Msg, error) {
	sock, err := p.pick(ctx, s, server)
	if err != nil {
		return nil, err
	}
	defer sock.release()
	w := &waiter{question: query.Question[0], response: make(chan *mdns.Msg, 1)}
	if query.Id, err = sock.register(w); err != nil {
		return nil, err
	}
	defer sock.forget(query.Id)
	wire, err := query.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := sock.conn.Write(wire); err != nil {
		return nil, err
	}
	t := time.NewTimer(s.timeout)
	defer t.Stop()
	select {
	case m, ok := <-w.response:
		if !ok {
			return nil, sock.failure()
		}
		return m, nil
	case <-t.C:
		return nil, errSilent
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pick chooses a socket at random, and opens one where the choice falls on a
// place not yet taken. The caller releases it.
func (p *pool) pick(ctx context.Context, s *Settings, server netip.AddrPort) (*socket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.sockets[server]
	i := rand.IntN(socketsPerServer)
	full := p.count >= maxSockets
	if full && len(list) > 0 {
		i %= len(list)
	}
	switch {
	case i < len(list):
		if sock := list[i]; !sock.use(s.MaxQueriesPerPort) {
			return sock, nil
		}
		p.removeLocked(list[i])
		return list[i], nil
	case full:
		return nil, errBusy
	}
	return p.openLocked(ctx, s, server)
}

// openLocked adds a socket. It keeps the lock, since connecting a UDP socket
// does not wait, and a thousand lookups at once must not open a thousand.
func (p *pool) openLocked(ctx context.Context, s *Settings, server netip.AddrPort) (*socket, error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	conn, err := p.client.Dial(ctx, "udp", server.String())
	if err != nil {
		return nil, err
	}
	setBuffers(conn, s)
	sock := &socket{server: server, conn: conn, waiting: map[uint16]*waiter{}}
	if !sock.use(s.MaxQueriesPerPort) {
		p.sockets[server] = append(p.sockets[server], sock)
		p.count++
	}
	p.client.wg.Go(func() { p.receive(sock) })
	return sock, nil
}

// setBuffers asks for the configured sizes; the kernel gives what it may.
func setBuffers(conn net.Conn, s *Settings) {
	u, ok := conn.(*net.UDPConn)
	if !ok {
		return
	}
	if s.ReceiveBuffer > 0 {
		u.SetReadBuffer(int(s.ReceiveBuffer))
	}
	if s.SendBuffer > 0 {
		u.SetWriteBuffer(int(s.SendBuffer))
	}
}

// receive hands out what comes in on a socket until it fails, is retired, or
// has nothing to do for a while.
func (p *pool) receive(sock *socket) {
	defer sock.conn.Close()
	buf := make([]byte, 4096)
	for {
		// Real time: a deadline of the kernel's.
		sock.conn.SetReadDeadline(time.Now().Add(idleSocket))
		n, err := sock.conn.Read(buf)
		if err == nil {
			if !sock.deliver(buf[:n]) {
				p.client.counts.bad.Add(1)
			}
			continue
		}
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() && !p.removeIdle(sock) {
			continue
		}
		p.remove(sock)
		sock.fail(err)
		return
	}
}

func (p *pool) remove(sock *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeLocked(sock)
}

// removeIdle takes out a socket that nobody uses. Nobody can begin to, since
// pick holds the same lock.
func (p *pool) removeIdle(sock *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sock.busy() {
		return false
	}
	p.removeLocked(sock)
	return true
}

// removeLocked takes a socket out of the pool; queries under way on it still
// get their responses.
func (p *pool) removeLocked(sock *socket) {
	list := p.sockets[sock.server]
	for i := range list {
		if list[i] != sock {
			continue
		}
		p.sockets[sock.server] = append(list[:i:i], list[i+1:]...)
		p.count--
		break
	}
	if len(p.sockets[sock.server]) == 0 {
		delete(p.sockets, sock.server)
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, list := range p.sockets {
		for _, sock := range list {
			sock.conn.Close()
		}
	}
}

// waiter is a query under way.
type waiter struct {
	question mdns.Question
	response chan *mdns.Msg // closed without a message when the socket fails
}

// matches says whether a message is the response to a question (RFC 5452
// §9.1). Only a server that could not read the query may leave the question
// out.
func matches(q mdns.Question, m *mdns.Msg) bool {
	if !m.Response || m.Opcode != mdns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented
	}
	got := m.Question[0]
	return len(m.Question) == 1 && got.Qtype == q.Qtype && got.Qclass == q.Qclass &&
		strings.EqualFold(got.Name, q.Name)
}
