package smtpd

import (
	"bytes"

	"github.com/mtad/mtad/core/logs"
)

// verb is a row of the verb table.
type verb struct {
	name   string
	extra  int  // octets that a line may have beyond 512
	junk   bool // of no use for mail, and so counted
	early  bool // allowed before HELO where require_ehlo is on
	octets bool // what follows it is no command: unread, it must not pass for one
	run    func(s *session, arg string) error
}

// maxCommand is the length of a command line with its CRLF (RFC 5321
// §4.5.3.1.4).
const maxCommand = 512

// verbs is the verb table, the frequent ones first.
var verbs = [...]verb{
	// NOTIFY 28, ORCPT 507 (RFC 3461 §4.1, §4.2).
	{name: "RCPT", extra: 28 + 507, run: (*session).rcpt},
	// SIZE 26 (RFC 1870 §3), BODY 17 (RFC 6152 §2), SMTPUTF8 10 (RFC 6531 §3.1),
	// AUTH 500 (RFC 4954 §3), MT-PRIORITY 15 (RFC 6710 §4), RET 9 and ENVID 107
	// (RFC 3461 §4.3, §4.4).
	{name: "MAIL", extra: 26 + 17 + 10 + 500 + 15 + 9 + 107, run: (*session).mail},
	{name: "DATA", run: (*session).data},
	{name: "EHLO", early: true, junk: true, run: (*session).ehlo},
	{name: "QUIT", early: true, run: (*session).quit},
	{name: "RSET", early: true, junk: true, run: (*session).rset},
	{name: "BDAT", octets: true, run: (*session).bdat},
	{name: "HELO", early: true, junk: true, run: (*session).heloCommand},
	{name: "NOOP", early: true, junk: true, run: (*session).noop},
	{name: "STARTTLS", run: (*session).starttls},
	{name: "VRFY", extra: 10, junk: true, run: (*session).vrfy}, // RFC 6531 §3.7.4.2: SMTPUTF8
	{name: "HELP", early: true, junk: true, run: (*session).help},
	{name: "EXPN", extra: 10, run: (*session).notDone},
	{name: "GET", early: true, run: (*session).web},
	{name: "POST", early: true, run: (*session).web},
	{name: "CONNECT", early: true, run: (*session).web},
	{name: "XCLIENT", extra: maxCommand, run: (*session).xclient},
	{name: "AUTH", extra: maxAuthCommand - maxCommand, run: (*session).auth},
}

// splitCommand splits a line at its first blank; trim takes blanks off the end.
func splitCommand(line []byte, trim bool) (name []byte, arg string) {
	if trim {
		line = bytes.TrimRight(line, " ")
	}
	name, rest, _ := bytes.Cut(line, []byte(" "))
	return name, string(rest)
}

// findVerb looks a verb up without regard to case (RFC 5321 §2.4).
func findVerb(name []byte) *verb {
	for i := range verbs {
		if equalFold(name, verbs[i].name) {
			return &verbs[i]
		}
	}
	return nil
}

// equalFold compares ASCII b with an upper-case word.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		c := b[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// hasControl reports a control character: none is part of any command, and one
// that got through could forge lines in logs and in policy.
func hasControl(line []byte) bool {
	for _, c := range line {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}

// command carries one command line out.
func (s *session) command(line []byte) error {
	if hasControl(line) {
		return s.refuse(s.phase(), replyControl)
	}
	name, arg := splitCommand(line, s.p.EnvelopeBlanks)
	v := findVerb(name)
	if s.count(v) {
		return nil
	}
	switch {
	case v == nil && bytes.HasSuffix(name, []byte(":")):
		// Message text, or what a browser sends, would pass for commands.
		return s.refuse(s.phase(), replyNoText)
	case v == nil:
		return s.refuse(s.phase(), replyUnknown)
	case len(line)+len("\r\n") > maxCommand+v.extra:
		s.closing = v.octets
		return s.refuse(s.phase(), replyLineLong)
	case !v.early && s.p.RequireEHLO && s.helo == "":
		s.closing = v.octets
		return s.refuse(logs.PhaseAwaitingEHLO, replyNeedEHLO)
	}
	return v.run(s, arg)
}

// rset is RFC 5321 §4.1.1.5. A session moves to the current generation here
// (design section 4).
func (s *session) rset(arg string) error {
	if arg != "" {
		return s.refuse(s.phase(), replyNoArgument)
	}
	s.endTransaction()
	s.vs.Move()
	s.wire.say(sayOK)
	return nil
}

// noop is RFC 5321 §4.1.1.9; an argument is ignored.
func (s *session) noop(string) error {
	s.wire.say(sayOK)
	return nil
}

// quit is RFC 5321 §4.1.1.10.
func (s *session) quit(arg string) error {
	if arg != "" {
		return s.refuse(s.phase(), replyNoArgument)
	}
	s.wire.say("221 2.0.0 " + s.srv.Hostname() + " closing connection\r\n")
	s.closing, s.quitted = true, true
	return nil
}

// vrfy neither confirms nor denies (RFC 5321 §3.5.3, §7.3).
func (s *session) vrfy(arg string) error {
	if arg == "" {
		return s.refuse(s.phase(), replyArgument)
	}
	s.wire.say(sayCannotVRF)
	return nil
}

func (s *session) help(string) error {
	s.wire.say(sayHelp)
	return nil
}

// web ends the session of a browser or proxy that was made to talk to us: what
// it sends next would pass for commands.
func (s *session) web(string) error { return s.refuse(s.phase(), replyNoWeb) }

// notDone answers verbs that are known and not offered (RFC 5321 §4.2.4).
func (s *session) notDone(string) error { return s.refuse(s.phase(), replyNotDone) }
