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
	if r := s.srv.live.add(s); r != nil {
		s.srv.Visits.Connected(s.entry.info.Peer.Addr())
		s.closing = true
		return s.refuse(logs.PhaseConcurrencyLimit, r)
	}
	if err := s.proxied(); err != nil || s.closing {
		return err
	}
	s.srv.Visits.Connected(s.entry.info.Peer.Addr())
	if s.srv.rates.take(s, s.p.ConnectionRate) {
		s.closing = true
		return s.refuse(logs.PhaseConcurrencyLimit, replyConnRate)
	}
	if s.p.UseSSL {
		if err := s.handshake(); err != nil {
			return err
		}
	}
	if err := s.pause(); err != nil || s.closing {
		return err
	}
	asked := s.vs.Wants(sdk.CoreValidateAccept) || s.vs.Wants(sdk.ValidateConnect) || s.vs.Wants(sdk.CoreValidateConnect)
	if asked {
		if err := s.noteEarlyTalker(s.grace()); err != nil {
			return err
		}
	}
	chosen, refused := s.admit()
	if refused {
		return nil
	}
	if asked { // policy took its time, and may have held the banner back
		if err := s.noteEarlyTalker(0); err != nil {
			return err
		}
	}
	s.banner(chosen)
	return nil
}

// admit asks policy about the connection, and gives the reply that it chose.
func (s *session) admit() (chosen *smtp.Reply, refused bool) {
	chosen, _ = s.hooks(sdk.Phase{Hook: sdk.CoreValidateAccept}, sdk.Phase{Hook: sdk.ValidateConnect}, sdk.Phase{Hook: sdk.CoreValidateConnect})
	s.ownCaps = len(s.caps)
	if chosen.Refuses() {
		// RFC 5321 §3.1 lets a server that said 554 wait for QUIT; nothing is
		// gained by that, and the peer knows that the end has come.
		s.closing = true
		_ = s.refuse(logs.PhaseConnected, chosen)
		return nil, true
	}
	return chosen, false
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

// grace is how long the look for an early talker may take.
func (s *session) grace() time.Duration {
	if s.srv.live.count() == 1 {
		return graceTime
	}
	return 0
}

// varEarlyTalker is the connection variable of that name (reference/modules.tsv,
// conntrol).
const varEarlyTalker = "early_talker"

// noteEarlyTalker sets early_talker where the peer has spoken before the banner
// (RFC 5321 §4.3.1 has it wait). Policy alone uses it, so it is looked at only
// where policy is asked. A peer that hung up already, as health checks do, is an
// error: policy is not troubled with it. The look takes up to grace.
func (s *session) noteEarlyTalker(grace time.Duration) error {
	tcp, ok := s.wire.raw.(*net.TCPConn)
	if !ok || s.tls {
		return nil
	}
	if len(s.wire.buffered()) > 0 { // behind a PROXY header
		s.vs.State.Conn.Context.Set(varEarlyTalker, "yes")
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	spoke, gone := false, false
	if grace > 0 {
		if err := tcp.SetReadDeadline(time.Now().Add(grace)); err != nil {
			return err
		}
	}
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		spoke, gone = err == nil && n > 0, err == nil && n == 0
		return spoke || gone || grace <= 0
	})
	switch {
	case gone:
		return io.EOF
	case spoke:
		s.vs.State.Conn.Context.Set(varEarlyTalker, "yes")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = nil // the peer waits for the banner, as it should
	}
	if grace > 0 && err == nil {
		err = tcp.SetReadDeadline(time.Time{})
	}
	return err
}

// graceTime is how long a server without other sessions waits to see whether a
// peer talks early or hangs up at once; a busy one looks only once.
const graceTime = 2 * time.Millisecond
