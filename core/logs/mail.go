package logs

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// record builds an @-separated line (reference/logs.md, "Common rules").
type record struct{ b []byte }

func newRecord(now time.Time) *record {
	return &record{strconv.AppendInt(make([]byte, 0, 256), now.Unix(), 10)}
}

func (r *record) text(s string) *record {
	r.b = append(r.b, '@')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		r.b = append(r.b, c)
	}
	return r
}

func (r *record) number(n int64) *record {
	r.b = strconv.AppendInt(append(r.b, '@'), n, 10)
	return r
}

// seconds writes a duration as the manual's samples do: 0.393, 18.53.
func (r *record) seconds(d time.Duration) *record {
	s := strconv.FormatFloat(max(d.Seconds(), 0), 'f', 3, 64)
	return r.text(strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
}

func (r *record) address(a smtp.Address) *record {
	local, domain := a.Split()
	return r.text(local).text(domain)
}

// connID is the outbound connection, or the null id where none was made.
func (r *record) connID(a *Attempt) *record {
	if a.ConnID == "" {
		return r.text("00/00-00000-00000000")
	}
	return r.text(a.ConnID)
}

func (r *record) addr(a netip.Addr) *record {
	if !a.IsValid() {
		return r.text("")
	}
	return r.text(a.Unmap().String())
}

// Reception writes the R record of a message that is durable now.
func (l *Logs) Reception(m *message.Message) {
	if l.options.Load().NoReceptions {
		return
	}
	r := newRecord(m.Received).text(m.ID).text(m.BatchID).text(m.ConnID).text("R").
		address(m.Recipient).address(m.Sender)
	if m.Peer.IsValid() && m.Protocol != sdk.ProtocolREST { // reference/logs.md: "Source IP of HTTP receptions: unknown"
		r.addr(m.Peer.Addr())
	} else {
		r.text("unknown")
	}
	r.number(m.Content.Size).text(m.Protocol.String()).text(m.BindingGroup).text(m.Binding)
	l.main.line(string(r.b))
	l.jsonReception(m)
}

// Delivery writes the D record of a message the remote took.
func (l *Logs) Delivery(a *Attempt) {
	if l.options.Load().NoDeliveries {
		return
	}
	m := a.Message
	r := newRecord(a.Now).text(m.ID).text(m.BatchID).connID(a).text("D").
		text(a.Domain).number(a.Bytes).text(a.Group).text(a.Binding).
		number(int64(a.Retries)).seconds(a.Now.Sub(m.Received)).addr(a.Remote)
	l.main.line(string(r.b))
	l.jsonAttempt("D", a)
}

// TransientFailure writes the T records of mainlog and bouncelog.
func (l *Logs) TransientFailure(a *Attempt) {
	o := l.options.Load()
	if !o.NoTransientFailures {
		l.main.line(l.failure(a, "T"))
		l.jsonAttempt("T", a)
	}
	if !o.NoTransientBounces {
		l.writeBounce("T", a)
	}
}

// PermanentFailure writes the P record of mainlog and the B record of bouncelog.
func (l *Logs) PermanentFailure(a *Attempt) {
	o := l.options.Load()
	if !o.NoPermanentFailures {
		l.main.line(l.failure(a, "P"))
		l.jsonAttempt("P", a)
	}
	switch outOfBand := a.Stage == StageOutOfBand; {
	case outOfBand && !o.NoOutOfBandBounces, !outOfBand && !o.NoInbandBounces:
		l.writeBounce("B", a)
	}
}

// classSubscribe is a request to subscribe, which is never logged
// (reference/logs.md, bouncelog).
const classSubscribe = 80

// writeBounce writes a bouncelog record.
func (l *Logs) writeBounce(kind string, a *Attempt) {
	class := a.Class
	if class == 0 {
		class = l.Classify(a.Reply)
	}
	if class == classSubscribe {
		return
	}
	l.bounce.line(bounced(a, kind, class))
	l.jsonBounce(kind, a, class)
}

func (l *Logs) failure(a *Attempt, kind string) string {
	m := a.Message
	r := newRecord(a.Now).text(m.ID).text(m.BatchID).connID(a).text(kind).
		text(a.Domain).number(a.Bytes).text(a.Group).text(a.Binding).number(int64(a.Stage)).
		number(int64(a.Retries)).seconds(a.Now.Sub(m.Received)).addr(a.Remote).text(a.Reply)
	return string(r.b)
}

func bounced(a *Attempt, kind string, class int) string {
	m := a.Message
	r := newRecord(a.Now).text(m.ID).text(m.BatchID).connID(a).text(kind).
		address(m.Recipient).address(m.Sender).text(a.Group).text(a.Binding).
		number(int64(a.Stage)).number(int64(class)).number(m.Content.Size).addr(a.Remote).text(a.Reply)
	return string(r.b)
}

// Rejection writes a rejectlog record: a command or message we refused.
func (l *Logs) Rejection(r *Rejection) {
	if l.options.Load().NoRejections {
		return
	}
	b := strconv.AppendInt(make([]byte, 0, 512), r.Now.Unix(), 10)
	b = append(b, ':')
	b = appendQuoted(b, " R=", endpoint(r.Remote))
	b = appendQuoted(b, " L=", endpoint(r.Local))
	b = appendQuoted(b, " C=", r.ConnID)
	b = appendQuoted(b, " PATH=", orDefault(r.Pathway))
	b = appendQuoted(b, " PATH_GRP=", orDefault(r.Group))
	b = appendQuoted(b, " P=", r.Phase.String())
	b = strconv.AppendInt(append(b, " E="...), int64(r.Reply.Code), 10)
	b = append(append(b, " M="...), r.Module...)
	b = appendDict(b, " CTXCONN=[", r.Conn)
	b = appendDict(b, " CTXMESS=[", r.Mess)
	b = append(b, ' ')
	l.reject.line(string(appendOneLine(b, r.Reply.Text)))
	l.jsonRejection(r)
}

// endpoint is ip:port, "" where there was no connection.
func endpoint(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func orDefault(s string) string {
	if s == "" {
		return "default"
	}
	return s
}

func appendQuoted(b []byte, name, value string) []byte {
	b = append(append(b, name...), '"')
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendDict writes k=v pairs; a value with anything but plain characters is
// quoted (reference/logs.md, rejectlog).
func appendDict(b []byte, open string, d sdk.Dict) []byte {
	b = append(b, open...)
	for i, p := range d {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOneLine(b, p.Key)
		value := strings.TrimRight(p.Value, "\r\n")
		if strings.ContainsAny(value, " \t\",[]=\\\r\n") {
			b = appendQuoted(b, "=", value)
		} else {
			b = appendOneLine(append(b, '='), value)
		}
	}
	return append(b, ']')
}

func appendOneLine(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

// String is the P= text of a reception state.
func (p Phase) String() string {
	names := [...]string{
		"just connected", "sending banner", "awaiting ehlo/helo", "sending ehlo/helo response",
		"awaiting mailfrom", "sending mailfrom response", "awaiting rcptto", "sending rcptto response",
		"data phase", "reading body", "sending body response", "async body handler", "async body response",
		"relaying denied", "extension 1", "extension 2", "extension 3", "extension 4", "concurrency limit",
		"rcptto list response", "rcptto list final response", "esmtp setup phase",
	}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown"
}
