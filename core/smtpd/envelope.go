package smtpd

import (
	"slices"
	"strconv"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// packedRcpts is how many RCPT commands one call to policy carries: those whose
// count (message_rcpt_count) the call's one snapshot can show.
const packedRcpts = 1

// pipelined adds to a MAIL phase the RCPT that has arrived behind it, so that
// policy is asked about both in one call (design section 4). It takes only what
// is certain to reach its hook; all else is read as ever. Replies keep the
// order of the commands (RFC 2920 §3.2).
func (s *session) pipelined(mail sdk.Phase) []sdk.Phase {
	batch := []sdk.Phase{mail}
	if !s.vs.Wants(sdk.ValidateMailFrom) || !s.vs.Wants(sdk.ValidateRcptTo) {
		return batch
	}
	for len(batch) <= packedRcpts {
		line := s.wire.peek()
		p, ok := s.certain(line)
		if !ok {
			break
		}
		s.wire.skip(line)
		batch = append(batch, p)
	}
	return batch
}

// certain reads a line that is a RCPT which the core accepts as things stand.
func (s *session) certain(line []byte) (sdk.Phase, bool) {
	name, arg := splitCommand(line, s.p.EnvelopeBlanks)
	if !equalFold(name, "RCPT") || hasControl(line) || len(line)+len("\r\n") > maxCommand {
		return sdk.Phase{}, false
	}
	to, notices, refusal := s.parseRcpt(arg)
	if refusal != nil || s.rcptLimit() != nil || !s.relays(to) || s.envelopeFull(to) {
		return sdk.Phase{}, false
	}
	s.countRcpt()
	s.noteRelay(to)
	s.keepDSN(to, notices)
	return rcptPhase(to), true
}

func rcptPhase(to smtp.Address) sdk.Phase {
	return sdk.Phase{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:" + to.Path(), Address: to}
}

// countRcpt counts a RCPT that policy is asked about. Both counts are
// connection variables (reference/lua-api.tsv).
func (s *session) countRcpt() {
	s.rcpts++
	s.txn.rcpts++
	conn := &s.vs.State.Conn.Context
	conn.Set("connection_rcpt_count", strconv.Itoa(s.rcpts))
	conn.Set("message_rcpt_count", strconv.Itoa(s.txn.rcpts))
}

// ask asks policy about MAIL and the RCPTs behind it, or about one RCPT, and
// answers each. What ends a call early gets the rest another.
func (s *session) ask(batch ...sdk.Phase) {
	for behind := false; len(batch) > 0; behind = true {
		replies := s.decide(batch)
		for i, r := range replies {
			if batch[i].Hook == sdk.ValidateMailFrom {
				s.answerMail(r)
				continue
			}
			s.answerRcpt(batch[i].Address, r, behind || i > 0)
		}
		batch = batch[len(replies):]
		if s.closing {
			return
		}
	}
}

// decide gives a reply, or nil, for the commands that one call decided.
func (s *session) decide(batch []sdk.Phase) []*smtp.Reply {
	p := batch[0]
	switch {
	case p.Hook == sdk.ValidateRcptTo && !s.wire.inTxn:
		return []*smtp.Reply{replyNeedMail}
	case !s.vs.Wants(p.Hook) && len(batch) == 1:
		s.vs.State.Enter(p, nil)
		s.vs.State.Leave(p, false)
		return []*smtp.Reply{nil}
	}
	return s.run(batch)
}

func (s *session) answerMail(r *smtp.Reply) {
	if r.Refuses() {
		_ = s.refuse(logs.PhaseAwaitingMail, r)
		s.endTransaction()
		return
	}
	s.mails++
	s.wire.inTxn = true
	if s.txn.lowered {
		s.succeed(r, 250, sayPriority)
		return
	}
	s.succeed(r, 250, saySenderOK)
}

// answerRcpt answers a RCPT. For one that was asked about together with its
// MAIL, policy may just have taken back what let it relay.
func (s *session) answerRcpt(to smtp.Address, r *smtp.Reply, together bool) {
	switch {
	case r.Refuses() && !s.wire.inTxn:
		_ = s.refuse(logs.PhaseAwaitingMail, r)
	case r.Refuses():
		_ = s.refuse(logs.PhaseAwaitingRcpt, r)
	case together && !s.relays(to):
		m := s.vs.State.Message
		m.Recipients = slices.DeleteFunc(m.Recipients, func(a smtp.Address) bool { return a == to })
		_ = s.refuse(logs.PhaseRelayingDenied, replyRelay)
	default:
		if later := s.expand(to); later != nil {
			_ = s.refuse(logs.PhaseAwaitingRcpt, later)
			return
		}
		s.succeed(r, 250, sayRcptOK)
	}
}
