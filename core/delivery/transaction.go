package delivery

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

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
	ready   bool          // DATA was answered by 354
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
	body, err := c.Contents.Open(b.Messages[0])
	if err != nil {
		x.rest(s.unreadable(err))
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
		case needsUTF8(m) && !s.ext.smtpUTF8:
			x.settle(i, s.result(queue.PermanentFailure, replyNeedsUTF8))
		case room <= 0:
			x.settle(i, s.result(queue.NotAttempted, nil))
		default:
			room--
		}
	}
}

// printable says that an address cannot end its command line early.
func printable(a smtp.Address) bool {
	return strings.IndexFunc(string(a), func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// needsUTF8 says that a message cannot go to a peer without SMTPUTF8 (RFC 6531
// §3.4): its envelope has other characters than ASCII, or it was declared so
// and its content has.
func needsUTF8(m *message.Message) bool {
	return m.SMTPUTF8 && m.EightBit || !ascii(m.Sender) || !ascii(m.Recipient)
}

func ascii(a smtp.Address) bool {
	return strings.IndexFunc(string(a), func(r rune) bool { return r >= 0x80 }) < 0
}

// mailLine is MAIL with the parameters that the peer knows.
func (x *transaction) mailLine(first *message.Message, utf8 bool) string {
	s := x.s
	line := "MAIL FROM:" + first.Sender.Path()
	if s.ext.size && first.Content.Size > 0 {
		line += " SIZE=" + strconv.FormatInt(first.Content.Size, 10)
	}
	if s.ext.eightBitMIME && s.opt.Send8BitMIME != "no" && first.EightBit {
		line += " BODY=8BITMIME"
	}
	if utf8 {
		line += " SMTPUTF8"
	}
	return line
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

func (x *transaction) count(want state) int {
	n := 0
	for _, st := range x.states {
		if st == want {
			n++
		}
	}
	return n
}
