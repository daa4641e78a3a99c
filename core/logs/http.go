package logs

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// HTTPRequest is an answered request, a record of the httplog
// (reference/logs.md, httplog).
type HTTPRequest struct {
	Now        time.Time
	Remote     netip.AddrPort
	Local      string // the listen scope
	Method     string
	Path       string // escaped
	Version    string // "HTTP/1.1"
	Status     int
	Bytes      int64 // of the answer's body
	Took       time.Duration
	User       string // who authenticated; in the JSON stream only
	ToPaniclog bool   // log_requests_to_paniclog
}

// HTTPRequest writes a httplog record.
func (l *Logs) HTTPRequest(r *HTTPRequest) {
	b := strconv.AppendInt(make([]byte, 0, 160), r.Now.Unix(), 10)
	b = append(append(b, ' '), r.Remote.String()...)
	b = append(append(b, ' '), localName(r.Local)...)
	b = r.appendRequest(append(b, ' '))
	l.http.line(string(b))
	l.jsonHTTP(r)
	if r.ToPaniclog {
		b = strconv.AppendInt(b[:0], r.Now.Unix(), 10)
		b = append(append(append(b, ':'), r.Remote.Addr().String()...), ' ')
		l.panics.line(string(r.appendRequest(b)))
	}
}

// appendRequest appends what both forms of the record have in common.
func (r *HTTPRequest) appendRequest(b []byte) []byte {
	request := r.Method + " " + strings.TrimPrefix(r.Path, "/") + " " + r.Version
	b = appendQuoted(b, "", request)
	b = strconv.AppendInt(append(b, ' '), int64(r.Status), 10)
	b = strconv.AppendInt(append(b, ' '), r.Bytes, 10)
	return strconv.AppendFloat(append(b, ' '), float64(r.Took.Microseconds())/1000, 'f', 3, 64)
}

// localName is a listen scope as records have it: "*:2081".
func localName(listen string) string {
	if strings.HasPrefix(listen, ":") {
		return "*" + listen
	}
	return listen
}
