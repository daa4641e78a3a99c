package smtpd

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/trace"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk/smtp"
)

// Config is what a Server needs. All of it is set and safe for concurrent use.
type Config struct {
	Validator *validate.Validator
	Door      Door
	Log       Log
	// ProfileFor gives the profile of a peer at a listen scope. It is asked
	// anew for each session, so that a reload reaches the next one.
	ProfileFor func(listen string, peer netip.Addr) *Profile
	// Auth decides about credentials; it is asked only where a profile offers
	// AUTH.
	Auth Authenticator
	// Aliases expands recipients; nil: they stay as they are.
	Aliases Aliases
	// Account writes an attempt at AUTH to the acctlog.
	Account func(a *logs.Authentication)
	// Hostname is the host's name in banners and Received fields.
	Hostname func() string
	// NewID makes a connection or message id.
	NewID func() string
	// Blackhole is the reply to recipients of a domain whose mail is not to be
	// delivered; nil, or a nil reply: it is.
	Blackhole func(domain string) *smtp.Reply
	// Visits is told of connections; nil: nobody is.
	Visits Visits
	// Trace gives the dialogue of a connection that somebody looks on; nil:
	// nobody does.
	Trace func(about trace.About) *trace.Dialogue
	// Problem tells the operator of a failure that no peer sees (paniclog).
	Problem func(text string)
	Now     func() time.Time
	// After waits, for tarpits and back-off; time.After but for tests.
	After func(time.Duration) <-chan time.Time
	// Sweeps says when to look for sessions that wait; nil: several times a second.
	Sweeps <-chan time.Time
}

// Server is SMTP in.
type Server struct {
	Config
	ctx     context.Context // hooks and the door run under it
	cancel  context.CancelFunc
	live    registry
	rates   rates          // of connections
	guesses rates          // failures at AUTH
	held    atomic.Int64   // octets of content and envelopes in memory
	wg      sync.WaitGroup // accept loops and sessions
	pool    sync.Pool      // *session
	lot     *lot           // sessions without a goroutine
	sweeper sync.WaitGroup // the sweep and the waker

	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

// New makes a server that listens nowhere yet.
func New(c Config) *Server {
	s := &Server{Config: c, listeners: map[*Listener]struct{}{}}
	if s.Visits == nil {
		s.Visits = noVisits{}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.live.sessions = map[*session]struct{}{}
	s.live.scopes = map[string]int64{}
	s.live.addresses, s.live.networks = map[netip.Addr]int64{}, map[netip.Prefix]int64{}
	s.pool.New = func() any { return &session{srv: s} }
	return s
}

// recycle keeps a session for the next connection.
func (s *Server) recycle(l *session) {
	l.reset()
	s.pool.Put(l)
}

// hangupTime is what sessions get to say their last word once the drain's time
// is over.
const hangupTime = 5 * time.Second

// Drain ends service: no more connections; a session that is in no transaction
// gets "421 4.3.2 shutting down", the others at the end of theirs. When ctx is
// done they get it at once, and what they wait for is cancelled. Drain returns
// when all are gone.
func (s *Server) Drain(ctx context.Context) {
	s.closeListeners()
	s.live.stop(&notice{reply: replyShutdown, gentle: true})
	defer s.stopSweeps()
	gone := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		s.hangup(gone)
	}
	s.cancel()
}

func (s *Server) hangup(gone <-chan struct{}) {
	s.live.stop(&notice{reply: replyShutdown})
	s.cancel()
	select {
	case <-gone:
		return
	case <-s.After(hangupTime):
	}
	// Deadlines in the past end reads and writes alike.
	s.live.each(func(l *session) { _ = l.wire.raw.Close() })
	<-gone
}
