package smtpd

import (
	"crypto/tls"

	"github.com/mtad/mtad/sdk/smtp"
)

// ServerTLS makes the TLS configuration of a listener that takes mail, of the
// tls options of o: nil where no certificate is set.
func ServerTLS(o *Options) (*tls.Config, error) { return newTLS(o) }

// ListenAddress is a listen scope's name as net.Listen takes it (Server.Listen).
func ListenAddress(name string) (network, address string) { return listenAddress(name) }

// ParseMailbox reads a mailbox in or without angle brackets by the grammar of
// RFC 5321 §4.1.2; "<>" is the null sender. utf8 says that it needs SMTPUTF8
// (RFC 6531). A mailbox without a domain is none, and neither is a source route.
func ParseMailbox(text string) (addr smtp.Address, utf8, ok bool) {
	if len(text) == 0 || text[0] != '<' {
		text = "<" + text + ">"
	}
	p, rest, ok := parsePath(text, grammar{strict: true})
	if !ok || rest != "" || text[1] == '@' || p.domain == "" && text != "<>" {
		return "", false, false
	}
	return p.addr, p.intl, true
}
