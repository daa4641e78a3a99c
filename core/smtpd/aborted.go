package smtpd

import (
	"strings"

	"github.com/mtad/mtad/sdk"
)

// aborted tells policy of a client that dropped its session without QUIT
// (core_server_esmtp_session_abort). The connection is closed and no longer
// counted by then, so a slow callout holds up nobody.
func (s *session) aborted() {
	if s.silent && s.greeted && s.srv.ctx.Err() == nil && s.vs.Wants(sdk.CoreServerESMTPSessionAbort) {
		s.vs.Run(s.srv.ctx, sdk.Phase{Hook: sdk.CoreServerESMTPSessionAbort})
	}
}

// receivedText is the value of the Received field: policy's
// (core_get_received_header_text), or ours.
func (s *session) receivedText() string {
	if s.txn.received != "" {
		return s.txn.received
	}
	return s.received()
}

// maxTrace bounds, in bytes, the Received field that policy words.
const maxTrace = 4096

// traceText is a text of policy's as the value of a header field: without the
// field's name, and with lines that can be nothing but its continuation (RFC
// 5322 §2.2.3). "" where nothing is left, or too much.
func traceText(text string) string {
	const name = "received:"
	text = strings.TrimSpace(text)
	if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
		text = text[len(name):]
	}
	var lines []string
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if line = strings.TrimSpace(strings.Map(printable, line)); line != "" {
			lines = append(lines, line)
		}
	}
	if out := strings.Join(lines, "\r\n\t"); len(out) <= maxTrace {
		return out
	}
	return ""
}

// printable drops what has no place in a header field.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}
