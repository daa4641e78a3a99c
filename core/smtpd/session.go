package smtpd

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/core/trace"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// transaction is the mail transaction under way.
type transaction struct {
	eightBit bool
	utf8     bool
	rcpts    int                   // RCPT commands since MAIL
	lowered  bool                  // the peer asked for a priority that is not its to ask for
	aliased  map[smtp.Address]bool // recipients that stood for others
	draft    Draft                 // content is arriving
	chunked  bool                  // it arrives with BDAT
	envelope int64                 // octets of the recipients
	held     int64                 // octets of memory taken from all sessions' share
	counted  int64                 // of the content
	header   int64                 // its size when the header section was over
	received string                // the Received field as policy words it; "": as we do

	dsn     message.DSN                  // what MAIL asked of notifications
	notices map[smtp.Address]message.DSN // and RCPT
}

// session is one connection. One goroutine runs it; what others may touch is
// in wire and entry.
type session struct {
	srv   *Server
	p     *Profile
	vs    *validate.Session
	wire  wire
	entry entry

	real     ends   // who is connected, before XCLIENT
	helo     string // the EHLO or HELO argument
	esmtp    bool
	tls      bool
	caps     []sdk.Change // capabilities that policy set or deleted,
	ownCaps  int          // the first of them at connect, the others at EHLO
	txn      transaction
	content  content
	messages int // accepted
	mails    int // MAIL commands accepted
	rcpts    int // RCPT commands
	bad      int
	junk     int // commands without use, since the last MAIL
	commands int
	pacer    *throttle.Limiter // of commands; nil: none is configured, or came
	misused  misuses
	login    login
	closing  bool // end the session once the replies are out
	quitted  bool // at the client's wish
	silent   bool // and without a word
	greeted  bool // the banner was due: the session is policy's business
}

// serve runs the session to its end.
func (s *session) serve(listen string, conn net.Conn) {
	peer := addrPort(conn.RemoteAddr())
	profile := s.srv.ProfileFor(listen, peer.Addr())
	if profile == nil { // it has been said why
		_ = conn.Close()
		s.srv.wg.Done()
		return
	}
	s.p = profile
	s.begin(listen, conn, peer)
	err := s.connect()
	s.greeted = err == nil
	s.converse(err)
}

// converse takes commands until the session ends, or is parked: another
// goroutine goes on with it then.
func (s *session) converse(err error) {
	for err == nil && !s.closing {
		var line []byte
		s.wire.phase.Store(uint32(s.phase()))
		s.wire.mayNap = true
		line, err = s.wire.line()
		s.wire.mayNap = false
		switch {
		case errors.Is(err, errNap):
			if s.srv.lot.park(s) {
				return
			}
			err = nil
		case err != nil:
		case s.outdated():
			s.closing = true
			err = s.refuse(s.phase(), s.p.reconfig)
		default:
			err = s.command(line)
		}
	}
	s.lost(err)
	s.end()
	s.srv.wg.Done()
}

func (s *session) begin(listen string, conn net.Conn, peer netip.AddrPort) {
	local := addrPort(conn.LocalAddr())
	s.wire.open(conn, s.p.IdleTime)
	if tcp, ok := conn.(*net.TCPConn); ok && s.p.IdleTime == 0 {
		// Where it fails the connection is about to fail as well.
		_ = tcp.SetKeepAlive(true)
	}
	s.real = ends{peer, local}
	s.wire.pace.least = s.p.MinRate
	s.vs = s.srv.Validator.NewSession(sdk.Conn{
		ID: s.srv.NewID(), Protocol: sdk.ProtocolESMTP, Peer: peer, Local: local,
		Context: s.presets(peer.Addr()),
	})
	s.entry.set(listen, s.vs.State.Conn)
	if s.srv.Trace != nil {
		s.wire.tap = s.srv.Trace(trace.About{ConnID: s.vs.State.Conn.ID, Peer: peer})
	}
}

// loopback is the address that a peer on a Unix socket goes by
// (reference/config-syntax.md, match scopes).
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPortFrom(loopback, 0)
}

// outdated reports a session that a reload ended (option reconfig).
func (s *session) outdated() bool {
	return s.p.reconfig != nil && !s.wire.inTxn &&
		s.srv.Validator.Current().Generation != s.vs.Generation()
}

// lost says the last word, where one is due, after what ended the loop.
func (s *session) lost(err error) {
	switch {
	case err == nil:
	case errors.Is(err, errIdle):
		s.answer(replyIdle)
	case errors.Is(err, errSlow):
		_ = s.refuse(s.phase(), replySlow)
	case errors.Is(err, errNotice):
		if n := s.wire.notice.Load(); n != nil {
			s.answer(n.reply)
		}
	case errors.Is(err, errLineEnd):
		_ = s.refuse(s.phase(), replyLineEnd)
	case errors.Is(err, errLineLong):
		_ = s.refuse(s.phase(), replyLineLong)
	default: // the peer is gone
		s.silent = true
	}
}

// end gives everything back.
func (s *session) end() {
	s.endTransaction()
	s.srv.live.remove(s)
	if !s.silent && s.wire.flush() == nil && !s.quitted && s.srv.ctx.Err() == nil {
		s.wire.linger()
	}
	// Closing tells the peer; there is nobody to tell of a failure.
	_ = s.wire.conn.Close()
	s.aborted()
	s.vs.Close()
	s.wire.release()
	s.srv.recycle(s)
}

