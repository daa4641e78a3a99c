package delivery

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/sdk/smtp"
)

var (
	errTLSInjection = errors.New("the peer sent more behind its reply to STARTTLS")
	errNoCA         = errors.New("tls_ca holds no certificate")
)

// secure brings TLS into the session as the tls option asks, and says EHLO
// again: what the peer said in clear is forgotten (RFC 3207 §4.2). tlsFailed
// is true where a fresh connection in clear might do.
func (s *session) secure(c *Courier, name string) (failed *queue.Result, tlsFailed bool) {
	mode := s.tlsMode()
	required := mode == "required" || mode == "verified"
	if mode != "ifavailable" && !required {
		return nil, false
	}
	if !s.ext.startTLS {
		s.tlsProblem = tlsrpt.NoSTARTTLS
		if required {
			return s.result(queue.TransientFailure, replyNoTLS), false
		}
		return nil, false
	}
	config, err := c.tlsConfig(s)
	if err != nil {
		return s.result(queue.TransientFailure, replyTLSFailed.WithCause(err)), false
	}
	s.tlsProblem = tlsrpt.ValidationFailure // until it has worked
	r, failed := s.command(stepSTARTTLS, "STARTTLS")
	switch {
	case failed != nil:
		return failed, true
	case r.Code != 220 && !required && s.opt.TLSFallback && !s.broken:
		return nil, false // we may go on without (RFC 3207 §4)
	case r.Code != 220:
		return s.result(queue.TransientFailure, stepSTARTTLS.silent.WithCause(r)), true
	}
	if err := s.handshake(config); err != nil {
		s.broken, s.tlsProblem = true, problemOf(err)
		if s.ctx.Err() != nil {
			return s.result(queue.NotAttempted, nil), false
		}
		return s.result(queue.TransientFailure, tlsReply(err)), true
	}
	s.tlsProblem = s.tlsFlaw
	return s.hello(name), false
}

func (s *session) handshake(config *tls.Config) error {
	s.stage = logs.StageHandshakingTLS
	if s.r.Buffered() > 0 {
		// Commands injected in clear would be taken for part of the protected
		// dialogue (RFC 3207 §4.2).
		return errTLSInjection
	}
	s.deadline(s.raw.SetDeadline, s.opt.EHLOTimeout)
	ctx, cancel := context.WithTimeout(s.ctx, s.opt.EHLOTimeout)
	defer cancel()
	conn := tls.Client(s.raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	s.conn = conn
	s.tap.Note("TLS")
	s.tls = secured(*s.tls, conn.ConnectionState(), s.tlsMode())
	return nil
}

// tlsReply words a failed handshake.
func tlsReply(err error) *smtp.Reply {
	var host x509.HostnameError
	var ca x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errDANE):
		return replyTLSADANE.WithCause(err)
	case errors.As(err, &host):
		return replyTLSHost.WithCause(err)
	case errors.As(err, &ca):
		return replyTLSCA.WithCause(err)
	}
	return replyTLSFailed.WithCause(err)
}

// tlsConfig is the client's side of TLS for a session's host. The checks of
// tls_verify are made here and not by crypto/tls, which knows all or nothing.
func (c *Courier) tlsConfig(s *session) (*tls.Config, error) {
	o, host := s.opt, s.target.host
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12, // RFC 8996
		InsecureSkipVerify: true,
	}
	if _, err := netip.ParseAddr(host); err != nil {
		config.ServerName = host
	}
	if err := c.clientCertificate(config, o); err != nil {
		return nil, err
	}
	check, err := c.peerCheck(o, host, s.target.guard)
	if err != nil {
		return nil, err
	}
	config.VerifyConnection = func(st tls.ConnectionState) error {
		verified, err := check.of(st)
		s.tls = shown(st, verified)
		if check.soft != nil {
			s.tlsFlaw = problemOf(check.soft)
		}
		return err
	}
	return config, nil
}

// trustAnchors are the certificates of tls_ca; nil: the system's.
func (c *Courier) trustAnchors(o *Options) (*x509.CertPool, error) {
	if o.TLSCA == "" {
		return nil, nil
	}
	pem, err := c.readFile(o.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("tls_ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errNoCA
	}
	return roots, nil
}

func (c *Courier) clientCertificate(config *tls.Config, o *Options) error {
	if o.TLSCert == "" || o.TLSCert == "none" {
		return nil
	}
	cert, err := c.readFile(o.TLSCert)
	if err != nil {
		return fmt.Errorf("tls_certificate: %w", err)
	}
	key, err := c.readFile(cmp.Or(o.TLSKey, o.TLSCert))
	if err != nil {
		return fmt.Errorf("tls_key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls_certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

// verify checks the peer's chain, and its name where there is one to check.
func verify(st tls.ConnectionState, roots *x509.CertPool, name string) error {
	if len(st.PeerCertificates) == 0 {
		return x509.UnknownAuthorityError{}
	}
	o := x509.VerifyOptions{Roots: roots, DNSName: name, Intermediates: x509.NewCertPool()}
	for _, cert := range st.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := st.PeerCertificates[0].Verify(o)
	return err
}
