package delivery

import (
	"bufio"
	"errors"
	"strings"

	"github.com/mtad/mtad/sdk/smtp"
)

const (
	// readBuffer holds a reply line with room to spare: 512 octets is the
	// least a client must take (RFC 5321 §4.5.3.1.5).
	readBuffer = 4096
	// maxReplyLines bounds the lines of one reply.
	maxReplyLines = 128
	// maxReplyText is how much of a reply's text is kept, in bytes: it goes
	// into logs, bounces and the spool.
	maxReplyText = 4096
)

var (
	errReplySyntax = errors.New("malformed reply")
	errReplyLong   = errors.New("reply is too long")
)

// readReply reads one reply of any number of lines (RFC 5321 §4.2.1). A line
// may end in a bare LF; no text is longer or has more lines than the bounds.
func readReply(r *bufio.Reader) (*smtp.Reply, error) {
	var text strings.Builder
	first := &smtp.Reply{}
	for n := range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, errReplyLong
		}
		if err != nil {
			return nil, err
		}
		code, rest, more, ok := parseReplyLine(line)
		if !ok || n > 0 && code != first.Code {
			// "The reply code on each of the lines MUST be the same" (RFC 5321
			// §4.2.1); with two codes nobody knows which is meant.
			return nil, errReplySyntax
		}
		if n == 0 {
			*first = *smtp.ParseReplyText(code, rest)
			rest = first.Text
		} else {
			rest = withoutEnhanced(rest, first.Enhanced)
			text.WriteByte('\n')
		}
		text.WriteString(rest[:min(len(rest), max(0, maxReplyText-text.Len()))])
		if !more {
			// The bound may have cut a character in two.
			first.Text = strings.ToValidUTF8(strings.TrimRight(text.String(), "\n"), "")
			return first, nil
		}
	}
	return nil, errReplyLong
}

// parseReplyLine takes a line apart: code, text, and whether more lines come.
func parseReplyLine(line []byte) (code int, text string, more, ok bool) {
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	line = line[:end]
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, "", false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, "", false, false
		}
		code = code*10 + int(c-'0')
	}
	if len(line) == 3 {
		return code, "", false, true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, "", false, false
	}
	return code, clean(line[4:]), line[3] == '-', true
}

// clean is a reply's text fit for logs: control characters become blanks and
// what is not UTF-8 a question mark.
func clean(text []byte) string {
	s := strings.ToValidUTF8(string(text), "?")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// withoutEnhanced removes the enhanced code that later lines repeat (RFC 2034
// §4).
func withoutEnhanced(text, enhanced string) string {
	if enhanced == "" {
		return text
	}
	rest, found := strings.CutPrefix(text, enhanced)
	if found && (rest == "" || rest[0] == ' ') {
		return strings.TrimPrefix(rest, " ")
	}
	return text
}
