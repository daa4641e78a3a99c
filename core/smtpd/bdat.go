package smtpd

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk/smtp"
)

// bdat is RFC 3030 §2: a chunk of content that its size delimits. Its octets
// follow the command whatever we think of it, so they are read before it is
// answered. A refused chunk ends the transaction, and with it the chunks
// pipelined behind it are refused in turn.
func (s *session) bdat(arg string) error {
	size, last, ok := parseChunk(arg)
	if !ok {
		// Nobody knows where the next command begins.
		s.closing = true
		return s.refuse(s.phase(), replyBadBDAT)
	}
	phase, refusal := logs.PhaseReadingBody, (*smtp.Reply)(nil)
	if !s.offered("CHUNKING", true) {
		phase, refusal = s.phase(), replyNotDone
	} else if !s.txn.chunked {
		phase, refusal = s.settle(false)
	}
	if refusal == nil {
		s.txn.chunked = true
		refusal = s.chunkTooBig(size)
	}
	if refusal != nil {
		return s.refuseChunk(phase, refusal, size)
	}
	s.wire.widen()
	defer s.wire.narrow()
	if err := s.readChunk(size, true); err != nil {
		return err
	}
	return s.endChunk(size, last)
}

// parseChunk reads "size [LAST]".
func parseChunk(arg string) (size int64, last, ok bool) {
	number, rest, more := strings.Cut(strings.TrimRight(arg, " "), " ")
	size, ok = parseSize(number)
	if more {
		last = strings.EqualFold(rest, "LAST")
		ok = ok && last
	}
	return size, last, ok
}

func (s *session) chunkTooBig(size int64) *smtp.Reply {
	if m := s.p.MaxMessageSize; m > 0 && (size > m || s.content.size+size > m) {
		return replyTooBig
	}
	return nil
}

// refuseChunk reads past a chunk that is not wanted. One that is too large even
// for that ends the session.
func (s *session) refuseChunk(p logs.Phase, r *smtp.Reply, size int64) error {
	if size > maxPassed {
		s.closing = true
	} else if err := s.readChunk(size, false); err != nil {
		return err
	}
	err := s.refuse(p, r)
	s.endTransaction()
	return err
}

// readChunk reads a chunk's octets, into the content where they are wanted.
func (s *session) readChunk(size int64, wanted bool) error {
	s.wire.measure()
	defer s.wire.halt()
	for size > 0 {
		b := s.wire.buffered()
		if len(b) == 0 {
			if err := s.wire.fill(); err != nil {
				return err
			}
			continue
		}
		b = b[:min(int64(len(b)), size)]
		if wanted {
			s.content.feed(b)
			s.charge()
		}
		s.wire.r += len(b)
		size -= int64(len(b))
		if s.content.overrun() {
			s.closing = true
			return nil
		}
	}
	return nil
}

// endChunk answers a chunk that was read.
func (s *session) endChunk(size int64, last bool) error {
	if last {
		s.content.finish()
		s.deliver()
		return nil
	}
	if fault := s.content.fault; fault != nil {
		err := s.refuse(logs.PhaseReadingBody, fault)
		s.endTransaction()
		return err
	}
	s.wire.say(fmt.Sprintf("250 2.0.0 %d octets received\r\n", size))
	return nil
}
