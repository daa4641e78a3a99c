package logs

import (
	"time"

	"go.uber.org/zap"

	"github.com/mtad/mtad/sdk/smtp"
)

// Complaint is a report of a feedback loop (reference/logs.md, fbllog).
type Complaint struct {
	Now        time.Time
	ID         string // of the report's own message
	Recipient  smtp.Address
	Binding    string
	Group      string
	Type       string // "abuse"; "" where the report names none
	Domain     string // that the report came from
	UserString string
}

// Complaint writes an fbllog record. Binding precedes group here.
func (l *Logs) Complaint(c *Complaint) {
	r := newRecord(c.Now).text(c.ID).text("F").address(c.Recipient).
		text(c.Binding).text(c.Group).text(c.Type).text(c.Domain).text(c.UserString)
	l.fbl.line(string(r.b))
	l.jsonLine(c.Now, "fbllog", "F", func() []zap.Field {
		return []zap.Field{
			zap.String("message_id", c.ID), zap.String("recipient", string(c.Recipient)), zap.String("binding", c.Binding),
			zap.String("binding_group", c.Group), zap.String("feedback_type", c.Type), zap.String("reporting_domain", c.Domain),
			zap.String("user_string", c.UserString),
		}
	})
}
