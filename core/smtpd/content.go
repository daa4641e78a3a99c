package smtpd

import (
	"bytes"
	"errors"
	"io"

	"github.com/mtad/mtad/sdk/smtp"
)

// lonePolicy is what becomes of a CR or LF that stands alone in content
// (options rfc2822_lone_lf_in_headers and _in_body).
type lonePolicy uint8

const (
	loneReject lonePolicy = iota // "pedantic"
	loneFix                      // it becomes CRLF
	loneIgnore                   // it stays
)

// contentRules are the content options of a session.
type contentRules struct {
	header, body lonePolicy
	maxLine      int   // bytes without CRLF; 0: any
	maxSize      int64 // bytes; 0: any
}

// contentState is where in a line the content stands.
type contentState uint8

const (
	lineStart contentState = iota // behind a CRLF, or at the very start
	inLine
	afterCR  // a CR was passed on; an LF makes it a line end
	afterDot // a dot at the line's start, held back
	dotCR    // that dot and a CR, both held back
)

// content is message content on its way from the wire to a draft. With dots it
// is DATA: the end is CRLF "." CRLF and nothing else, and a dot in front of a
// line is taken off (RFC 5321 §4.5.2). A bare LF never counts as the start or
// the end of a line, whatever the policy: that is what lets "\n.\r\n" smuggle a
// second message past a server (CVE-2023-51764).
type content struct {
	dst   io.Writer
	rules contentRules
	dots  bool

	state  contentState
	inBody bool
	column int   // bytes of this line so far
	size   int64 // bytes passed on
	passed int64 // bytes seen after the fault
	fault  *smtp.Reply
}

// begin starts a message.
func (c *content) begin(dst io.Writer, rules contentRules, dots bool) {
	*c = content{dst: dst, rules: rules, dots: dots}
}

var (
	crlf = []byte("\r\n")
	cr   = crlf[:1]
	lf   = crlf[1:]
)

// feed takes what has arrived, in pieces cut anywhere. It reports how much of
// it is content, and whether the end of the data was in it.
func (c *content) feed(p []byte) (n int, done bool) {
	run := 0 // p[run:i] is checked and not yet passed on
	for i := 0; i < len(p); {
		switch c.state {
		case lineStart:
			c.state = inLine
			if c.dots && p[i] == '.' {
				c.pass(p[run:i])
				i++
				run, c.state = i, afterDot
			}
		case inLine:
			run, i = c.scan(p, run, i)
		case afterCR:
			run, i = c.behindCR(p, run, i)
		case afterDot:
			// The dot was stuffed, unless CRLF follows (RFC 5321 §4.5.2).
			c.state = inLine
			if p[i] == '\r' {
				i++
				run, c.state = i, dotCR
			}
		case dotCR:
			if p[i] == '\n' {
				return i + 1, true
			}
			c.state = inLine
			c.pass(cr)
			run = c.mend(p, i, i, lf)
		}
		if i == len(p) {
			c.pass(p[run:])
		}
	}
	return len(p), false
}

// scan goes on inside a line: to its end, to a CR or LF that stands alone, or
// to the end of p.
func (c *content) scan(p []byte, run, i int) (int, int) {
	seg := p[i:]
	end := bytes.IndexByte(seg, '\n')
	if end >= 0 {
		seg = seg[:end]
	}
	at := bytes.IndexByte(seg, '\r')
	switch {
	case at >= 0 && at < len(seg)-1: // CR without LF
		c.column += at
		i += at + 1
		return c.mend(p, run, i, lf), i
	case at >= 0 && end >= 0: // CRLF
		c.column += at
		c.endLine()
		c.state = lineStart
		return run, i + end + 1
	case at >= 0: // CR, and no more input
		c.column += at
		c.state = afterCR
		return run, i + len(seg)
	case end >= 0: // LF without CR
		c.column += end
		i += end
		return c.mend(p, run, i, cr), i + 1
	}
	c.column += len(seg)
	c.checkLine()
	return run, i + len(seg)
}

// behindCR decides what the CR at the end of the piece before this was.
func (c *content) behindCR(p []byte, run, i int) (int, int) {
	if p[i] == '\n' {
		c.endLine()
		c.state = lineStart
		return run, i + 1
	}
	c.state = inLine
	return c.mend(p, run, i, lf), i
}

// mend treats a lone CR or LF next to p[i]; missing is the other half, which
// goes in at i where the policy is to fix. It gives the new start of the run.
func (c *content) mend(p []byte, run, i int, missing []byte) int {
	if !c.lone() {
		c.column++
		return run
	}
	c.pass(p[run:i])
	c.pass(missing)
	c.endLine()
	return i
}

// lone applies the policy for a lone CR or LF, and reports whether to mend it.
func (c *content) lone() bool {
	policy := c.rules.body
	if !c.inBody {
		policy = c.rules.header
	}
	if policy == loneReject {
		c.fail(replyLoneLF)
	}
	return policy == loneFix
}

// endLine is the end of a line; an empty one ends the header section.
func (c *content) endLine() {
	c.checkLine()
	if c.column == 0 {
		c.inBody = true
	}
	c.column = 0
}

func (c *content) checkLine() {
	if c.rules.maxLine > 0 && c.column > c.rules.maxLine {
		c.fail(replyLongLine)
	}
}

// pass gives p to the draft. Once a fault is known the rest is only counted.
func (c *content) pass(p []byte) {
	if len(p) == 0 {
		return
	}
	if c.fault != nil {
		c.passed += int64(len(p))
		return
	}
	c.size += int64(len(p))
	if c.rules.maxSize > 0 && c.size > c.rules.maxSize {
		c.fail(replyTooBig)
		return
	}
	if _, err := c.dst.Write(p); err != nil {
		c.fail(asReply(err))
	}
}

// fail records the first fault; the data is read to its end all the same.
func (c *content) fail(r *smtp.Reply) {
	if c.fault == nil {
		c.fault = r
	}
}

// maxPassed bounds, in bytes, how much is read of a message that is already
// refused.
const maxPassed = 64 << 20

// overrun reports a peer that goes on sending what was refused long ago.
func (c *content) overrun() bool { return c.passed > maxPassed }

// finish ends content that has no final dot (BDAT). A last line without CRLF
// gets one: it could not be sent on otherwise.
func (c *content) finish() {
	if c.state == afterCR {
		c.mend(nil, 0, 0, lf)
	}
	if c.column > 0 {
		c.pass(crlf)
	}
}

// asReply makes a draft's error fit for the peer.
func asReply(err error) *smtp.Reply {
	var r *smtp.Reply
	if errors.As(err, &r) {
		return r
	}
	return replyNoStorage.WithCause(err)
}
