package dns

import (
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
	open    map[*socket]struct{} // those, and retired ones with queries under way
	buffers sync.Pool            // of *[querySize]byte
}

func newPool(c *Client) *pool {
	p := &pool{client: c, sockets: map[netip.AddrPort][]*socket{}, open: map[*socket]struct{}{}}
	p.buffers.New = func() any { return new([querySize]byte) }
	return p
}

// send sends a query. Unless it gives an error, heard is called once, on a
// goroutine that it must not hold up: with the response, or with the reason why none came within the
// settings' timeout.
func (p *pool) send(s *Settings, server netip.AddrPort, q query, heard func(*mdns.Msg, error)) error {
	sock, err := p.pick(s, server)
	if err != nil {
		return err
	}
	w := &waiter{query: q, heard: heard}
	id, err := sock.register(w, s.timeout)
	if err != nil {
		sock.release()
		return err
	}
	buf := p.buffers.Get().(*[querySize]byte)
	wire, err := q.pack(id, buf[:])
	if err == nil {
		_, err = sock.conn.Write(wire)
	}
	p.buffers.Put(buf)
	if err != nil && sock.forget(id) {
		return err
	}
	return nil // or somebody was faster to say that it failed
}

// pick chooses a socket at random, and opens one where the choice falls on a
// place not yet taken. The caller releases it.
func (p *pool) pick(s *Settings, server netip.AddrPort) (*socket, error) {
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
	return p.openLocked(s, server)
}

// openLocked adds a socket. It keeps the lock, since connecting a UDP socket
// does not wait, and a thousand lookups at once must not open a thousand.
func (p *pool) openLocked(s *Settings, server netip.AddrPort) (*socket, error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	conn, err := p.client.Dial(p.client.life, "udp", server.String())
	if err != nil {
		return nil, err
	}
	setBuffers(conn, s)
	sock := &socket{server: server, conn: conn, waiting: map[uint16]*waiter{}}
	if !sock.use(s.MaxQueriesPerPort) {
		p.sockets[server] = append(p.sockets[server], sock)
		p.count++
	}
	p.open[sock] = struct{}{}
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
	delete(p.open, sock)
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
	for sock := range p.open {
		sock.conn.Close()
	}
}

// waiter is a query under way. Who takes it out of its socket calls heard.
type waiter struct {
	query query
	heard func(*mdns.Msg, error)
	timer *time.Timer
}

// matches says whether a message is the response to a question (RFC 5452
// §9.1). Only a server that could not read the query may leave the question
// out.
func matches(q query, m *mdns.Msg) bool {
	if !m.Response || m.Opcode != mdns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented
	}
	got := m.Question[0]
	return len(m.Question) == 1 && got.Qtype == q.qtype && got.Qclass == mdns.ClassINET &&
		strings.EqualFold(got.Name, q.name)
}
