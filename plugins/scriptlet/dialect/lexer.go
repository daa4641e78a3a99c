package dialect

import (
	"fmt"
	"strings"
)

// lexer cuts the source into tokens. After tError, text says what is wrong and
// the position is behind the damage.
type lexer struct {
	src       string
	pos       int
	line      int
	lineStart int
	text      string
}

func newLexer(src string) lexer {
	l := lexer{src: src, line: 1}
	l.pos = len(src) - len(strings.TrimPrefix(src, "\xef\xbb\xbf"))
	l.lineStart = l.pos
	return l
}

// skipShebang steps over a first line with a #, as luaL_loadfile does.
func (l *lexer) skipShebang() {
	if strings.HasPrefix(l.src[l.pos:], "#") {
		l.skipLine()
	}
}

// peek is the byte n places on; 0 behind the end.
func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

// newline steps over one line end: \n, \r, \r\n or \n\r.
func (l *lexer) newline() {
	first := l.src[l.pos]
	l.pos++
	if next := l.peek(0); (next == '\n' || next == '\r') && next != first {
		l.pos++
	}
	l.line++
	l.lineStart = l.pos
}

func (l *lexer) skipLine() {
	for l.pos < len(l.src) && l.src[l.pos] != '\n' && l.src[l.pos] != '\r' {
		l.pos++
	}
}

// next is the token at the position.
func (l *lexer) next() token {
	if !l.skipBlank() {
		return token{kind: tError, line: l.line, col: l.pos - l.lineStart + 1, end: l.line, off: l.pos, stop: l.pos}
	}
	t := token{line: l.line, col: l.pos - l.lineStart + 1, off: l.pos}
	if l.pos >= len(l.src) {
		t.kind = tEOF
	} else {
		l.scan(&t)
	}
	t.end, t.stop = l.line, l.pos
	return t
}

// skipBlank steps over white space and comments; false after a comment that does not end.
func (l *lexer) skipBlank() bool {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '\n' || c == '\r':
			l.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			l.pos++
		case c == '-' && l.peek(1) == '-':
			if !l.comment() {
				return false
			}
		default:
			return true
		}
	}
	return true
}

func (l *lexer) comment() bool {
	l.pos += 2
	if l.peek(0) == '[' {
		if level, ok := l.longOpening(); ok {
			_, ok = l.longBracket(level, "comment")
			return ok
		}
	}
	l.skipLine()
	return true
}

func (l *lexer) scan(t *token) {
	c := l.src[l.pos]
	switch {
	case isNameStart(c):
		l.scanName(t)
	case isDigit(c) || c == '.' && isDigit(l.peek(1)):
		l.scanNumber(t)
	case c == '"' || c == '\'':
		l.scanString(t)
	case c == '[' && (l.peek(1) == '[' || l.peek(1) == '='):
		l.scanLong(t)
	default:
		l.scanSymbol(t)
	}
}

func (l *lexer) scanName(t *token) {
	for l.pos < len(l.src) && (isNameStart(l.src[l.pos]) || isDigit(l.src[l.pos])) {
		l.pos++
	}
	t.str = l.src[t.off:l.pos]
	t.kind = reserved(t.str)
}

// scanNumber takes all that could belong to a numeral, as the original, so
// that 3x is a malformed number and not a 3 and a name.
func (l *lexer) scanNumber(t *token) {
	for isDigit(l.peek(0)) || l.peek(0) == '.' {
		l.pos++
	}
	if l.peek(0)|0x20 == 'e' {
		l.pos++
		if c := l.peek(0); c == '+' || c == '-' {
			l.pos++
		}
	}
	for isNameStart(l.peek(0)) || isDigit(l.peek(0)) {
		l.pos++
	}
	text := l.src[t.off:l.pos]
	v, ok := ParseNumber(text)
	if !ok {
		l.bad(t, "malformed number near '%s'%s", text, octalHint(text))
		return
	}
	t.kind, t.str = tNumber, numeral(v)
}

// octalHint says why 08 is malformed; scripts from elsewhere trip over it.
func octalHint(text string) string {
	if len(text) > 1 && text[0] == '0' && strings.Trim(text, "0123456789") == "" {
		return " (a leading 0 means octal)"
	}
	return ""
}

// scanSymbol takes an operator or a delimiter, the longest that fits.
func (l *lexer) scanSymbol(t *token) {
	rest := l.src[l.pos:]
	for n := min(3, len(rest)); n > 0; n-- {
		if k, ok := symbol(rest[:n]); ok {
			t.kind = k
			l.pos += n
			return
		}
	}
	c := rest[0]
	l.pos++
	t.kind = tUnknown
	for l.pos < len(l.src) && c >= 0xc0 && l.src[l.pos]&0xc0 == 0x80 { // the rest of a UTF-8 sequence
		l.pos++
	}
}

// bad turns t into an error.
func (l *lexer) bad(t *token, format string, args ...any) {
	t.kind = tError
	l.text = fmt.Sprintf(format, args...)
}

func symbol(s string) (kind, bool) {
	switch s {
	case "...":
		return tDots, true
	case "..":
		return tConcat, true
	case "==":
		return tEq, true
	case "~=", "!=":
		return tNe, true
	case "<=":
		return tLe, true
	case ">=":
		return tGe, true
	case "<<":
		return tShl, true
	case ">>":
		return tShr, true
	case "^^":
		return tXor, true
	}
	if len(s) > 1 {
		return tError, false
	}
	k := singles[s[0]&0x7f]
	return k, k != tEOF && s[0] < 0x80
}

var singles = [128]kind{
	'+': tPlus, '-': tMinus, '*': tStar, '/': tSlash, '%': tPercent, '^': tCaret, '#': tHash,
	'<': tLt, '>': tGt, '=': tAssign, '(': tLparen, ')': tRparen, '{': tLbrace, '}': tRbrace,
	'[': tLbracket, ']': tRbracket, ';': tSemi, ':': tColon, ',': tComma, '.': tDot,
	'&': tAmp, '|': tPipe, '~': tTilde, '!': tBang, '\\': tBackslash,
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
