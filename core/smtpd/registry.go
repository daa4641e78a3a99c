package smtpd

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Info is what is known of a live session.
type Info struct {
	Session uint64 // as in sdk.Conn
	ConnID  string
	Listen  string // the listen scope it came in by
	Peer    netip.AddrPort
	Local   netip.AddrPort
	Phase   logs.Phase // what it waited for last
	Since   time.Time  // since when
}

// entry is the part of a session that does not change while it lives.
type entry struct {
	info  Info
	scope string // listener_sessions counts by it
}

func (e *entry) set(listen string, c sdk.Conn) {
	e.info = Info{Session: c.Session, ConnID: c.ID, Listen: listen, Peer: c.Peer, Local: c.Local}
}

// registry is the live sessions.
type registry struct {
	mu       sync.Mutex
	sessions map[*session]struct{}
	scopes   map[string]int64
	// By peer, whatever the scope.
	addresses map[netip.Addr]int64
	networks  map[netip.Prefix]int64
	stopping  *notice
}

// add counts a session in, or says why not.
func (r *registry) add(s *session) *smtp.Reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.entry.scope = s.p.SessionScope
	switch {
	case r.stopping != nil:
		return r.stopping.reply
	case s.p.ServiceSessions > 0 && int64(len(r.sessions)) >= s.p.ServiceSessions,
		s.p.ListenerSessions > 0 && r.scopes[s.entry.scope] >= s.p.ListenerSessions:
		return replyConcurrency
	}
	peer := s.entry.info.Peer.Addr()
	if m := s.p.AddressSessions; m > 0 && r.addresses[peer] >= m {
		return replyConcurrency
	}
	if m := s.p.NetworkSessions; m > 0 && r.networks[network(peer)] >= m {
		return replyConcurrency
	}
	r.addresses[peer]++
	r.networks[network(peer)]++
	s.srv.Visits.Opened(s.entry.info.Peer.Addr())
	r.sessions[s] = struct{}{}
	r.scopes[s.entry.scope]++
	return nil
}

// count is how many sessions there are.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}

// remove counts a session out; one that was not let in is no loss.
func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.sessions[s]; !ok {
		return
	}
	s.srv.Visits.Closed(s.entry.info.Peer.Addr())
	delete(r.sessions, s)
	countOut(r.scopes, s.entry.scope)
	countOut(r.addresses, s.entry.info.Peer.Addr())
	countOut(r.networks, network(s.entry.info.Peer.Addr()))
}

func countOut[K comparable](m map[K]int64, key K) {
	if m[key]--; m[key] == 0 {
		delete(m, key)
	}
}

// stop refuses new sessions with n, and gives n to those there are.
func (r *registry) stop(n *notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = n
	for s := range r.sessions {
		s.poke(n)
	}
}

func (r *registry) each(do func(*session)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		do(s)
	}
}

// now is the session's Info with its changing part.
func (s *session) now() Info {
	i := s.entry.info
	i.Phase = logs.Phase(s.wire.phase.Load())
	i.Since = time.Unix(0, s.wire.waiting.Load())
	return i
}

// Sessions lists the live sessions, in no order.
func (s *Server) Sessions() []Info {
	var out []Info
	s.live.each(func(l *session) { out = append(out, l.now()) })
	return out
}

// Kick ends the sessions that match picks, with reply: at once where they wait
// for input, else when the command under way is answered. It gives their
// number. match must not call the server.
func (s *Server) Kick(match func(Info) bool, reply *smtp.Reply) int {
	n := &notice{reply: reply}
	count := 0
	s.live.each(func(l *session) {
		if match(l.now()) {
			l.poke(n)
			count++
		}
	})
	return count
}

// Match reads what the console's disconnect command names sessions by: a
// session number, a connection id, an address or a network.
func Match(text string) (func(Info) bool, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return func(i Info) bool { return i.Session == n }, nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return func(i Info) bool { return i.Peer.Addr() == a.Unmap() }, nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return func(i Info) bool { return p.Contains(i.Peer.Addr()) }, nil
	}
	// A connection id: "00/00-01974-EBDC39A4".
	if len(text) == 20 && text[2] == '/' {
		return func(i Info) bool { return i.ConnID == text }, nil
	}
	return nil, fmt.Errorf("%q is neither a session, an address nor a network", text)
}
