package logs

import "time"

// Authentication is an attempt to authenticate, an N record of the acctlog
// (reference/logs.md, acctlog).
type Authentication struct {
	Now      time.Time
	Listener string // the listen scope
	Peer     string // ip:port, "" on a Unix socket
	User     string // as the client said it
	OK       bool
}

// Authorization is an order that was allowed or not, a Z record of the acctlog
// (reference/logs.md, acctlog).
type Authorization struct {
	Authentication
	Command string
	Role    string // that allowed it
	Failed  bool   // it could not be decided
}

// Authentication writes an N record.
func (l *Logs) Authentication(a *Authentication) {
	l.acct.line(string(a.record("N").b))
}

// Authorization writes a Z record.
func (l *Logs) Authorization(a *Authorization) {
	r := newRecord(a.Now).text("Z").text(a.Listener).text(a.Peer).text(a.User)
	switch {
	case a.Failed:
		r.text("-1")
	default:
		r.number(flag(a.OK))
	}
	r.text(a.Command)
	if a.OK && !a.Failed {
		r.text(a.Role)
	}
	l.acct.line(string(r.b))
}

func (a *Authentication) record(kind string) *record {
	return newRecord(a.Now).text(kind).text(a.Listener).text(a.Peer).text(a.User).number(flag(a.OK))
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
