package smtpd

import (
	"net/netip"
	"sync"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// network is what sessions_per_network counts by: /24, or /64 for IPv6.
func network(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// rateKey is what a rate counts by: an address, or a /64, which one host has.
func rateKey(a netip.Addr) netip.Addr {
	if a.Is6() {
		return network(a).Addr()
	}
	return a
}

// rates are the limits of addresses: of their connections, or of their failures
// at AUTH.
type rates struct {
	mu  sync.Mutex
	all map[rated]*throttle.Limiter
}

// rated is an address and its rate, which listeners may differ in.
type rated struct {
	addr netip.Addr
	rate option.Throttle
}

// maxRated bounds the addresses that rates remembers. Beyond it all begin anew:
// better a burst than no memory.
const maxRated = 100_000

// take counts one event of a session's address, and reports one too many.
func (r *rates) take(s *session, rate option.Throttle) bool {
	if rate.Count <= 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := rated{rateKey(s.entry.info.Peer.Addr()), rate}
	one := r.all[key]
	if one == nil {
		if r.all == nil || len(r.all) >= maxRated {
			r.all = map[rated]*throttle.Limiter{}
		}
		one = throttle.New(rate)
		r.all[key] = one
	}
	_, ok := one.Take(s.srv.Now(), 1)
	return !ok
}

// spent reports an address whose next event would be one too many.
func (r *rates) spent(s *session, rate option.Throttle) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[rated{rateKey(s.entry.info.Peer.Addr()), rate}].Spent(s.srv.Now())
}

// count sees to the limits of commands. It reports a session that is to end.
func (s *session) count(v *verb) bool {
	s.commands++
	if v != nil && v.junk {
		s.junk++
	}
	if m := s.p.MaxCommands; m > 0 && int64(s.commands) > m {
		_ = s.refuse(s.phase(), replyMaxCommands)
		return true
	}
	if m := s.p.MaxJunk; m > 0 && int64(s.junk) > m {
		_ = s.refuse(s.phase(), replyTooManyBad)
		return true
	}
	if s.p.CommandRate.Count > 0 {
		if s.pacer == nil {
			s.pacer = throttle.New(s.p.CommandRate)
		}
		s.await(s.pacer, time.Minute)
	}
	return false
}

// await holds the session back until l has room for one, at most that long.
func (s *session) await(l *throttle.Limiter, most time.Duration) bool {
	for waited := time.Duration(0); ; {
		wait, ok := l.Take(s.srv.Now(), 1)
		if ok {
			return true
		}
		if waited += wait; waited > most || s.srv.ctx.Err() != nil {
			return false
		}
		s.tarpit(wait)
	}
}

// throttleWait is how long a message waits for its turn (inbound_throttle_messages)
// before its sender is told to come again.
const throttleWait = 10 * time.Second

// Small contents are not worth counting.
const holdStep = 4 << 10

// hold takes n octets of what receptions may keep in memory together.
func (s *session) hold(n int64) bool {
	if total := s.srv.held.Add(n); s.p.MaxMemory > 0 && total > s.p.MaxMemory {
		s.srv.held.Add(-n)
		return false
	}
	s.txn.held += n
	return true
}

// charge counts the content that is kept in memory: the header section, and as
// much of a body as may stay there.
func (s *session) charge() {
	c := &s.content
	kept := c.size
	if c.inBody {
		if s.txn.header == 0 {
			s.txn.header = max(c.size, 1)
		}
		kept = min(kept, s.txn.header+sdk.MaxInlineBody)
	}
	if n := kept - s.txn.counted; n >= holdStep {
		if s.txn.counted = kept; !s.hold(n) {
			c.fail(replyNoMemory)
		}
	}
}

// envelopeFull counts a recipient, and reports one too many.
func (s *session) envelopeFull(to smtp.Address) bool {
	const entry = 64 // of what is kept beside the address
	n := int64(len(to)) + entry
	if m := s.p.MaxEnvelope; m > 0 && s.txn.envelope+n > m {
		return true
	}
	s.txn.envelope += n
	return s.txn.envelope > holdStep && !s.hold(n)
}

// pause waits before the banner for a peer that does not, and sends the first
// lines of the greeting (manual, conntrol).
func (s *session) pause() error {
	if s.p.BannerPause <= 0 || s.tls {
		return nil
	}
	s.wire.say(s.p.greeting)
	if err := s.wire.flush(); err != nil {
		return err
	}
	if err := s.noteEarlyTalker(s.p.BannerPause); err != nil {
		return err
	}
	if early, _ := s.vs.State.Conn.Context.Get(varEarlyTalker); early != "" && s.p.early != nil {
		s.closing = true
		return s.refuse(logs.PhaseConnected, s.p.early)
	}
	return nil
}
