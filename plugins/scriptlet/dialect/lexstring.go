package dialect

import (
	"strings"
	"unicode/utf8"
)

// scanString takes a quoted string. Without a backslash its value is a slice
// of the source.
func (l *lexer) scanString(t *token) {
	quote := l.src[l.pos]
	l.pos++
	start := l.pos
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case quote:
			t.kind, t.str = tString, l.src[start:l.pos]
			l.pos++
			return
		case '\\':
			l.scanEscaped(t, quote, start)
			return
		case '\n', '\r':
			l.bad(t, "unfinished string near '%s'", near(l.src[t.off:l.pos]))
			return
		default:
			l.pos++
		}
	}
	l.bad(t, "unfinished string near '<eof>'")
}

// scanEscaped goes on from the first backslash.
func (l *lexer) scanEscaped(t *token, quote byte, start int) {
	b := []byte(l.src[start:l.pos])
	read := func() string { return near(string(quote) + string(b)) }
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; c {
		case quote:
			t.kind, t.str = tString, string(b)
			l.pos++
			return
		case '\\':
			l.pos++
			var why string
			if b, why = l.escape(b); why != "" {
				text := near(l.src[t.off:l.pos])
				if why == tooLarge { // Lua 5.1 shows what it has read
					text = read()
				}
				l.bad(t, "%s near '%s'", why, text)
				l.skipString(quote)
				return
			}
		case '\n', '\r':
			l.bad(t, "unfinished string near '%s'", read())
			return
		default:
			b = append(b, c)
			l.pos++
		}
	}
	l.bad(t, "unfinished string near '<eof>'")
}

// skipString goes behind a string whose escape was wrong, so that the next
// error found is not its closing quote.
func (l *lexer) skipString(quote byte) {
	for l.pos < len(l.src) && l.src[l.pos] != '\n' && l.src[l.pos] != '\r' {
		l.pos++
		if l.src[l.pos-1] == quote {
			return
		}
	}
}

// escape appends what follows a backslash, or says what is wrong with it.
func (l *lexer) escape(b []byte) ([]byte, string) {
	if l.pos >= len(l.src) {
		return b, ""
	}
	c := l.src[l.pos]
	switch c {
	case '\n', '\r':
		l.newline()
		return append(b, '\n'), ""
	case 'x':
		return l.hexEscape(b)
	case 'u':
		return l.unicodeEscape(b)
	}
	if isDigit(c) {
		return l.decimalEscape(b)
	}
	l.pos++
	if i := strings.IndexByte("abfnrtv", c); i >= 0 {
		c = "\a\b\f\n\r\t\v"[i]
	}
	return append(b, c), "" // an unknown escape drops the backslash
}

func (l *lexer) hexEscape(b []byte) ([]byte, string) {
	high, ok1 := hexValue(l.peek(1))
	low, ok2 := hexValue(l.peek(2))
	if !ok1 || !ok2 {
		l.pos++
		return b, "expected hex digit"
	}
	l.pos += 3
	return append(b, byte(high<<4|low)), ""
}

// unicodeEscape takes up to 8 hex digits, greedily; 4, 6 and 8 are legal.
func (l *lexer) unicodeEscape(b []byte) ([]byte, string) {
	l.pos++
	var v uint32
	n := 0
	for ; n < 8; n++ {
		d, ok := hexValue(l.peek(0))
		if !ok {
			break
		}
		v = v<<4 | d
		l.pos++
	}
	if n != 4 && n != 6 && n != 8 {
		return b, "expected either 4, 6 or 8 hex digits for unicode escape"
	}
	if v > 0x7fffffff {
		return b, "unicode escape sequence too large"
	}
	return appendUTF8(b, v), ""
}

// appendUTF8 encodes v by the rule of RFC 2279: surrogates as they are, and up
// to six bytes, which Go's encoder refuses.
func appendUTF8(b []byte, v uint32) []byte {
	if v < utf8.RuneSelf {
		return append(b, byte(v))
	}
	n := 2
	for limit := uint32(0x800); v >= limit && n < 6; limit <<= 5 {
		n++
	}
	b = append(b, byte(0xff<<(8-n))|byte(v>>(6*(n-1))))
	for n -= 2; n >= 0; n-- {
		b = append(b, 0x80|byte(v>>(6*n))&0x3f)
	}
	return b
}

const tooLarge = "escape sequence too large"

func (l *lexer) decimalEscape(b []byte) ([]byte, string) {
	v := 0
	for n := 0; n < 3 && isDigit(l.peek(0)); n++ {
		v = 10*v + int(l.src[l.pos]-'0')
		l.pos++
	}
	if v > 255 {
		return b, tooLarge
	}
	return append(b, byte(v)), ""
}

func hexValue(c byte) (uint32, bool) {
	switch {
	case isDigit(c):
		return uint32(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint32(c|0x20-'a') + 10, true
	}
	return 0, false
}

func (l *lexer) scanLong(t *token) {
	level, ok := l.longOpening()
	if !ok {
		l.bad(t, "invalid long string delimiter near '%s'", near(l.src[t.off:min(l.pos+2, len(l.src))]))
		l.pos++
		return
	}
	s, ok := l.longBracket(level, "string")
	if !ok {
		t.kind = tError
		return
	}
	t.kind, t.str = tString, s
}

// longOpening is the level of a long bracket that opens at the position, and
// steps behind it if there is one.
func (l *lexer) longOpening() (int, bool) {
	n := 1
	for l.peek(n) == '=' {
		n++
	}
	if l.peek(n) != '[' {
		return 0, false
	}
	l.pos += n + 1
	return n - 1, true
}

// longBracket reads up to the closing bracket of the level. The first line end
// is dropped and each other one is \n, whatever it was.
func (l *lexer) longBracket(level int, what string) (string, bool) {
	if c := l.peek(0); c == '\n' || c == '\r' {
		l.newline()
	}
	closing := "]" + strings.Repeat("=", level) + "]"
	var b []byte
	start := l.pos
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ']' && strings.HasPrefix(l.src[l.pos:], closing):
			s := l.src[start:l.pos]
			if b != nil {
				s = string(append(b, s...))
			}
			l.pos += len(closing)
			return s, true
		case c == '[' && level == 0 && l.peek(1) == '[':
			l.text = "nesting of [[...]] is deprecated near '[['" // Lua 5.1 refuses it too
			l.pos += 2
			return "", false
		case c == '\n' || c == '\r':
			b = append(append(b, l.src[start:l.pos]...), '\n')
			l.newline()
			start = l.pos
		default:
			l.pos++
		}
	}
	l.text = "unfinished long " + what + " near '<eof>'"
	return "", false
}

// near shortens what an error message quotes.
func near(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}
