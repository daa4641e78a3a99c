package smtpd

import (
	"strconv"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// mail is RFC 5321 §4.1.1.2. What the core decides comes before the hook
// (design section 4).
func (s *session) mail(arg string) error {
	if s.wire.inTxn {
		return s.refuse(logs.PhaseAwaitingRcpt, replyNestedMail)
	}
	if s.mustLogin() {
		return s.refuse(logs.PhaseAwaitingMail, replyAuthRequired)
	}
	if m := s.p.MaxReceptions; m > 0 && int64(s.messages) >= m {
		return s.refuse(logs.PhaseAwaitingMail, replyMaxMessages)
	}
	from, params, refusal := s.parseMail(arg)
	if refusal != nil {
		return s.refuse(logs.PhaseAwaitingMail, refusal)
	}
	s.junk = 0
	s.beginTransaction(from.addr, params)
	s.ask(s.pipelined(sdk.Phase{
		Hook: sdk.ValidateMailFrom, Line: "MAIL FROM:" + from.addr.Path() + params.text, Address: from.addr,
	})...)
	return nil
}

// parseMail checks all of MAIL that the core decides.
func (s *session) parseMail(arg string) (path, mailParams, *smtp.Reply) {
	rest, ok := cutPrefixFold(arg, "FROM:")
	if !ok {
		return path{}, mailParams{}, replyBadMail
	}
	from, rest, ok := parsePath(rest, s.grammar())
	if !ok {
		return from, mailParams{}, replyBadSender
	}
	params, refusal := parseMailParams(rest, s.extensions())
	switch {
	case refusal != nil:
		return from, params, refusal
	case params.auth && !s.offered("AUTH", len(s.p.auth) > 0):
		return from, params, replyNoParam // RFC 4954 §5
	case from.intl && !params.utf8:
		return from, params, replyNeedUTF8 // RFC 6531 §3.5
	case s.p.MaxMessageSize > 0 && params.size > s.p.MaxMessageSize:
		return from, params, replyTooBig // RFC 1870 §6.1
	case from.addr.Null() && !s.p.AllowNullSender:
		return from, params, replyNoNullSender
	case from.addr.Null() || from.domain != "":
		return from, params, nil
	case s.p.UnqualifiedFrom == "":
		return from, params, replyBadSender
	}
	from.qualify(s.p.UnqualifiedFrom)
	return from, params, nil
}

// extensions are the parameters that this session offers.
func (s *session) extensions() mailExtensions {
	return mailExtensions{
		size: s.offered("SIZE", true), eightBit: s.offered("8BITMIME", true),
		utf8: s.offered("SMTPUTF8", s.p.utf8()), priority: s.offered("MT-PRIORITY", s.p.offers("MT-PRIORITY", false)), dsn: s.dsn(),
	}
}

func (s *session) grammar() grammar {
	return grammar{strict: s.p.PedanticAddress, blanks: s.p.AllowBlanks}
}

// qualify gives an address without a domain the one configured.
func (p *path) qualify(domain string) {
	p.addr += smtp.Address("@" + domain)
	p.domain = domain
}

// beginTransaction gives the session an empty message, in the current
// generation.
func (s *session) beginTransaction(from smtp.Address, p mailParams) {
	conn := &s.vs.State.Conn
	id := s.srv.NewID()
	s.vs.Begin(&sdk.Message{
		ID: id, BatchID: id, ConnID: conn.ID, Sender: from, Protocol: conn.Protocol,
		RecvFrom: conn.Peer, RecvVia: conn.Local, Created: s.srv.Now(),
		Context: make(sdk.Dict, 0, 8), Priority: s.queuePriority(p.priority),
	})
	s.txn.eightBit, s.txn.utf8 = p.eightBit, p.utf8
	s.txn.dsn = message.DSN{Ret: p.ret, EnvID: p.envID}
	s.txn.lowered = p.priority > 0 && !s.trusted(s.p.fronts.priority)
	conn.Context.Set("connection_message_count", strconv.Itoa(s.mails+1))
}
