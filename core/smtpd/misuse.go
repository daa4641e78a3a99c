package smtpd

import (
	"strconv"

	"github.com/mtad/mtad/sdk/smtp"
)

// misuses are the commands of a session that were wrong in themselves, as
// policy sees them (reference/modules.tsv, conntrol).
type misuses struct{ unknown, malformed int }

// countMisuse counts a refused command in the connection's context: unknown
// verbs, and known ones with an error in their syntax (manual, conntrol).
func (s *session) countMisuse(r *smtp.Reply) {
	ctx := &s.vs.State.Conn.Context
	switch {
	case r == replyUnknown:
		s.misused.unknown++
		ctx.Set("conntrol_unrecognized_commands", strconv.Itoa(s.misused.unknown))
	case r.Code == 501, r.Code == 504, r.Code == 555, r.Code == 500:
		s.misused.malformed++
		ctx.Set("conntrol_bad_commands", strconv.Itoa(s.misused.malformed))
	}
}
