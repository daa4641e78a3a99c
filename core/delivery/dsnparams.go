package delivery

import (
	"github.com/mtad/mtad/core/message"
)

// mailDSN are the parameters of MAIL that hand a sender's wishes about
// notifications on to a peer that knows them (RFC 3461 §5.2.1).
func (s *session) mailDSN(m *message.Message) string {
	if !s.ext.dsn {
		return ""
	}
	return parameter("RET", m.DSN.Ret) + parameter("ENVID", m.DSN.EnvID)
}

// rcptDSN are those of RCPT.
func (s *session) rcptDSN(m *message.Message) string {
	if !s.ext.dsn {
		return ""
	}
	return parameter("NOTIFY", m.DSN.Notify.String()) + parameter("ORCPT", m.DSN.ORcpt)
}

// parameter is one parameter of a command, with the blank in front. A value that
// is no esmtp-value (RFC 5321 §4.1.2) is left out: it would end the command.
func parameter(name, value string) string {
	if value == "" {
		return ""
	}
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return " " + name + "=" + value
}
