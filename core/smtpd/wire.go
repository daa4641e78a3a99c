package smtpd

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/trace"
	"github.com/mtad/mtad/sdk/smtp"
)

// Buffer sizes in bytes. The small buffer is borrowed until the session is
// parked, the wide one while content arrives.
const (
	smallBuffer = 4 << 10
	wideBuffer  = 32 << 10
	maxReplies  = 16 << 10 // replies held back at most
)

// What ends the reading of a line or a session.
var (
	errIdle     = errors.New("idle time is over")
	errNotice   = errors.New("the server ends the session")
	errNap      = errors.New("nothing to do for a while")
	errSlow     = errors.New("the peer sends too slowly")
	errLineEnd  = errors.New("bare CR or LF in a command line")
	errLineLong = errors.New("command line is too long")
)

// notice is the server's word that a session is to end. A gentle one waits for
// the end of the transaction.
type notice struct {
	reply  *smtp.Reply
	gentle bool
}

// wire is the two directions of a connection. Replies are held back until more
// input is needed, so that pipelined commands are answered in one write
// (RFC 2920 §3.2). Only notice and waiting are touched by other goroutines.
type wire struct {
	conn net.Conn // TLS, once that was started
	raw  net.Conn // the socket under it

	buf  []byte // input: buf[r:w] is unread
	r, w int
	wide *[wideBuffer]byte
	out  []byte

	idle  time.Duration // 0: for ever
	slack time.Duration // how stale the deadline may be
	armed time.Time     // when the deadline was set
	inTxn bool          // a transaction is open: a gentle notice waits
	pace  pace
	tap   *trace.Dialogue // nil: nobody looks on

	notice  atomic.Pointer[notice]
	waiting atomic.Int64  // Unix nanoseconds: when it last began to wait
	phase   atomic.Uint32 // for what: a logs.Phase
	mayNap  bool          // the session can be parked instead of waiting
	calm    atomic.Bool   // it waits, and can be parked
	nap     atomic.Bool   // the sweep asks it to
	small   *buffers
}

// buffers are what a session needs while it is at work.
type buffers struct {
	in  [smallBuffer]byte
	out []byte
}

var (
	smallBuffers = sync.Pool{New: func() any { return new(buffers) }}
	wideBuffers  = sync.Pool{New: func() any { return new([wideBuffer]byte) }}
)

func (w *wire) open(conn net.Conn, idle time.Duration) {
	w.conn, w.raw = conn, conn
	w.borrow()
	w.armed, w.inTxn, w.pace = time.Time{}, false, pace{}
	w.setIdle(idle)
	w.notice.Store(nil)
	w.nap.Store(false)
}

// borrow takes the buffers of a session at work.
func (w *wire) borrow() {
	w.small = smallBuffers.Get().(*buffers)
	w.buf, w.r, w.w = w.small.in[:], 0, 0
	w.out = w.small.out[:0]
}

// giveBack gives them back; nothing is in them.
func (w *wire) giveBack() {
	if w.small == nil {
		return
	}
	if w.small.out = w.out[:0]; cap(w.out) > maxReplies {
		w.small.out = nil
	}
	smallBuffers.Put(w.small)
	w.small, w.buf, w.out = nil, nil, nil
}

// setIdle sets the idle time. The deadline is renewed when a sixteenth of it
// has passed rather than at every read: a timer costs more than a clock.
func (w *wire) setIdle(idle time.Duration) {
	w.idle, w.slack = idle, idle/16
	w.armed = time.Time{}
}

// release gives back what was borrowed.
func (w *wire) release() {
	if w.wide != nil {
		wideBuffers.Put(w.wide)
		w.wide = nil
	}
	w.giveBack()
	w.conn, w.raw, w.tap = nil, nil, nil
	w.notice.Store(nil)
}

// widen borrows the wide buffer for content.
func (w *wire) widen() {
	if w.wide != nil {
		return
	}
	w.wide = wideBuffers.Get().(*[wideBuffer]byte)
	w.w = copy(w.wide[:], w.buf[w.r:w.w])
	w.buf, w.r = w.wide[:], 0
}

// narrow gives the wide buffer back, unless more was pipelined behind the
// content than the small one can hold.
func (w *wire) narrow() {
	if w.wide == nil || w.w-w.r > smallBuffer {
		return
	}
	w.w = copy(w.small.in[:], w.buf[w.r:w.w])
	w.buf, w.r = w.small.in[:], 0
	wideBuffers.Put(w.wide)
	w.wide = nil
}

// buffered is what has arrived and was not read.
func (w *wire) buffered() []byte { return w.buf[w.r:w.w] }

// discard forgets what has arrived.
func (w *wire) discard() { w.r, w.w = 0, 0 }

// line reads a command line and gives it without its CRLF; it is valid until
// the next read. Nothing but CRLF ends a line (RFC 5321 §2.3.8); a bare CR or
// LF is errLineEnd, a line that does not fit the buffer errLineLong. Behind
// either, where the next command starts is anybody's guess.
func (w *wire) line() ([]byte, error) { return w.lineUpTo(smallBuffer) }

