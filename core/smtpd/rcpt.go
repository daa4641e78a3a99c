package smtpd

import (
	"strconv"
	"strings"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// rcpt is RFC 5321 §4.1.1.3. Syntax, limits and relaying are decided before the
// hook (design section 4).
func (s *session) rcpt(arg string) error {
	if !s.wire.inTxn {
		return s.refuse(s.phase(), replyNeedMail)
	}
	if s.txn.chunked {
		return s.refuse(logs.PhaseReadingBody, replyInBDAT)
	}
	to, notices, refusal := s.parseRcpt(arg)
	if refusal == nil {
		refusal = s.rcptLimit()
	}
	if refusal == nil && s.envelopeFull(to) {
		refusal = replyMaxRcpt
	}
	if refusal != nil {
		return s.refuse(logs.PhaseAwaitingRcpt, refusal)
	}
	s.countRcpt()
	s.noteRelay(to)
	s.keepDSN(to, notices)
	if p := rcptPhase(to); s.relays(to) {
		if s.srv.Blackhole != nil {
			if reply := s.srv.Blackhole(to.Domain()); reply != nil {
				s.vs.State.Enter(p, nil) // for the rejectlog
				return s.refuse(logs.PhaseAwaitingRcpt, reply)
			}
		}
		s.ask(p)
	} else {
		s.vs.State.Enter(p, nil) // for the rejectlog
		return s.refuse(logs.PhaseRelayingDenied, replyRelay)
	}
	return nil
}

// parseRcpt checks all of RCPT's syntax.
func (s *session) parseRcpt(arg string) (smtp.Address, message.DSN, *smtp.Reply) {
	rest, ok := cutPrefixFold(arg, "TO:")
	if !ok {
		return "", message.DSN{}, replyBadRcpt
	}
	to, rest, ok := parsePath(rest, s.grammar())
	if !ok || to.addr.Null() {
		return "", message.DSN{}, replyBadRecipient
	}
	notices, refusal := s.parseRcptParams(rest)
	if refusal != nil {
		return "", notices, refusal
	}
	addr, refusal := s.recipient(to)
	return addr, notices, refusal
}

// parseRcptParams reads what follows the path of RCPT.
func (s *session) parseRcptParams(rest string) (message.DSN, *smtp.Reply) {
	switch {
	case rest != "" && rest[0] != ' ':
		return message.DSN{}, replyBadRcpt
	case strings.Trim(rest, " ") == "":
		return message.DSN{}, nil
	case !s.dsn():
		return message.DSN{}, replyNoParam
	}
	return parseRcptDSN(rest)
}

// recipient is the address of a path that we may take.
func (s *session) recipient(to path) (smtp.Address, *smtp.Reply) {
	switch {
	case to.intl && !s.txn.utf8:
		return "", replyNeedUTF8 // RFC 6531 §3.5
	case to.literal && !s.p.AllowIPLiteral:
		return "", replyNoLiteral
	case to.domain != "":
		return to.addr, nil
	case s.p.UnqualifiedRcpt == "" && !strings.EqualFold(string(to.addr), postmaster):
		return "", replyBadRecipient
	}
	return to.addr + "@" + smtp.Address(s.ownDomain()), nil
}

// postmaster must be accepted, without a domain as well (RFC 5321 §4.5.1).
const postmaster = "postmaster"

// ownDomain is the domain of recipients that come without one.
func (s *session) ownDomain() string {
	if s.p.UnqualifiedRcpt != "" {
		return s.p.UnqualifiedRcpt
	}
	return s.srv.Hostname()
}

// relays reports whether this session may send to a recipient.
func (s *session) relays(to smtp.Address) bool {
	return s.mayRelay() || s.everybodys(to)
}

// everybodys reports a recipient that everybody may send to.
func (s *session) everybodys(to smtp.Address) bool {
	if s.p.relay.recipient(to.Domain()) {
		return s.p.AllowRouting || !routed(to)
	}
	local, domain := to.Split()
	return strings.EqualFold(local, postmaster) && strings.EqualFold(domain, s.ownDomain())
}

// varRelayDomain is the connection variable that says, in a session that may
// relay, whether the recipient at hand would be taken from everybody: policy
// that opens the relay to decide by itself goes by it.
const varRelayDomain = "rcpt_relay_domain"

func (s *session) noteRelay(to smtp.Address) {
	if s.mayRelay() {
		s.vs.State.Conn.Context.Set(varRelayDomain, strconv.FormatBool(s.everybodys(to)))
	}
}

// routed reports a local part that names another destination in the ways that
// were once in use (RFC 5321 §3.6.1; RFC 1123 §5.2.16).
func routed(to smtp.Address) bool {
	local, _ := to.Split()
	return strings.ContainsAny(local, "@%!")
}

// rcptLimit refuses one recipient too many. What was accepted so far stands
// (RFC 5321 §4.5.3.1.10).
func (s *session) rcptLimit() *smtp.Reply {
	if len(s.vs.State.Message.Recipients) >= s.p.recipients() {
		return replyMaxRcpt
	}
	if m := s.p.MaxConnRcpts; m > 0 && int64(s.rcpts) >= m {
		return replyMaxConnRcpt
	}
	return nil
}
