package smtpd

import (
	"strings"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// dsn says that this session offers DSN (RFC 3461).
func (s *session) dsn() bool { return s.offered("DSN", s.p.offers("DSN", false)) }

const (
	maxEnvID = 100 // characters (RFC 3461 §4.4)
	maxORcpt = 500 // characters (RFC 3461 §4.2)
)

// parseRet reads the value of RET (RFC 3461 §4.3).
func parseRet(value string) (string, bool) {
	value = strings.ToUpper(value)
	return value, value == "FULL" || value == "HDRS"
}

// parseRcptDSN reads the parameters of RCPT (RFC 3461 §4.1, §4.2). Each may come
// once.
func parseRcptDSN(rest string) (d message.DSN, refusal *smtp.Reply) {
	var notified bool
	for field := range strings.FieldsSeq(rest) {
		key, value, _ := strings.Cut(field, "=")
		good := false
		switch {
		case strings.EqualFold(key, "NOTIFY") && !notified:
			notified = true
			d.Notify, good = message.ParseNotify(value)
		case strings.EqualFold(key, "ORCPT") && d.ORcpt == "":
			kind, text, typed := strings.Cut(value, ";")
			d.ORcpt, good = value, typed && kind != "" && text != "" && len(value) <= maxORcpt && isXtext(text)
		case strings.EqualFold(key, "NOTIFY"), strings.EqualFold(key, "ORCPT"):
		default:
			return d, replyNoParam
		}
		if !good {
			return d, replyBadParam
		}
	}
	return d, nil
}

// isXtext says that a value is xtext (RFC 3461 §4): printable ASCII but + and =,
// or + and two hexadecimal digits. RFC 6533 §3 adds \x{...}, which is printable.
func isXtext(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < '!' || c > '~' || c == '=':
			return false
		case c == '+':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		}
	}
	return true
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

// keepDSN remembers what was asked for a recipient.
func (s *session) keepDSN(to smtp.Address, d message.DSN) {
	if d == (message.DSN{}) {
		return
	}
	if s.txn.notices == nil {
		s.txn.notices = map[smtp.Address]message.DSN{}
	}
	s.txn.notices[to] = d
}
