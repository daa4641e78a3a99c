package dns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"

	mdns "github.com/miekg/dns"
)

// socket is one source port towards one server, with many queries under way
// told apart by their ids.
type socket struct {
	server netip.AddrPort
	conn   net.Conn

	mu      sync.Mutex
	sent    int64
	users   int  // exchanges that hold it
	retired bool // out of the pool: closes when the last user is gone
	err     error
	waiting map[uint16]*waiter
}

// use takes the socket for one query; true says that it has then sent its
// share and must leave the pool.
func (s *socket) use(limit int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	s.sent++
	s.retired = limit > 0 && s.sent >= limit
	return s.retired
}

// release gives the socket back. The last user of a retired one closes it.
func (s *socket) release() {
	s.mu.Lock()
	s.users--
	last := s.retired && s.users == 0
	s.mu.Unlock()
	if last {
		s.conn.Close()
	}
}

func (s *socket) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users > 0
}

// register finds a random id that is free (RFC 5452 §9.2).
func (s *socket) register(w *waiter) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if len(s.waiting) >= maxWaiting {
		return 0, errBusy
	}
	for {
		id := mdns.Id()
		if _, taken := s.waiting[id]; !taken {
			s.waiting[id] = w
			return id, nil
		}
	}
}

// forget ends a query, answered or not.
func (s *socket) forget(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// deliver hands a datagram to its waiter; false where it is nobody's. A wrong
// one is dropped and the query goes on waiting, so that a forger cannot end it
// (RFC 5452 §9.1).
func (s *socket) deliver(wire []byte) bool {
	if len(wire) < 12 {
		return false
	}
	id := binary.BigEndian.Uint16(wire)
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.waiting[id]
	if !ok {
		return false
	}
	m := new(mdns.Msg)
	// A truncated response may end anywhere; what was read of it will do,
	// since it is asked for again over TCP.
	if err := m.Unpack(wire); err != nil && !m.Truncated {
		return false
	}
	if !matches(w.question, m) {
		return false
	}
	delete(s.waiting, id)
	w.response <- m
	return true
}

// fail ends every query under way.
func (s *socket) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	for id, w := range s.waiting {
		delete(s.waiting, id)
		close(w.response)
	}
}

func (s *socket) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
