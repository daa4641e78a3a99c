package smtpd

import (
	"net/netip"
	"time"
)

// received is the value of the Received field (RFC 5321 §4.4), folded.
func (s *session) received() string {
	st := s.vs.State
	b := make([]byte, 0, 256)
	b = append(b, "from "...)
	b = appendHost(b, s.helo)
	b = append(b, " ("...)
	b = appendLiteral(b, st.Conn.Peer.Addr())
	b = append(b, ")\r\n\tby "...)
	b = append(b, s.receivedHost()...)
	b = append(b, " with "...)
	b = append(b, s.withProtocol()...)
	b = append(b, " id "...)
	b = append(b, st.Message.BatchID...)
	// Naming one of several would tell each of the others (RFC 5321 §7.2).
	if len(st.Message.Recipients) == 1 {
		b = append(b, "\r\n\tfor "...)
		b = append(b, st.Message.Recipients[0].Path()...)
	}
	b = append(b, ";\r\n\t"...)
	return string(s.srv.Now().AppendFormat(b, time.RFC1123Z))
}

func (s *session) receivedHost() string {
	if s.p.ReceivedHost != "" {
		return s.p.ReceivedHost
	}
	return s.srv.Hostname()
}

// withProtocol is the protocol's name (RFC 3848; RFC 6531 §4.3).
func (s *session) withProtocol() string {
	switch {
	case s.login.user != "":
		return s.withLogin()
	case s.txn.utf8 && s.tls:
		return "UTF8SMTPS"
	case s.txn.utf8:
		return "UTF8SMTP"
	case s.tls:
		return "ESMTPS"
	case s.esmtp:
		return "ESMTP"
	}
	return "SMTP"
}

// appendHost appends what the client called itself, with the characters that
// could end the word, or begin a comment, made harmless.
func appendHost(b []byte, name string) []byte {
	if name == "" {
		return append(b, "unknown"...)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == ':', c == '[', c == ']':
			b = append(b, c)
		default:
			b = append(b, '?')
		}
	}
	return b
}

// appendLiteral appends an address literal (RFC 5321 §4.1.3).
func appendLiteral(b []byte, a netip.Addr) []byte {
	b = append(b, '[')
	if a.Is6() {
		b = append(b, "IPv6:"...)
	}
	b = a.WithZone("").AppendTo(b)
	return append(b, ']')
}
