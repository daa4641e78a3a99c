package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Guard is who may give which orders at an endpoint. A Unix socket's peer needs
// no login: the system says who it is (manual, Control_Listener authentication).
type Guard struct {
	// Authenticate decides whether a console is who it says; nil: it need not
	// say. It keeps the password to itself.
	Authenticate func(ctx context.Context, peer, user, password string) bool
	// Authorize decides whether user may give an order; nil: any.
	Authorize func(ctx context.Context, peer, user, command string) bool
	// Connected is told of the peers that the system vouches for; nil: nobody
	// is.
	Connected func(user string)
}

// ErrLogin is what a command gets from an endpoint that wants Login first.
var ErrLogin = errors.New("Authorization required for console session") //nolint:staticcheck // the manual's words

// errNotAuthorized has the manual's words (Control_Listener authorization).
var errNotAuthorized = errors.New("Not Authorized for this command") //nolint:staticcheck // the same

var (
	errLoginFirst  = errors.New("login first")
	errLoginFailed = errors.New("authentication failed")
)

// statusLogin ends the reply to a command that came before the login.
const (
	statusLogin = 2
	loginHead   = ".2"
)

// A console gets so many logins wrong, then the connection ends; an answer to a
// wrong one takes this long.
const (
	maxLogins  = 3
	loginPause = time.Second
)

// credentials are a login request.
type credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// caller is a connection's user.
type caller struct {
	guard  *Guard
	peer   string // ip:port; "" on a Unix socket
	user   string
	known  bool
	failed int
	pause  func(context.Context)
	slot   any // of commands (Call.Slot)
}

func (s *Server) guard(c net.Conn, e Listen) *caller {
	g := &caller{guard: &Guard{}, pause: pauseLogin}
	if s.pause != nil {
		g.pause = s.pause
	}
	var peer netip.AddrPort
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		peer = tcp.AddrPort()
		g.peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()).String()
	}
	if s.Guard != nil {
		if guard := s.Guard(e.Addr, peer); guard != nil {
			g.guard = guard
		}
	}
	if unix, ok := c.(*net.UnixConn); ok {
		g.known, g.user = true, peerUser(unix)
		if g.guard.Connected != nil {
			g.guard.Connected(g.user)
		}
	}
	return g
}

func pauseLogin(ctx context.Context) {
	t := time.NewTimer(loginPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// may says why a command may not be run, if so.
func (g *caller) may(ctx context.Context, words []string) error {
	if !g.known && g.guard.Authenticate != nil {
		return errLoginFirst
	}
	if g.guard.Authorize != nil && len(words) > 0 && !g.guard.Authorize(ctx, g.peer, g.user, strings.Join(words, " ")) {
		return errNotAuthorized
	}
	return nil
}

// isLogin reports a login request: an object, where commands are arrays.
func isLogin(line []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("{")) }

// login answers a login request. The error ends the connection.
func (g *caller) login(ctx context.Context, line []byte, out *reply) error {
	var c credentials
	err := json.Unmarshal(line, &c)
	clear(line) // it holds the password
	if err == nil && (g.guard.Authenticate == nil || g.known && g.peer == "") {
		return out.end(true)
	}
	if err == nil && g.guard.Authenticate(ctx, g.peer, c.User, c.Password) {
		g.known, g.user = true, c.User
		return out.end(true)
	}
	g.known, g.user = false, ""
	g.failed++
	g.pause(ctx)
	fmt.Fprintln(out, errLoginFailed)
	if err := out.end(false); err != nil {
		return err
	}
	if g.failed >= maxLogins {
		return errLoginFailed
	}
	return nil
}

// Login says who is at the console. ErrRefused: it is not believed.
func (c *Console) Login(user, password string) error {
	line, err := json.Marshal(credentials{user, password})
	if err != nil {
		return err
	}
	var said bytes.Buffer
	return c.exchange(line, &said)
}
