package delivery

import (
	"errors"
	"io"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// replyNotConverted has no counterpart in the original.
var replyNotConverted = smtp.NewReply(554, "5.6.3", "[internal] 8-bit content cannot be converted for a remote host without 8BITMIME")

// conversion is what must become ASCII for this peer: content, where it lacks
// 8BITMIME (RFC 6152 §3), and header sections, where it lacks SMTPUTF8 as well.
func (x *transaction) conversion(m *message.Message) mail.Conversion {
	if !m.EightBit {
		return mail.Conversion{}
	}
	ext, how := x.s.ext, x.s.opt.Transform8Bit
	bodies := !ext.eightBitMIME && (how == "ifneeded" || how == "strict")
	return mail.Conversion{Bodies: bodies, Headers: !ext.smtpUTF8 && (bodies || m.SMTPUTF8)}
}

// open gives the content as this peer gets it. A message that cannot be
// converted fails: RFC 6152 §3 leaves that or damage.
func (x *transaction) open(c *Courier, m *message.Message) (io.ReadCloser, *queue.Result) {
	body, err := c.Contents.Open(m)
	if err != nil {
		return nil, x.s.unreadable(err)
	}
	what := x.conversion(m)
	switch {
	case what != mail.Conversion{}:
		return x.converted(c, m, body, what)
	case m.EightBit && !x.s.ext.eightBitMIME && x.s.opt.Transform8Bit == "strip":
		x.altered = true
		return &content{stripped{body}, body}, nil
	}
	return body, nil
}

// converted reads the content once to see what there is to convert, and opens
// it again.
func (x *transaction) converted(c *Courier, m *message.Message, body io.ReadCloser, what mail.Conversion) (io.ReadCloser, *queue.Result) {
	plan, err := mail.PlanConversion(body, what)
	body.Close()
	switch {
	case errors.Is(err, mail.ErrNotConvertible) && what.Bodies:
		return nil, x.s.result(queue.PermanentFailure, replyNotConverted.WithCause(err))
	case errors.Is(err, mail.ErrNotConvertible):
		return nil, x.s.result(queue.PermanentFailure, replyNeedsUTF8.WithCause(err))
	case err != nil:
		return nil, x.s.unreadable(err)
	}
	if body, err = c.Contents.Open(m); err != nil {
		return nil, x.s.unreadable(err)
	}
	if !plan.Needed() {
		return body, nil
	}
	x.altered = true
	return &content{plan.Reader(body), body}, nil
}

// stripped clears the eighth bit of every byte (transform_8bitmime_content =
// strip).
type stripped struct{ io.Reader }

// Read implements io.Reader.
func (r stripped) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	for i := range p[:n] {
		p[i] &= 0x7f
	}
	return n, err
}
