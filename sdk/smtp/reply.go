package smtp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reply is an SMTP reply (RFC 5321 §4.2) and, where it refuses, an error. Text
// goes to the peer and says nothing about our configuration; Cause is for our
// own logs and never leaves the process over SMTP.
type Reply struct {
	Code     int    // three digits, 200 to 599; 0 means "no reply chosen"
	Enhanced string // RFC 3463 code such as "4.3.0"; may be empty
	Text     string // one or more lines separated by \n, without codes
	Cause    error  // why, for the operator; may be nil
}

// NewReply builds a reply from its three parts.
func NewReply(code int, enhanced, text string) *Reply {
	return &Reply{Code: code, Enhanced: enhanced, Text: text}
}

// WithCause returns a copy of r that carries err for the operator's logs.
func (r *Reply) WithCause(err error) *Reply {
	c := *r
	c.Cause = err
	return &c
}

// Error says the reply as the peer sees it, then the cause.
func (r *Reply) Error() string {
	if r.Cause == nil {
		return r.String()
	}
	return r.String() + " (" + r.Cause.Error() + ")"
}

// Unwrap gives the cause to errors.Is and errors.As.
func (r *Reply) Unwrap() error { return r.Cause }

// String is the reply on one line, the lines of its text joined by blanks.
func (r *Reply) String() string {
	text := strings.ReplaceAll(r.FullText(), "\n", " ")
	return strings.TrimRight(fmt.Sprintf("%03d %s", r.Code, text), " ")
}

// FullText is the enhanced code, if there is one, and the text.
func (r *Reply) FullText() string {
	if r.Enhanced == "" {
		return r.Text
	}
	if r.Text == "" {
		return r.Enhanced
	}
	return r.Enhanced + " " + r.Text
}

// Positive reports a 2yz or 3yz reply.
func (r *Reply) Positive() bool { return r.Code >= 200 && r.Code < 400 }

// Temporary reports a 4yz reply (RFC 5321 §4.2.1).
func (r *Reply) Temporary() bool { return r.Code >= 400 && r.Code < 500 }

// Permanent reports a 5yz reply (RFC 5321 §4.2.1).
func (r *Reply) Permanent() bool { return r.Code >= 500 && r.Code < 600 }

// Refuses reports a reply that turns the command down.
func (r *Reply) Refuses() bool { return r != nil && r.Code >= 400 }

// maxReplyText bounds the text of one reply line in octets: a line has 512 with
// its code and CRLF (RFC 5321 §4.5.3.1.5), and a little is left for the
// enhanced code.
const maxReplyText = 480

// Append writes the reply in wire form to b: every line with the code, a
// hyphen on all but the last (RFC 5321 §4.2.1), and the enhanced code repeated
// on each line (RFC 2034 §4). A long line becomes several. Control characters
// that could end a line early become blanks, bytes that are no UTF-8 question
// marks.
func (r *Reply) Append(b []byte) []byte {
	lines := replyLines(r.Text)
	for i, line := range lines {
		b = strconv.AppendInt(b, int64(r.Code), 10)
		sep := byte(' ')
		if i < len(lines)-1 {
			sep = '-'
		}
		b = append(b, sep)
		if r.Enhanced != "" {
			b = append(b, r.Enhanced...)
			if line != "" {
				b = append(b, ' ')
			}
		}
		b = appendClean(b, line)
		b = append(b, '\r', '\n')
	}
	return b
}

// replyLines splits a text at its line ends, and lines that are too long at a
// blank.
func replyLines(text string) []string {
	if len(text) <= maxReplyText && strings.IndexByte(text, '\n') < 0 {
		return []string{text}
	}
	var out []string
	for _, line := range strings.Split(text, "\n") {
		for len(line) > maxReplyText {
			cut := strings.LastIndexByte(line[:maxReplyText], ' ')
			if cut <= 0 {
				cut = maxReplyText
				for cut > maxReplyText-utf8.UTFMax && !utf8.RuneStart(line[cut]) {
					cut--
				}
			}
			out = append(out, line[:cut])
			line = strings.TrimPrefix(line[cut:], " ")
		}
		out = append(out, line)
	}
	return out
}

func appendClean(b []byte, line string) []byte {
	if !utf8.ValidString(line) {
		line = strings.ToValidUTF8(line, "?")
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

// ParseReplyText splits "5.7.1 text" into its enhanced code and the rest. The
// class digit must agree with code (RFC 2034 §4); otherwise all of it is text.
func ParseReplyText(code int, text string) *Reply {
	head, rest, _ := strings.Cut(text, " ")
	if IsEnhanced(head) && len(head) > 0 && int(head[0]-'0') == code/100 {
		return &Reply{Code: code, Enhanced: head, Text: rest}
	}
	return &Reply{Code: code, Text: text}
}

// IsEnhanced reports whether s has the form class.subject.detail of RFC 3463 §2.
func IsEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || !strings.Contains("245", parts[0]) {
		return false
	}
	for _, p := range parts[1:] {
		if len(p) == 0 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// ParseReply reads a reply written as text: "550 5.7.1 no", with further lines
// that may each repeat the code ("550-5.7.1 no\r\n550 5.7.1 way"). ok is false
// where the text does not begin with a code from 200 to 599.
func ParseReply(text string) (r *Reply, ok bool) {
	code, rest, ok := cutCode(text)
	if !ok {
		return nil, false
	}
	lines := strings.Split(strings.ReplaceAll(rest, "\r\n", "\n"), "\n")
	r = ParseReplyText(code, lines[0])
	for _, line := range lines[1:] {
		if again, after, ok := cutCode(line); ok && again == code {
			line = after
		}
		if r.Enhanced != "" { // RFC 2034 §4: repeated on each line
			line = strings.TrimPrefix(strings.TrimPrefix(line, r.Enhanced), " ")
		}
		r.Text += "\n" + line
	}
	r.Text = strings.TrimRight(r.Text, "\n")
	return r, true
}

// cutCode takes a reply code and the character behind it off a line.
func cutCode(line string) (code int, rest string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || len(line) > 3 && !strings.ContainsRune(" -\r\n", rune(line[3])) {
		return 0, "", false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil {
		return 0, "", false
	}
	rest = line[3:]
	if rest != "" && (rest[0] == ' ' || rest[0] == '-') {
		rest = rest[1:]
	}
	return code, rest, true
}
