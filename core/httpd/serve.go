package httpd

import (
	"net/http"
	"strings"
	"time"

	"github.com/mtad/mtad/core/logs"
)

// injectPath is the one endpoint (docs/http.md).
const injectPath = "/api/v1/inject"

// exchange is one request and its answer.
type exchange struct {
	srv  *Server
	conn *conn
	p    *Profile
	r    *http.Request
	user string // who authenticated; "" where nobody had to
	how  string // by what: auth_name of the connection context

	http.ResponseWriter
	control *http.ResponseController
	status  int
	sent    int64
}

// ServeHTTP is part of http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	x := &exchange{srv: s, conn: c, p: s.profile(c), r: r, ResponseWriter: w, control: http.NewResponseController(w)}
	began := s.Now()
	defer x.log(began)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if x.p == nil {
		h.Set("Connection", "close")
		x.fail(problemUnavailable)
		return
	}
	if n := c.requests.Add(1); x.p.MaxRequests > 0 && n >= x.p.MaxRequests {
		h.Set("Connection", "close")
	}
	x.route()
}

func (x *exchange) route() {
	if strings.TrimSuffix(x.r.URL.Path, "/") != injectPath {
		x.fail(problemNotFound)
		return
	}
	if x.r.Method != http.MethodPost {
		x.Header().Set("Allow", http.MethodPost) // RFC 9110 §15.5.6
		x.fail(problemMethod)
		return
	}
	if !x.authenticate() {
		// Whoever guesses pays with a connection for each guess.
		x.Header().Set("Connection", "close")
		if x.p.basic != nil {
			x.Header().Add("WWW-Authenticate", `Basic realm="mtad", charset="UTF-8"`) // RFC 7617 §2
		}
		x.Header().Add("WWW-Authenticate", `Bearer realm="mtad"`) // RFC 6750 §3
		x.fail(problemUnauthorized)
		return
	}
	x.inject()
}

// WriteHeader is part of http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	x.status = status
	if x.conn.listener.isClosed() {
		x.Header().Set("Connection", "close")
	}
	// Where it cannot be set the connection is about to fail as well.
	_ = x.control.SetWriteDeadline(time.Now().Add(x.requestTime()))
	x.ResponseWriter.WriteHeader(status)
}

// Write is part of http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	n, err := x.ResponseWriter.Write(p)
	x.sent += int64(n)
	return n, err
}

// requestTime is how long one step of the client may take.
func (x *exchange) requestTime() time.Duration {
	if x.p == nil || x.p.RequestTime <= 0 {
		return time.Minute
	}
	return x.p.RequestTime
}

// log writes the httplog record.
func (x *exchange) log(began time.Time) {
	now := x.srv.Now()
	x.srv.Request(&logs.HTTPRequest{
		Now: now, Remote: x.conn.peer, Local: x.conn.listener.name, Method: x.r.Method, Path: x.r.URL.EscapedPath(),
		Version: x.r.Proto, Status: x.status, Bytes: x.sent, Took: now.Sub(began), User: x.user,
		ToPaniclog: x.p != nil && x.p.LogToPaniclog,
	})
}
