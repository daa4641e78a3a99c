package smtpd

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// presets is the connection context as it begins.
func (s *session) presets(peer netip.Addr) sdk.Dict {
	d := make(sdk.Dict, 0, 8+len(s.p.Context))
	d.Set("pathway", s.p.pathway())
	if s.p.PathwayGroup != "" {
		d.Set("pathway_group", s.p.PathwayGroup) // the macro %PG reads it
	}
	for _, key := range slices.Sorted(maps.Keys(s.p.Context)) {
		d.Set(key, s.p.Context[key])
	}
	if s.p.relay.peer(peer) {
		d.Set(varCanRelay, "true")
	}
	return d
}

// connect takes a connection in: limits, implicit TLS, policy, banner.
func (s *session) connect() error {
	s.srv.Visits.Connected(s.entry.info.Peer.Addr())
	if r := s.srv.live.add(s); r != nil {
		s.closing = true
		return s.refuse(logs.PhaseConcurrencyLimit, r)
	}
	if s.p.UseSSL {
		if err := s.handshake(); err != nil {
			return err
		}
	}
	asked := s.vs.Wants(sdk.CoreValidateAccept) || s.vs.Wants(sdk.ValidateConnect) || s.vs.Wants(sdk.CoreValidateConnect)
	if asked {
		if err := s.noteEarlyTalker(s.srv.live.count() == 1); err != nil {
			return err
		}
	}
	chosen, _ := s.hooks(sdk.Phase{Hook: sdk.CoreValidateAccept}, sdk.Phase{Hook: sdk.ValidateConnect}, sdk.Phase{Hook: sdk.CoreValidateConnect})
	if chosen.Refuses() {
		// RFC 5321 §3.1 lets a server that said 554 wait for QUIT; nothing is
		// gained by that, and the peer knows that the end has come.
		s.closing = true
		return s.refuse(logs.PhaseConnected, chosen)
	}
	if asked { // policy took its time, and may have held the banner back
		if err := s.noteEarlyTalker(false); err != nil {
			return err
		}
	}
	s.ownCaps = len(s.caps)
	s.banner(chosen)
	return nil
}

// banner greets (RFC 5321 §4.2, §4.3.1).
func (s *session) banner(chosen *smtp.Reply) {
	if s.p.banner != nil && (chosen == nil || !chosen.Positive()) {
		s.wire.reply(s.p.banner)
		return
	}
	host := s.p.BannerHost
	if host == "" {
		host = s.srv.Hostname()
	}
	s.succeed(chosen, 220, "220 "+host+" ESMTP\r\n")
}

// noteEarlyTalker sets early_talker where the peer has spoken before the banner
// (RFC 5321 §4.3.1 has it wait). Policy alone uses it, so it is looked at only
// where policy is asked. A peer that hung up already, as health checks do, is an
// error: policy is not troubled with it. With grace, the look takes up to
// graceTime.
func (s *session) noteEarlyTalker(grace bool) error {
	tcp, ok := s.wire.raw.(*net.TCPConn)
	if !ok || s.tls {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	spoke, gone := false, false
	if grace {
		if err := tcp.SetReadDeadline(time.Now().Add(graceTime)); err != nil {
			return err
		}
	}
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		spoke, gone = err == nil && n > 0, err == nil && n == 0
		return spoke || gone || !grace
	})
	switch {
	case gone:
		return io.EOF
	case spoke:
		s.vs.State.Conn.Context.Set("early_talker", "yes")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = nil // the peer waits for the banner, as it should
	}
	if grace && err == nil {
		err = tcp.SetReadDeadline(time.Time{})
	}
	return err
}

// graceTime is how long a server without other sessions waits to see whether a
// peer talks early or hangs up at once; a busy one looks only once.
const graceTime = 2 * time.Millisecond
