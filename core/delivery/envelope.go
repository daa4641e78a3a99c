package delivery

import (
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// command is a line of the envelope; msg is the recipient's message.
type command struct {
	line string
	st   *step
	msg  int
}

const (
	// maxGroup and maxGroupBytes bound the commands sent before their replies
	// are read: both directions must fit into the connection's windows, or
	// both sides wait for each other for ever (RFC 2920 §3.1).
	maxGroup      = 64
	maxGroupBytes = 8 << 10
)

// commands are those of the whole envelope, DATA included.
func (x *transaction) commands() []command {
	list := make([]command, 1, len(x.msgs)+2)
	first, utf8 := -1, false
	for i, m := range x.msgs {
		if x.states[i] != statePending {
			continue
		}
		if first < 0 {
			first = i
		}
		utf8 = utf8 || needsUTF8(m)
		list = append(list, command{"RCPT TO:" + x.s.path(m.Recipient) + x.s.rcptDSN(m), stepRcpt, i})
		x.s.recipients++
	}
	list[0] = command{x.mailLine(x.msgs[first], utf8), stepMail, first}
	if x.s.chunks() {
		return list // RFC 3030 §2: BDAT takes the place of DATA
	}
	return append(list, command{"DATA", stepData, first})
}

// group is how many commands go out at once: one, unless the peer offers
// PIPELINING. DATA may be the last of a group (RFC 2920 §3.1).
func (x *transaction) group(list []command) int {
	if !x.s.ext.pipelining {
		return 1
	}
	bytes := 0
	for i := range list {
		bytes += len(list[i].line) + 2
		if i == maxGroup || i > 0 && bytes > maxGroupBytes {
			return i
		}
	}
	return len(list)
}

// envelope sends the commands and takes their replies. It returns nil where
// the dialogue can go on; ready then says whether the content is wanted.
func (x *transaction) envelope() *queue.Result {
	list := x.commands()
	for len(list) > 0 && !x.refused {
		if list[0].st == stepData && x.count(stateAccepted) == 0 {
			break
		}
		n := x.group(list)
		if failed := x.exchange(list[:n]); failed != nil {
			return failed
		}
		list = list[n:]
	}
	x.putOff()
	if x.s.chunks() && !x.refused {
		x.ready = x.count(stateAccepted) > 0
		return nil
	}
	if x.ready && x.count(stateAccepted) == 0 {
		return x.takeBack()
	}
	return nil
}

// exchange sends a group and takes the reply to each of it.
func (x *transaction) exchange(group []command) *queue.Result {
	s := x.s
	for _, cmd := range group {
		s.send(cmd.line)
	}
	if failed := s.flush(group[0].st); failed != nil {
		x.stale = group[0].st == stepMail && !s.slow
		return failed
	}
	for _, cmd := range group {
		r, failed := s.reply(cmd.st)
		if cmd.st == stepMail {
			x.stale = failed != nil && !s.slow || failed == nil && r.Code == 421
		}
		if failed != nil {
			return failed
		}
		if failed := x.take(cmd, r); failed != nil {
			return failed
		}
	}
	return nil
}

// take applies a reply. What it returns ends the dialogue.
func (x *transaction) take(cmd command, r *smtp.Reply) *queue.Result {
	s := x.s
	good := r.Code/100 == 2
	switch {
	case s.broken: // 421: for this one and all that is left
		return s.result(queue.TransientFailure, r)
	case cmd.st == stepData:
		return x.takeData(r)
	case x.refused || !good && !r.Refuses():
		// Behind a MAIL that was refused, replies to RCPT say nothing new.
		if x.refused {
			return nil
		}
		return s.refusal(r, cmd.st)
	case cmd.st == stepMail && good:
		s.dirty = true
	case cmd.st == stepMail:
		x.refused = true
		x.rest(s.refusal(r, cmd.st))
	case good:
		x.states[cmd.msg] = stateAccepted
	case r.Code == 452 && (r.Enhanced == "" || r.Enhanced == "4.5.3"):
		x.later[cmd.msg] = r
	default:
		x.settle(cmd.msg, s.refusal(r, cmd.st))
	}
	return nil
}

// takeData applies the reply to DATA.
func (x *transaction) takeData(r *smtp.Reply) *queue.Result {
	switch {
	case r.Code == 354:
		x.ready = true
	case x.count(stateAccepted) == 0 && r.Refuses():
		// No recipient was taken, so DATA could not be; nothing new.
	case r.Refuses():
		refusal := x.s.refusal(r, stepData)
		for i, st := range x.states {
			if st == stateAccepted {
				x.settle(i, refusal)
			}
		}
	default:
		return x.s.refusal(r, stepData)
	}
	return nil
}

// putOff settles the recipients that got 452, "too many recipients": where
// others were taken they go into the next transaction, unharmed (RFC 5321
// §4.5.3.1.10); where none was, it is a refusal like any other.
func (x *transaction) putOff() {
	others := x.count(stateAccepted) > 0
	for i, r := range x.later {
		switch {
		case r == nil || x.states[i] == stateSettled:
		case others:
			x.settle(i, x.s.resultAt(stepRcpt, queue.NotAttempted, nil))
		default:
			x.settle(i, x.s.resultAt(stepRcpt, queue.TransientFailure, r))
		}
	}
}

// resultAt is an outcome of an earlier step than the last.
func (s *session) resultAt(st *step, v queue.Verdict, r *smtp.Reply) *queue.Result {
	out := s.result(v, r)
	out.Stage = st.after
	return out
}

// takeBack ends a DATA that was accepted without any recipient: a lone dot is
// all that may be sent (RFC 2920 §3.1).
func (x *transaction) takeBack() *queue.Result {
	x.ready = false
	_, failed := x.s.command(stepBody, ".")
	return failed
}
