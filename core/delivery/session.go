package delivery

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/core/trace"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

const (
	writeBuffer = 8 << 10
	// blockTimeout bounds one write, which waits where the peer does not read
	// (RFC 5321 §4.5.3.2.5).
	blockTimeout = 3 * time.Minute
	// quitTimeout is the wait for the reply to QUIT.
	quitTimeout = 5 * time.Second
	// lastWordsTimeout is the wait for a reply that came before the connection
	// broke while we were writing.
	lastWordsTimeout = time.Second
	// grace is how long the reply to a final dot is waited for once the MTA
	// stops.
	grace = 5 * time.Second
)

// session is one connection to a peer that has been greeted. Only one
// goroutine uses it, beside hurry.
type session struct {
	ctx    context.Context // of the Serve that owns it
	raw    net.Conn        // the socket
	conn   net.Conn        // the socket, or TLS over it
	r      *bufio.Reader
	w      *bufio.Writer
	opt    *Options
	target target
	id     string
	ext    extensions
	login  login
	tls    *sdk.OutboundTLS // replaced, never written into: results hold it

	stage  logs.Stage
	sent   int64           // bytes of the transaction
	final  atomic.Bool     // the whole content is out: worth a moment more
	unhook func() bool     // stops watching ctx
	limits HostLimits      // of the host
	tap    *trace.Dialogue // nil: nobody looks on
	closed func()          // told when the connection ends; nil: nobody is

	tlsProblem tlsrpt.Kind // why there is no TLS as there should be
	tlsFlaw    tlsrpt.Kind // of a certificate that is taken all the same

	broken     bool // no dialogue is possible any more
	trouble    bool // the connection failed, not the peer's word
	slow       bool // it failed by silence
	dirty      bool // a transaction is open: RSET before the next
	deliveries int64
	recipients int64
}

func newSession(ctx context.Context, conn net.Conn, t target, o *Options) *session {
	s := &session{ctx: ctx, raw: conn, conn: conn, opt: o, target: t, tls: inClear()}
	s.r = bufio.NewReaderSize(s, readBuffer)
	s.w = bufio.NewWriterSize(s, writeBuffer)
	s.unhook = context.AfterFunc(ctx, s.hurry)
	return s
}

// Read lets the reader stay the same when TLS begins.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	s.tap.Server(p[:n])
	return n, err
}

// Write counts bytes and bounds the wait.
func (s *session) Write(p []byte) (int, error) {
	s.deadline(s.raw.SetWriteDeadline, blockTimeout)
	s.tap.Client(p)
	n, err := s.conn.Write(p)
	s.sent += int64(n)
	return n, err
}

// deadline sets a deadline, unless the Serve has ended. It reads the real
// time, since the kernel does.
func (s *session) deadline(set func(time.Time) error, limit time.Duration) {
	// An error here means a closed socket, which the next read or write tells.
	_ = set(time.Now().Add(limit))
	if s.ctx.Err() != nil {
		s.hurry()
	}
}

// hurry ends every wait of a Serve that has ended, but for a reply to content
// that is all out.
func (s *session) hurry() {
	limit := -time.Second
	if s.final.Load() {
		limit = grace
	}
	_ = s.raw.SetDeadline(time.Now().Add(limit))
}

// result is an outcome at the point the session has reached.
func (s *session) result(v queue.Verdict, r *smtp.Reply) *queue.Result {
	return &queue.Result{
		Verdict: v, Reply: r, Stage: s.stage, Bytes: s.sent,
		Remote: s.target.addr.Addr(), ConnID: s.id, TLS: s.tls,
	}
}

// lost is the outcome of an error on the connection at a step: text is what we
// say where the peer is still there. Nothing is lost when we end it ourselves
// before the content is out.
func (s *session) lost(err error, text *smtp.Reply) *queue.Result {
	s.broken, s.trouble, s.slow = true, true, isTimeout(err)
	if s.ctx.Err() != nil && !s.final.Load() {
		return s.result(queue.NotAttempted, nil)
	}
	if !s.slow && !errors.Is(err, errReplySyntax) && !errors.Is(err, errReplyLong) {
		text = replyClosed
	}
	return s.result(queue.TransientFailure, text.WithCause(err))
}

// send queues a command line; flush sends what is queued.
func (s *session) send(line string) {
	s.w.WriteString(line)
	s.w.WriteString("\r\n")
}

func (s *session) flush(st *step) *queue.Result {
	if s.w.Buffered() == 0 {
		return nil
	}
	s.stage = st.during
	if err := s.w.Flush(); err != nil {
		return s.lost(err, st.unsent)
	}
	return nil
}

// reply reads the reply to a step. A 421 is the last that the peer says,
// wherever it comes (RFC 5321 §3.8).
func (s *session) reply(st *step) (*smtp.Reply, *queue.Result) {
	s.stage = st.during
	s.deadline(s.raw.SetReadDeadline, st.limit(s.opt))
	r, err := readReply(s.r)
	if err != nil {
		return nil, s.lost(err, st.silent)
	}
	s.stage = st.after
	s.broken = s.broken || r.Code == 421
	return r, nil
}

// command sends one line and reads its reply.
func (s *session) command(st *step, line string) (*smtp.Reply, *queue.Result) {
	s.send(line)
	if failed := s.flush(st); failed != nil {
		return nil, failed
	}
	return s.reply(st)
}

// refusal is the outcome of a reply that is not the one hoped for.
func (s *session) refusal(r *smtp.Reply, st *step) *queue.Result {
	if r.Refuses() {
		return s.result(verdictOf(r), r)
	}
	s.broken = true // a success of the wrong kind: we are out of step
	return s.result(queue.TransientFailure, st.silent.WithCause(r))
}

// usable says whether another transaction may begin.
func (s *session) usable(o *Options) bool {
	switch {
	case s.broken:
		return false
	case o.MaxDeliveries > 0 && s.deliveries >= o.MaxDeliveries:
		return false
	case o.MaxRecipients > 0 && s.recipients >= o.MaxRecipients:
		return false
	}
	return true
}

// close ends the connection, with QUIT where the dialogue is in step (RFC 5321
// §4.1.1.10).
func (s *session) close() {
	if !s.broken && s.ctx.Err() == nil {
		// Whatever comes of it, the connection ends.
		_, _ = s.command(stepQuit, "QUIT")
	}
	s.unhook()
	s.conn.Close()
	if s.closed != nil {
		s.closed()
	}
}
