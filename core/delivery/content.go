package delivery

import (
	"errors"
	"fmt"
	"io"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// copyBuffer is the size in bytes of the pieces that content is read in.
const copyBuffer = 32 << 10

// errRead marks an error of our own spool while content goes out.
var errRead = errors.New("reading the content")

// content sends the message and takes the peer's verdict on it, which is nil
// where it took the message.
func (x *transaction) content(c *Courier, body io.Reader) *queue.Result {
	s := x.s
	s.stage = logs.StageSendingBody
	if err := x.pour(c, body); err != nil {
		return x.unfinished(c, err)
	}
	r, failed := s.reply(stepBody)
	if failed != nil {
		x.doubt(c, failed)
		return failed
	}
	if r.Code/100 != 2 {
		return s.refusal(r, stepBody)
	}
	s.dirty = false
	for i, m := range x.msgs {
		if x.states[i] == stateAccepted {
			s.deliveries++
			done := s.result(queue.Delivered, r)
			done.Bytes = m.Content.Size
			done.PassedDSN = s.ext.dsn
			x.settle(i, done)
		}
	}
	return nil
}

// pour copies the content, stuffed, up to the final dot.
func (x *transaction) pour(c *Courier, body io.Reader) error {
	buf, ok := c.buffers.Get().(*[copyBuffer]byte)
	if !ok {
		buf = new([copyBuffer]byte)
	}
	defer c.buffers.Put(buf)
	d, chunks := stuffer{w: x.s.w}, &chunker{s: x.s}
	if x.s.chunks() {
		d = stuffer{w: chunks, raw: true}
		defer func() { x.chunk = chunks.failed }()
	}
	for {
		n, err := body.Read(buf[:])
		if werr := d.write(buf[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(errRead, err)
		}
	}
	if err := x.s.ctx.Err(); err != nil {
		return err
	}
	if d.raw {
		return x.lastChunk(&d, chunks)
	}
	// From here on the peer may have it all.
	x.s.final.Store(true)
	if err := d.end(); err != nil {
		return err
	}
	return x.s.w.Flush()
}

// lastChunk sends what is left, once the chunks before it were taken.
func (x *transaction) lastChunk(d *stuffer, chunks *chunker) error {
	if err := d.end(); err != nil {
		return err
	}
	if err := chunks.settle(0); err != nil {
		return err
	}
	x.s.final.Store(true)
	return chunks.send(" LAST")
}

// chunks says that content goes out by BDAT.
func (s *session) chunks() bool { return s.ext.chunking && s.opt.Chunking == "ifavailable" }

// doubt notes that nobody knows whether the peer has the message: its reply to
// the end of the content was lost. It is tried again (RFC 5321 §4.2.5), so the
// recipient may get it twice.
func (x *transaction) doubt(c *Courier, r *queue.Result) {
	if c.Note == nil || r.Verdict != queue.TransientFailure || !x.s.trouble || !x.s.final.Load() {
		return
	}
	for i, m := range x.msgs {
		if x.states[i] == stateAccepted {
			c.Note(fmt.Sprintf("message %s for %s: %s was sent all of it and its reply was lost; it is tried again: one possible duplicate", m.ID, m.Recipient, x.s.target.host))
		}
	}
}

// unfinished is the outcome of content that did not get to its end. Nothing
// may follow on the connection: the peer would take it for content.
func (x *transaction) unfinished(c *Courier, err error) *queue.Result {
	s := x.s
	if errors.Is(err, errChunk) {
		return x.chunk // between chunks the dialogue is in step
	}
	s.broken = true
	if errors.Is(err, errRead) {
		return s.unreadable(err)
	}
	if s.ctx.Err() == nil {
		if r := s.lastWords(); r != nil {
			return s.result(verdictOf(r), r)
		}
	}
	failed := s.lost(err, stepBody.unsent)
	x.doubt(c, failed)
	return failed
}

// lastWords is a refusal that the peer sent before it closed on us.
func (s *session) lastWords() *smtp.Reply {
	s.deadline(s.raw.SetReadDeadline, lastWordsTimeout)
	r, err := readReply(s.r)
	if err != nil || !r.Refuses() {
		return nil
	}
	return r
}
