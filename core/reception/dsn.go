package reception

import (
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// dsn is what the sender asked of notifications about one recipient. A recipient
// that policy put in has what the message has.
func (e *Envelope) dsn(to smtp.Address) message.DSN {
	d := e.DSN
	if n, ok := e.Notices[to]; ok {
		d.Notify, d.ORcpt = n.Notify, n.ORcpt
	}
	return d
}
