package delivery

import (
	"errors"
	"fmt"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
)

const (
	// chunkSize is how much one BDAT carries, in bytes: few replies to wait for,
	// little to keep.
	chunkSize = 64 << 10
	// maxUnanswered is how many chunks may be out without their replies where the
	// peer has PIPELINING. Replies are short, so no window fills up.
	maxUnanswered = 4
)

// errChunk says that the peer refused a chunk; the result is in the chunker.
var errChunk = errors.New("a chunk was refused")

// chunker sends content as BDAT chunks (RFC 3030 §2).
type chunker struct {
	s      *session
	buf    []byte
	unread int           // replies that are still to come
	failed *queue.Result // of the first chunk that was not taken
}

// Write implements io.Writer: content that is canonical, without dots added.
func (c *chunker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), chunkSize-len(c.buf))
		c.buf = append(c.buf, p[:take]...)
		p = p[take:]
		if len(c.buf) == chunkSize {
			if err := c.send(""); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// send sends a chunk, and takes replies until few enough are to come.
func (c *chunker) send(last string) error {
	s := c.s
	s.stage = logs.StageSendingBody
	fmt.Fprintf(s.w, "BDAT %d%s\r\n", len(c.buf), last)
	s.w.Write(c.buf) // an error stays in the writer, for Flush
	c.buf = c.buf[:0]
	if err := s.w.Flush(); err != nil {
		return err
	}
	if last != "" {
		return c.settle(0)
	}
	c.unread++
	if !s.ext.pipelining {
		return c.settle(0)
	}
	return c.settle(maxUnanswered)
}

// settle takes replies to chunks before the last one until at most so many are
// to come. After a refusal the transaction is over, and the peer refuses what
// is under way as well (RFC 3030 §2): those replies say nothing new.
func (c *chunker) settle(most int) error {
	for c.unread > most {
		c.unread--
		r, failed := c.s.reply(stepBody)
		if failed == nil && r.Code/100 != 2 {
			failed = c.s.refusal(r, stepBody)
			most = 0
		}
		if c.failed == nil {
			c.failed = failed
		}
		if c.s.broken {
			break
		}
	}
	if c.failed != nil {
		return errChunk
	}
	return nil
}
