package delivery

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// transaction is one MAIL, its RCPTs and their DATA.
type transaction struct {
	s       *session
	msgs    []*message.Message
	results []queue.Result
	states  []state
	later   []*smtp.Reply // the 452 of a recipient that came too many
	stale   bool          // the connection was dead before the peer said a word
	refused bool          // MAIL was
	ready   bool          // the content is wanted: DATA was answered by 354
	altered bool          // the content goes out converted
	chunk   *queue.Result // of a chunk before the last that was not taken
}

// state is how far a recipient has come.
type state uint8

const (
	statePending state = iota
	stateAccepted
	stateSettled
)

// transact carries out a batch as one transaction.
func (s *session) transact(c *Courier, b *queue.Batch) *transaction {
	n := len(b.Messages)
	x := &transaction{
		s: s, msgs: b.Messages, results: make([]queue.Result, n), states: make([]state, n), later: make([]*smtp.Reply, n),
	}
	s.sent, s.stage = 0, logs.StageIdle
	s.final.Store(false)
	x.refuseHere()
	if x.count(statePending) == 0 {
		return x
	}
	body, failed := x.open(c, b.Messages[x.first()])
	if failed != nil {
		x.rest(failed)
		return x
	}
	defer body.Close()
	if failed := s.reset(); failed != nil {
		x.stale = true
		x.rest(failed)
		return x
	}
	if failed := x.envelope(); failed != nil {
		x.rest(failed)
		return x
	}
	if x.ready {
		if failed := x.content(c, body); failed != nil {
			x.rest(failed)
		}
	}
	// Whatever else happens, no message is taken for delivered by default.
	x.rest(s.result(queue.NotAttempted, nil))
	return x
}

// unreadable is the outcome where our own spool does not give the content.
func (s *session) unreadable(err error) *queue.Result {
	if errors.Is(err, fs.ErrNotExist) {
		return s.result(queue.PermanentFailure, replyBodyGone.WithCause(err))
	}
	return s.result(queue.TransientFailure, replyUnreadable.WithCause(err))
}

// reset clears what an earlier transaction left open.
func (s *session) reset() *queue.Result {
	if !s.dirty {
		return nil
	}
	r, failed := s.command(stepRset, "RSET")
	if failed != nil {
		return failed
	}
	if r.Code/100 != 2 {
		s.broken = true
		return s.result(queue.TransientFailure, stepRset.silent.WithCause(r))
	}
	s.dirty = false
	return nil
}

// refuseHere settles the messages that the peer's EHLO says it would not take,
// that cannot be put into a command, or that are too many for the connection.
func (x *transaction) refuseHere() {
	s := x.s
	room := int64(len(x.msgs))
	if s.opt.MaxRecipients > 0 {
		room = min(room, s.opt.MaxRecipients-s.recipients)
	}
	for i, m := range x.msgs {
		switch {
		case !printable(m.Sender) || !printable(m.Recipient) || m.Recipient.Null():
			x.settle(i, s.result(queue.PermanentFailure, replyBadAddress))
		case s.ext.maxSize > 0 && m.Content.Size > s.ext.maxSize:
			x.settle(i, s.result(queue.PermanentFailure, replyTooLarge))
		case !s.addressable(m):
			x.settle(i, s.result(queue.PermanentFailure, replyNeedsUTF8))
		case room <= 0:
			x.settle(i, s.result(queue.NotAttempted, nil))
		default:
			room--
		}
	}
}

// mailLine is MAIL with the parameters that the peer knows.
func (x *transaction) mailLine(first *message.Message, utf8 bool) string {
	s := x.s
	line := "MAIL FROM:" + s.path(first.Sender)
	if s.ext.size && first.Content.Size > 0 && !x.altered {
		line += " SIZE=" + strconv.FormatInt(first.Content.Size, 10)
	}
	if s.ext.eightBitMIME && s.opt.Send8BitMIME != "no" && first.EightBit {
		line += " BODY=8BITMIME"
	}
	if utf8 && s.ext.smtpUTF8 {
		line += " SMTPUTF8"
	}
	return line + s.mailDSN(first)
}

func (x *transaction) settle(i int, r *queue.Result) {
	x.results[i], x.states[i] = *r, stateSettled
}

// rest settles all that is not yet.
func (x *transaction) rest(r *queue.Result) {
	for i := range x.msgs {
		if x.states[i] != stateSettled {
			x.settle(i, r)
		}
	}
}

// first is the first message that is not settled.
func (x *transaction) first() int { return slices.Index(x.states, statePending) }

func (x *transaction) count(want state) int {
	n := 0
	for _, st := range x.states {
		if st == want {
			n++
		}
	}
	return n
}