// reset makes a session ready for the next connection.
func (s *session) reset() {
	s.p, s.vs = nil, nil
	s.helo, s.esmtp, s.tls, s.caps, s.ownCaps = "", false, false, nil, 0
	s.txn, s.content = transaction{}, content{}
	s.messages, s.mails, s.rcpts, s.bad = 0, 0, 0, 0
	s.junk, s.commands, s.pacer, s.real = 0, 0, nil, ends{}
	s.closing, s.quitted, s.silent, s.greeted = false, false, false, false
	s.misused, s.login = misuses{}, login{}
}

// endTransaction drops the transaction, and the content it may have got.
func (s *session) endTransaction() {
	if s.txn.draft != nil {
		s.txn.draft.Abort()
	}
	s.srv.held.Add(-s.txn.held)
	s.txn = transaction{}
	s.wire.inTxn = false
	s.vs.Reset()
}

// phase is the reception state between two commands.
func (s *session) phase() logs.Phase {
	switch {
	case s.txn.draft != nil:
		return logs.PhaseReadingBody
	case s.wire.inTxn:
		return logs.PhaseAwaitingRcpt
	case s.helo == "":
		return logs.PhaseAwaitingEHLO
	}
	return logs.PhaseAwaitingMail
}

// refuse answers a command with a refusal and logs it. It returns nil, so that
// a verb can end with it.
func (s *session) refuse(p logs.Phase, r *smtp.Reply) error {
	s.logRejection(p, r)
	if misuse(r) {
		s.bad++
		s.countMisuse(r)
		if s.p.ErrorDelay > 0 {
			s.tarpit(s.p.ErrorDelay)
		}
	}
	if m := s.p.MaxErrors; m > 0 && int64(s.bad) > m {
		r = replyTooManyBad
	}
	s.answer(r)
	return nil
}

// misuse reports a reply to a command that is wrong in itself.
func misuse(r *smtp.Reply) bool { return r.Code >= 500 && r.Code <= 504 || r.Code == 555 }

// answer sends a reply; 421 always ends the session (RFC 5321 §3.8).
func (s *session) answer(r *smtp.Reply) {
	s.closing = s.closing || r.Code == 421
	s.wire.reply(r)
}

func (s *session) logRejection(p logs.Phase, r *smtp.Reply) {
	st := s.vs.State
	rec := logs.Rejection{
		Now: s.srv.Now(), Remote: st.Conn.Peer, Local: st.Conn.Local, ConnID: st.Conn.ID,
		Pathway: s.p.pathway(), Group: s.p.pathwayGroup(), Phase: p, Reply: r,
		Module: s.vs.LastModule(), Conn: st.Conn.Context,
	}
	if st.Message != nil {
		rec.Mess = st.Message.Context
	}
	s.srv.Log.Rejection(&rec)
}

// pathwayGroup is what PATH_GRP of the rejectlog and %PG of custom_logger name.
func (p *Profile) pathwayGroup() string {
	if p.PathwayGroup == "" {
		return "default"
	}
	return p.PathwayGroup
}

func (p *Profile) pathway() string {
	if p.Pathway == "" {
		return "default"
	}
	return p.Pathway
}

// run is one run of phases. It gives a reply, or nil, for each phase that was
// decided, at least one, and sees to everything else in the outcome.
func (s *session) run(phases []sdk.Phase) []*smtp.Reply {
	o := s.vs.Run(s.srv.ctx, phases...)
	if s.vs.State.Message == nil { // connect and EHLO
		s.caps = append(s.caps, o.Capabilities...)
	}
	if o.Tarpit > 0 {
		s.tarpit(o.Tarpit)
	}
	if o.Ran == 0 {
		return []*smtp.Reply{validate.TemporaryFailure(phases[0].Hook)}
	}
	if a, ok := o.Answer(sdk.CoreGetReceivedHeaderText); ok {
		s.txn.received = traceText(a.Value)
	}
	last := &o.Replies[o.Ran-1]
	s.closing = s.closing || o.Close
	switch {
	case (*last).Refuses():
	case o.Close:
		*last = replyHangup
	case o.Failed:
		*last = validate.TemporaryFailure(phases[o.Ran-1].Hook)
	}
	return o.Replies
}

// hooks runs phases to the first refusal, and gives the last reply that policy
// chose, nil if it chose none, and the phase it came from. A changed recipient
// list ends a run, not the phases.
func (s *session) hooks(phases ...sdk.Phase) (reply *smtp.Reply, from sdk.Hook) {
	if !s.wanted(phases) {
		return nil, sdk.HookNone
	}
	for len(phases) > 0 && !reply.Refuses() {
		replies := s.run(phases)
		for i, r := range replies {
			if r != nil {
				reply, from = r, phases[i].Hook
			}
		}
		phases = phases[len(replies):]
	}
	return reply, from
}

func (s *session) wanted(phases []sdk.Phase) bool {
	for _, p := range phases {
		if s.vs.Wants(p.Hook) {
			return true
		}
	}
	return false
}

// tarpit holds the replies to come back; those before it go out first.
func (s *session) tarpit(d time.Duration) {
	if s.wire.flush() != nil {
		return // the next read meets the same error
	}
	select {
	case <-s.srv.After(d):
	case <-s.srv.ctx.Done():
	}
}

// succeed answers a command that was accepted: with the text that policy chose,
// under the code that the command calls for, else with what is said by default.
func (s *session) succeed(chosen *smtp.Reply, code int, say string) {
	if chosen == nil || !chosen.Positive() {
		s.wire.say(say)
		return
	}
	r := *chosen
	r.Code = code
	s.wire.reply(&r)
}
