// Package smtpd is SMTP in: it accepts connections, speaks RFC 5321 with them
// and hands each message to the door. A listener makes sessions; a session
// reads commands, looks each up in one verb table, decides syntax, limits and
// relaying, asks policy through core/validate, and answers. It runs in the
// core; core/core.go starts it last and stops it first.
//
// The way through the files is the way of a session: listener, session,
// connect, ehlo, starttls, auth, mail, rcpt, data or bdat. wire is the line reader
// and reply buffer under them, content the state machine of message content.
//
// Next: core/reception, whose door takes the content and answers for it.
package smtpd
