package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonErrorCode is why a text is no JSON; the numbers are json-c's.
type jsonErrorCode int

const (
	jsonOK           jsonErrorCode = 0
	jsonTooDeep      jsonErrorCode = 2
	jsonEOF          jsonErrorCode = 3
	jsonUnexpected   jsonErrorCode = 4
	jsonWantNull     jsonErrorCode = 5
	jsonWantBoolean  jsonErrorCode = 6
	jsonWantNumber   jsonErrorCode = 7
	jsonWantArraySep jsonErrorCode = 8
	jsonWantKey      jsonErrorCode = 9
	jsonWantKeySep   jsonErrorCode = 10
	jsonWantValueSep jsonErrorCode = 11
	jsonBadString    jsonErrorCode = 12
	jsonWantComment  jsonErrorCode = 13
)

// String is the text of json.strerror.
func (c jsonErrorCode) String() string {
	switch c {
	case jsonOK:
		return "success"
	case 1:
		return "continue"
	case jsonTooDeep:
		return "nesting too deep"
	case jsonEOF:
		return "unexpected end of data"
	case jsonUnexpected:
		return "unexpected character"
	case jsonWantNull:
		return "null expected"
	case jsonWantBoolean:
		return "boolean expected"
	case jsonWantNumber:
		return "number expected"
	case jsonWantArraySep:
		return "array value separator ',' expected"
	case jsonWantKey:
		return "quoted object property name expected"
	case jsonWantKeySep:
		return "object property name separator ':' expected"
	case jsonWantValueSep:
		return "object value separator ',' expected"
	case jsonBadString:
		return "invalid string sequence"
	case jsonWantComment:
		return "expected comment"
	}
	return "unknown error"
}

// jsonError is a text that is no JSON.
type jsonError struct {
	code   jsonErrorCode
	offset int // in bytes
}

func (e *jsonError) Error() string { return fmt.Sprintf("%s at offset %d", e.code, e.offset) }

// parseJSON reads the first value of a text as json-c does: comments, single
// quotes, a comma too many and words in any case are accepted, and what
// follows the value is left alone. The error is a *jsonError.
func parseJSON(text string) (*jsonValue, error) {
	p := jsonParser{text: text}
	v := p.value(0)
	if p.err != nil {
		return nil, p.err
	}
	return v, nil
}

// jsonParser goes on to the end of the text at its first error, so that its
// methods need no error results.
type jsonParser struct {
	text string
	pos  int
	err  *jsonError
}

func (p *jsonParser) fail(code jsonErrorCode) *jsonValue {
	if p.err == nil {
		if p.pos >= len(p.text) {
			code, p.pos = jsonEOF, len(p.text)
		}
		p.err = &jsonError{code, p.pos}
	}
	p.pos = len(p.text)
	return nil
}

// peek is the next byte that is neither blank nor comment; 0 at the end.
func (p *jsonParser) peek() byte {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\n', '\r', '\v', '\f':
			p.pos++
		case '/':
			p.comment()
		default:
			return c
		}
	}
	return 0
}

func (p *jsonParser) comment() {
	rest := p.text[p.pos:]
	end := -1
	switch {
	case strings.HasPrefix(rest, "//"):
		if end = strings.IndexByte(rest, '\n'); end < 0 {
			end = len(rest)
		}
	case strings.HasPrefix(rest, "/*"):
		if end = strings.Index(rest[2:], "*/"); end >= 0 {
			end += 4
		}
	}
	if end < 0 {
		p.fail(jsonWantComment)
		return
	}
	p.pos += end
}

func (p *jsonParser) value(depth int) *jsonValue {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth >= jsonReadDepth {
			return p.fail(jsonTooDeep)
		}
		p.pos++
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case c == '"' || c == '\'':
		return &jsonValue{kind: jsonString, text: p.string()}
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 'n' || c == 'N':
		return p.word("null", jsonWantNull, &jsonValue{})
	case c == 't' || c == 'T':
		return p.word("true", jsonWantBoolean, &jsonValue{kind: jsonBool, truth: true})
	case c == 'f' || c == 'F':
		return p.word("false", jsonWantBoolean, &jsonValue{kind: jsonBool})
	}
	return p.fail(jsonUnexpected)
}

