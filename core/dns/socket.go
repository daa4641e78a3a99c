package dns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// socket is one source port towards one server, with many queries under way
// told apart by their ids.
type socket struct {
	server netip.AddrPort
	conn   net.Conn

	mu      sync.Mutex
	sent    int64
	users   int  // queries under way on it
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
func (s *socket) register(w *waiter, timeout time.Duration) (uint16, error) {
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
		if _, taken := s.waiting[id]; taken {
			continue
		}
		s.waiting[id] = w
		w.timer = time.AfterFunc(timeout, func() {
			if s.forget(id) {
				w.heard(nil, errSilent)
			}
		})
		return id, nil
	}
}

// forget ends a query; false where that was done already.
func (s *socket) forget(id uint16) bool {
	s.mu.Lock()
	w, ok := s.waiting[id]
	delete(s.waiting, id)
	s.mu.Unlock()
	if ok {
		w.timer.Stop()
		s.release()
	}
	return ok
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
	w, ok := s.waiting[id]
	s.mu.Unlock()
	if !ok {
		return false
	}
	m := new(mdns.Msg)
	// A truncated response may end anywhere; what was read of it will do,
	// since it is asked for again over TCP.
	if err := m.Unpack(wire); err != nil && !m.Truncated {
		return false
	}
	if !matches(w.query, m) {
		return false
	}
	if !s.forget(id) {
		return false
	}
	w.heard(m, nil)
	return true
}

// fail ends every query under way.
func (s *socket) fail(err error) {
	s.mu.Lock()
	s.err = err
	ended := s.waiting
	s.waiting = map[uint16]*waiter{}
	s.mu.Unlock()
	for _, w := range ended {
		w.timer.Stop()
		s.release()
		w.heard(nil, err)
	}
}
