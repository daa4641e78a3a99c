package logs

import (
	"strconv"
	"time"

	"go.uber.org/zap"
)

// Authentication is an attempt to authenticate, an N record of the acctlog
// (reference/logs.md, acctlog).
type Authentication struct {
	Now      time.Time
	Listener string // the listen scope
	Peer     string // ip:port, "" on a Unix socket
	User     string // as the client said it
	OK       bool
	TimedOut bool // the client went silent within the exchange: a T record
}

// Authorization is an order that was allowed or not, a Z record of the acctlog
// (reference/logs.md, acctlog).
type Authorization struct {
	Authentication
	Command string
	Role    string // that allowed it
	Failed  bool   // it could not be decided
}

// Authentication writes an N record, or a T record.
func (l *Logs) Authentication(a *Authentication) {
	kind := "N"
	if a.TimedOut {
		kind = "T"
	}
	l.acct.line(string(a.append(kind).number(flag(a.OK)).b))
	l.jsonAccount(kind, a)
}

// Authorization writes a Z record.
func (l *Logs) Authorization(a *Authorization) {
	r := a.append("Z")
	switch {
	case a.Failed:
		r.text("-1")
	default:
		r.number(flag(a.OK))
	}
	r.escaped(a.Command)
	if a.OK && !a.Failed {
		r.escaped(a.Role)
	}
	l.acct.line(string(r.b))
	l.jsonAccount("Z", &a.Authentication, zap.String("command", a.Command), zap.String("role", a.Role), zap.Bool("error", a.Failed))
}

// append is the front of a record.
func (a *Authentication) append(kind string) *acctRecord {
	r := &acctRecord{record{strconv.AppendInt(make([]byte, 0, 128), a.Now.Unix(), 10)}}
	r.text(kind)
	return r.escaped(localName(a.Listener)).escaped(a.Peer).escaped(a.User)
}

// acctRecord is a record whose fields are escaped.
type acctRecord struct{ record }

// escaped writes a field with a backslash in front of @, \ and control characters
// (reference/logs.md, "Escaping is documented for acctlog only"). Line ends
// become letters: a record is a line.
func (r *acctRecord) escaped(s string) *acctRecord {
	r.b = append(r.b, '@')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			r.b = append(r.b, `\n`...)
		case c == '\r':
			r.b = append(r.b, `\r`...)
		case c == '@' || c == '\\' || c < ' ' || c == 0x7f:
			r.b = append(r.b, '\\', c)
		default:
			r.b = append(r.b, c)
		}
	}
	return r
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
