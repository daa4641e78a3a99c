package delivery

import (
	"strings"

	"golang.org/x/net/idna"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// address is an envelope address as this peer gets it. Where it lacks SMTPUTF8
// a domain becomes A-labels (RFC 5891 §5.3), which name the same mailbox; a local
// part has no such form, and false is the answer.
func (s *session) address(a smtp.Address) (smtp.Address, bool) {
	if s.ext.smtpUTF8 || ascii(a) {
		return a, true
	}
	local, domain := a.Split()
	if !ascii(smtp.Address(local)) {
		return a, false
	}
	puny, err := idna.Lookup.ToASCII(domain)
	return smtp.Address(local + "@" + puny), err == nil
}

// path is an address in angle brackets, as this peer gets it. refuseHere has
// settled what has none.
func (s *session) path(a smtp.Address) string {
	a, _ = s.address(a)
	return a.Path()
}

// addressable says that this peer can be told the sender and the recipient.
func (s *session) addressable(m *message.Message) bool {
	_, from := s.address(m.Sender)
	_, to := s.address(m.Recipient)
	return from && to
}

// printable says that an address cannot end its command line early.
func printable(a smtp.Address) bool {
	return strings.IndexFunc(string(a), func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// needsUTF8 says that a transaction with this message is declared SMTPUTF8 (RFC
// 6531 §3.4): its envelope has other characters than ASCII, or it was declared
// so and its content has.
func needsUTF8(m *message.Message) bool {
	return m.SMTPUTF8 && m.EightBit || !ascii(m.Sender) || !ascii(m.Recipient)
}

func ascii(a smtp.Address) bool {
	return strings.IndexFunc(string(a), func(r rune) bool { return r >= 0x80 }) < 0
}
