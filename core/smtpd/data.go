package smtpd

import (
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// data is RFC 5321 §4.1.1.4.
func (s *session) data(arg string) error {
	if arg != "" {
		return s.refuse(logs.PhaseData, replyNoArgument)
	}
	if s.txn.chunked {
		return s.refuse(logs.PhaseReadingBody, replyInBDAT) // RFC 3030 §2
	}
	if p, refusal := s.settle(true); refusal != nil {
		return s.refuse(p, refusal)
	}
	s.wire.say(sayStartData)
	s.wire.phase.Store(uint32(logs.PhaseReadingBody))
	s.wire.widen()
	s.wire.measure()
	err := s.readData()
	s.wire.halt()
	if err != nil {
		return err
	}
	s.wire.narrow()
	s.deliver()
	return nil
}

// settle closes the recipient list: the transaction has a sender and
// recipients, policy agrees, and the content has a draft to go to. A refusal
// leaves the transaction as it is.
func (s *session) settle(dots bool) (logs.Phase, *smtp.Reply) {
	if !s.wire.inTxn {
		return s.phase(), replyNeedMail
	}
	if len(s.vs.State.Message.Recipients) == 0 {
		return logs.PhaseAwaitingRcpt, replyNeedRcpt
	}
	if !s.await(s.p.Messages, throttleWait) {
		return logs.PhaseData, replyThrottled
	}
	s.txn.received = ""
	phases := []sdk.Phase{{Hook: sdk.ValidateRcptToList}, {Hook: sdk.ValidateRcptToListFinal}, {Hook: sdk.CoreGetReceivedHeaderText}}
	if !s.p.Trace { // nobody would see the text
		phases = phases[:2]
	}
	chosen, hook := s.hooks(phases...)
	if chosen.Refuses() {
		switch hook {
		case sdk.ValidateRcptToList:
			return logs.PhaseRcptList, chosen
		case sdk.ValidateRcptToListFinal:
			return logs.PhaseRcptListFinal, chosen
		}
		return logs.PhaseData, chosen
	}
	if len(s.vs.State.Message.Recipients) == 0 {
		return logs.PhaseRcptListFinal, replyNoRcpt
	}
	s.txn.draft = s.srv.Door.NewDraft(s.envelope())
	s.content.begin(s.txn.draft, s.p.rules, dots)
	return 0, nil
}

func (s *session) envelope() reception.Envelope {
	e := reception.Envelope{EightBit: s.txn.eightBit, SMTPUTF8: s.txn.utf8, MayRelay: s.mayRelay(), Options: s.p.Reception}
	e.DSN, e.Notices = s.txn.dsn, s.txn.notices
	if s.p.Trace {
		e.Received = s.receivedText()
	}
	return e
}

// readData reads to the final dot.
func (s *session) readData() error {
	for {
		n, done := s.content.feed(s.wire.buffered())
		s.wire.r += n
		if done {
			return nil
		}
		s.charge()
		if s.content.overrun() {
			s.closing = true
			return nil
		}
		if err := s.wire.fill(); err != nil {
			return err
		}
	}
}

// deliver gives the content to the door and answers with what it says. The
// transaction is over, whatever that is (RFC 5321 §4.1.1.4).
func (s *session) deliver() {
	defer s.endTransaction()
	if s.content.fault != nil {
		_ = s.refuse(logs.PhaseReadingBody, s.content.fault)
		return
	}
	draft := s.txn.draft
	s.txn.draft = nil
	res := draft.Accept(s.srv.ctx, s.vs)
	if res.Tarpit > 0 {
		s.tarpit(res.Tarpit)
	}
	s.closing = s.closing || res.Close
	reply := res.Reply
	if reply == nil {
		reply = smtp.NewReply(451, "4.3.0", "temporary issue, please retry your message later")
	}
	if reply.Positive() {
		s.messages++
		s.bad = 0
	}
	s.answer(reply)
}