// lineUpTo is line with another bound, which must be one of the buffer's.
func (w *wire) lineUpTo(most int) ([]byte, error) {
	scanned := 0
	for {
		if i := bytes.IndexByte(w.buf[w.r+scanned:w.w], '\n'); i >= 0 {
			line := w.buf[w.r : w.r+scanned+i]
			w.r += scanned + i + 1
			return trimCRLF(line)
		}
		if scanned = w.w - w.r; scanned >= most {
			return nil, errLineLong
		}
		if scanned > 0 && w.pace.began.IsZero() {
			w.measure()
			defer w.halt()
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
}

// peek gives the next line, where all of it is there and it is well formed, else
// nothing; skip reads past it.
func (w *wire) peek() []byte {
	i := bytes.IndexByte(w.buffered(), '\n')
	if i < 0 {
		return nil
	}
	line, err := trimCRLF(w.buf[w.r : w.r+i])
	if err != nil {
		return nil
	}
	return line
}

func (w *wire) skip(line []byte) { w.r += len(line) + len("\r\n") }

// trimCRLF takes the CR off a line that an LF ended.
func trimCRLF(line []byte) ([]byte, error) {
	n := len(line) - 1
	if n < 0 || line[n] != '\r' || bytes.IndexByte(line[:n], '\r') >= 0 {
		return nil, errLineEnd
	}
	return line[:n], nil
}

// fill reads more, after the replies held back are out: the peer may be waiting
// for them.
func (w *wire) fill() error {
	w.compact()
	for {
		if err := w.flush(); err != nil {
			return err
		}
		w.arm()
		// The deadline is set before this look at the notice, so that one which
		// comes later finds its own deadline in force.
		if w.noticed() {
			return errNotice
		}
		calm := w.mayNap && w.w == 0
		w.calm.Store(calm)
		n, err := w.conn.Read(w.buf[w.w:])
		w.calm.Store(false)
		if n > 0 {
			w.tap.Client(w.buf[w.w : w.w+n])
			w.w += n
			return w.keepPace(n)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		// A gentle notice or the sweep moved the deadline.
		napping := w.nap.Swap(false)
		switch {
		case w.notice.Load() != nil:
		case napping && calm:
			return errNap
		case !napping:
			return errIdle
		}
		w.armed = time.Time{}
	}
}

func (w *wire) compact() {
	if w.r == 0 {
		return
	}
	w.w = copy(w.buf, w.buf[w.r:w.w])
	w.r = 0
}

// noticed reports that the session is to end now.
func (w *wire) noticed() bool {
	n := w.notice.Load()
	return n != nil && !(n.gentle && w.inTxn)
}

// flush writes the replies held back.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	w.arm()
	w.tap.Server(w.out)
	_, err := w.conn.Write(w.out)
	w.out = w.out[:0]
	return err
}

// arm sets the deadline of reads and writes, if it is stale.
func (w *wire) arm() {
	now := time.Now()
	w.waiting.Store(now.UnixNano())
	if !w.armed.IsZero() && now.Sub(w.armed) <= w.slack {
		return
	}
	w.armed = now
	if w.idle == 0 {
		w.slack = 1<<63 - 1
		_ = w.conn.SetDeadline(time.Time{})
		return
	}
	// A connection that cannot take a deadline fails at its next read.
	_ = w.conn.SetDeadline(now.Add(w.idle + w.slack))
}

// say holds back a reply that is ready for the wire.
func (w *wire) say(text string) {
	w.out = append(w.out, text...)
	w.spill()
}

// reply holds back a reply.
func (w *wire) reply(r *smtp.Reply) {
	w.out = r.Append(w.out)
	w.spill()
}

// spill bounds what is held back; an error comes back at the next read.
func (w *wire) spill() {
	if len(w.out) > maxReplies {
		_ = w.flush()
	}
}

// poke gives the session a notice and wakes it where it waits for input. Other
// goroutines call it.
func (w *wire) poke(n *notice) {
	w.notice.Store(n)
	_ = w.raw.SetReadDeadline(time.Unix(1, 0))
}

// Bounds of the wait for the peer's end after ours.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 256 << 10
)

// linger ends our direction and reads the peer's for a little while. Closing a
// socket with unread input resets the connection, and the peer would lose the
// reply that says why.
func (w *wire) linger() {
	if w.conn != w.raw && !halfClose(w.conn) || !halfClose(w.raw) {
		return
	}
	_ = w.raw.SetReadDeadline(time.Now().Add(lingerTime))
	for left := lingerBytes; left > 0; {
		n, err := w.raw.Read(w.small.in[:])
		if err != nil {
			return
		}
		left -= n
	}
}

func halfClose(c net.Conn) bool {
	half, ok := c.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
