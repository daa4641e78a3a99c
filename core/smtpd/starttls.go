package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
)

// handshakeTime bounds a TLS handshake.
const handshakeTime = 60 * time.Second

// starttls is RFC 3207.
func (s *session) starttls(arg string) error {
	switch {
	case arg != "":
		return s.refuse(logs.PhaseAwaitingMail, replyNoArgument)
	case s.tls:
		return s.refuse(logs.PhaseAwaitingMail, replyTLSOn)
	case !s.p.startsTLS() || !s.offered("STARTTLS", true):
		return s.refuse(logs.PhaseAwaitingMail, replyNotDone)
	}
	// What came in the clear behind STARTTLS may have been put there by
	// somebody on the way (CVE-2011-0411). It is never carried over.
	if len(s.wire.buffered()) > 0 && s.p.Injection != "ignore" {
		s.closing = true
		return s.refuse(logs.PhaseAwaitingMail, replyInjection)
	}
	s.wire.discard()
	s.endTransaction()
	if at := &s.vs.State.Conn; at.Peer != s.real.peer || at.Local != s.real.local {
		s.logOut()
		if err := s.rehome(s.real); err != nil || s.closing { // XCLIENT was in the clear
			return err
		}
	}
	s.wire.say(sayStartTLS)
	if err := s.wire.flush(); err != nil {
		return err
	}
	if err := s.handshake(); err != nil {
		return err
	}
	// RFC 3207 §4.2: forget what the client said before.
	s.esmtp, s.helo = false, ""
	ctx := &s.vs.State.Conn.Context
	ctx.Delete("ehlo_string")
	ctx.Delete("ehlo_domain")
	s.forgetLogin()
	return nil
}

// handshake puts TLS on the connection. Where it fails the session ends without
// another word: nothing may follow in the clear.
func (s *session) handshake() error {
	limit := handshakeTime
	if s.p.IdleTime > 0 {
		limit = min(limit, s.p.IdleTime)
	}
	inner := s.wire.conn
	if rest := s.wire.buffered(); len(rest) > 0 { // behind a PROXY header
		inner = &unread{inner, bytes.Clone(rest)}
		s.wire.discard()
	}
	conn := tls.Server(inner, s.p.tls)
	ctx, cancel := context.WithTimeout(s.srv.ctx, limit)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		s.silent = true
		s.logRejection(logs.PhaseSetup, replyTLSFailed.WithCause(err))
		return err
	}
	s.wire.conn = conn
	s.wire.tap.Note("TLS")
	s.wire.armed = time.Time{}
	s.tls = true
	s.describeTLS(conn.ConnectionState())
	return nil
}

// describeTLS sets the tls variables (reference/lua-api.tsv).
func (s *session) describeTLS(st tls.ConnectionState) {
	ctx := &s.vs.State.Conn.Context
	DescribeTLS(ctx, st)
	if len(st.VerifiedChains) > 0 && s.p.TLSPeerCanRelay {
		ctx.Set(varCanRelay, "true")
	}
}

// DescribeTLS sets the tls variables of a connection (reference/lua-api.tsv).
func DescribeTLS(ctx *sdk.Dict, st tls.ConnectionState) {
	name := tls.CipherSuiteName(st.CipherSuite)
	ctx.Set("tls", "on")
	ctx.Set("tls_cipher", opensslName(name))
	ctx.Set("tls_cipher_algbits", suiteBits(name))
	ctx.Set("tls_cipher_usebits", suiteBits(name))
	if len(st.PeerCertificates) > 0 {
		cert := st.PeerCertificates[0]
		ctx.Set("tls_client_cert_subject", cert.Subject.String())
		ctx.Set("tls_client_cert_subject_cn", cert.Subject.CommonName)
		ctx.Set("tls_client_cert_issuer", cert.Issuer.String())
		ctx.Set("tls_client_cert_issuer_cn", cert.Issuer.CommonName)
	}
	if len(st.VerifiedChains) > 0 {
		ctx.Set("tls_client_verified", "yes")
	}
}