func (p *jsonParser) word(word string, code jsonErrorCode, v *jsonValue) *jsonValue {
	if len(p.text)-p.pos < len(word) || !strings.EqualFold(p.text[p.pos:p.pos+len(word)], word) {
		return p.fail(code)
	}
	p.pos += len(word)
	return v
}

func (p *jsonParser) object(depth int) *jsonValue {
	v := newJSONObject()
	for {
		c := p.peek()
		if c == '}' {
			p.pos++
			return v
		}
		if c != '"' && c != '\'' {
			return p.fail(jsonWantKey)
		}
		key := p.string()
		if p.peek() != ':' {
			return p.fail(jsonWantKeySep)
		}
		p.pos++
		item := p.value(depth)
		if p.err != nil {
			return nil
		}
		v.set(key, item)
		if !p.more('}') {
			return p.fail(jsonWantValueSep)
		}
	}
}

func (p *jsonParser) array(depth int) *jsonValue {
	v := &jsonValue{kind: jsonArray}
	for {
		if p.peek() == ']' {
			p.pos++
			return v
		}
		item := p.value(depth)
		if p.err != nil {
			return nil
		}
		v.items = append(v.items, item)
		if !p.more(']') {
			return p.fail(jsonWantArraySep)
		}
	}
}

// more steps over a comma; false where neither that nor the end follows.
func (p *jsonParser) more(end byte) bool {
	switch p.peek() {
	case ',':
		p.pos++
		return true
	case end:
		return true
	}
	return false
}

func (p *jsonParser) number() *jsonValue {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("0123456789.+-eE", p.text[p.pos]) >= 0 {
		p.pos++
	}
	text := p.text[start:p.pos]
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.pos = start
		return p.fail(jsonWantNumber)
	}
	v := &jsonValue{kind: jsonNumber, number: n}
	if math.Abs(n) > exactInteger && !strings.ContainsAny(text, ".eE") {
		v.text = text
	}
	return v
}

// string reads a quoted string; the position is at the opening quote.
func (p *jsonParser) string() string {
	quote := p.text[p.pos]
	p.pos++
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] != quote && p.text[p.pos] != '\\' {
		p.pos++
	}
	if p.pos < len(p.text) && p.text[p.pos] == quote {
		p.pos++
		return p.text[start : p.pos-1]
	}
	return p.escaped([]byte(p.text[start:p.pos]), quote)
}

// escaped reads the rest of a string that has a backslash.
func (p *jsonParser) escaped(buf []byte, quote byte) string {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch c {
		case quote:
			return string(buf)
		case '\\':
			buf = p.escape(buf)
		default:
			buf = append(buf, c)
		}
	}
	p.fail(jsonEOF)
	return ""
}

func (p *jsonParser) escape(buf []byte) []byte {
	if p.pos >= len(p.text) {
		p.fail(jsonEOF)
		return buf
	}
	c := p.text[p.pos]
	if c == 'u' {
		return p.unicode(buf)
	}
	i := strings.IndexByte(`"\/'bfnrt`, c)
	if i < 0 {
		p.fail(jsonBadString)
		return buf
	}
	p.pos++
	return append(buf, "\"\\/'\b\f\n\r\t"[i])
}

// unicode reads uXXXX, and the second half of a surrogate pair
// (RFC 8259 §7). Half a pair becomes U+FFFD.
func (p *jsonParser) unicode(buf []byte) []byte {
	r, ok := p.hex4(p.pos + 1)
	if !ok {
		p.fail(jsonBadString)
		return buf
	}
	p.pos += 5
	if utf16.IsSurrogate(r) {
		low, ok := rune(0), false
		if strings.HasPrefix(p.text[p.pos:], `\u`) {
			low, ok = p.hex4(p.pos + 2)
		}
		r = utf16.DecodeRune(r, low)
		if ok && r != utf8.RuneError {
			p.pos += 6
		}
	}
	return utf8.AppendRune(buf, r)
}

func (p *jsonParser) hex4(at int) (rune, bool) {
	if at+4 > len(p.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[at:at+4], 16, 16)
	return rune(n), err == nil
}
