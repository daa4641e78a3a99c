package httpd

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
)

// Bounds of what is not an option.
const (
	headerTime = 30 * time.Second // for a request's header section, and for a TLS handshake
	maxHeader  = 64 << 10         // bytes of a request's header section
	maxStreams = 32               // of an HTTP/2 connection
	maxBodies  = 512 << 20        // bytes of the JSON requests that are held at once
	maxReceive = 10 * time.Minute // for a whole body
)

// Door is where a message goes once its envelope is known; *reception.Door is
// one.
type Door interface {
	NewDraft(e reception.Envelope) *reception.Draft
	Submit(ctx context.Context, s *validate.Session, dr *reception.Draft) reception.Submission
}

// Authenticator decides about passwords; *auth.Directory is one.
type Authenticator interface {
	Authenticate(ctx context.Context, t *auth.Target, p *auth.Proof) sdk.AuthStatus
}

// Config is what a Server needs. All of it is set and safe for concurrent use.
type Config struct {
	Validator *validate.Validator
	Door      Door
	Auth      Authenticator
	// Account writes an attempt with a password to the acctlog.
	Account func(a *logs.Authentication)
	// Request writes an answered request to the httplog.
	Request func(r *logs.HTTPRequest)
	// ProfileFor gives the profile of a client at a listen scope; nil: none, and
	// it has been said why. It is asked anew for each request, so that a reload
	// reaches the next one.
	ProfileFor func(listen string, peer netip.Addr) *Profile
	// Hostname is the host's name in Received fields.
	Hostname func() string
	// NewID makes a connection or message id.
	NewID func() string
	// Problem tells the operator of a failure that no client sees (paniclog).
	Problem func(text string)
	Now     func() time.Time
}

// Server is HTTP in.
type Server struct {
	Config
	http   *http.Server
	ctx    context.Context // hooks and the door run under it
	cancel context.CancelFunc
	bodies atomic.Int64 // bytes of JSON requests held now

	mu        sync.Mutex
	listeners map[*Listener]struct{}
	serving   sync.WaitGroup
}

// New makes a server that listens nowhere yet.
func New(c Config) *Server {
	s := &Server{Config: c, listeners: map[*Listener]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, MaxHeaderBytes: maxHeader,
		ConnContext: s.connContext, ConnState: stateChanged,
		ErrorLog: log.New(complaints{c.Problem}, "", 0),
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
	return s
}

// complaints takes what net/http says. What any client can cause is nothing that
// an operator needs to read.
type complaints struct{ problem func(string) }

// Write is part of io.Writer.
func (c complaints) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if !strings.Contains(text, "TLS handshake error") && !strings.HasPrefix(text, "http2:") {
		c.problem("http_listener: " + text)
	}
	return len(p), nil
}

// Drain ends service: no more connections, idle ones are closed, and requests
// under way are answered. When ctx is done they are cut off, and what they wait
// for is cancelled. Drain returns when all are gone.
func (s *Server) Drain(ctx context.Context) {
	for _, l := range s.all() {
		l.Close()
	}
	err := s.http.Shutdown(ctx)
	s.cancel()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		_ = s.http.Close() // they get no answer
	}
	s.serving.Wait()
}

func (s *Server) all() []*Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*Listener
	for l := range s.listeners {
		out = append(out, l)
	}
	return out
}

// Connections is how many connections there are.
func (s *Server) Connections() int {
	n := 0
	for _, l := range s.all() {
		n += l.count()
	}
	return n
}

// connKey is the conn in a request's context.
type connKey struct{}

func (s *Server) connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, connOf(c))
}
