package mail

import (
	"bytes"
	"strings"
)

// field is one header field of a section: section[start:end] with its line
// ends. name is nil where the line is no field (no colon, an mbox "From " line).
type field struct {
	start, end int
	name       []byte
	value      int // offset of what follows the colon
}

// nextField reads the field that begins at pos: a line and the lines that
// continue it (RFC 5322 §2.2.3).
func nextField(section []byte, pos int) field {
	f := field{start: pos, end: fieldEnd(section, pos)}
	f.name, f.value = fieldName(section[pos:f.end])
	f.value += pos
	return f
}

func fieldEnd(section []byte, pos int) int {
	for {
		i := bytes.IndexByte(section[pos:], '\n')
		if i < 0 {
			return len(section)
		}
		pos += i + 1
		if pos == len(section) || section[pos] != ' ' && section[pos] != '\t' {
			return pos
		}
	}
}

// fieldName gives the name in front of the colon and where the value begins.
// Blanks before the colon are allowed as RFC 5322 §4.5 has them.
func fieldName(line []byte) (name []byte, value int) {
	for i, c := range line {
		switch {
		case c == ':':
			return nonEmpty(line[:i]), i + 1
		case c == ' ' || c == '\t':
			rest := bytes.TrimLeft(line[i:], " \t")
			if len(rest) == 0 || rest[0] != ':' {
				return nil, 0
			}
			return nonEmpty(line[:i]), len(line) - len(rest) + 1
		case c < ' ' || c == 0x7f:
			return nil, 0
		}
	}
	return nil, 0
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// is reports whether the field has that name, without case (ASCII).
func (f *field) is(name string) bool {
	if len(f.name) != len(name) || name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if lower(f.name[i]) != lower(name[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// text is the field's value, unfolded: the line ends go, the blanks behind them
// stay (RFC 5322 §2.2.3).
func (f *field) text(section []byte) string {
	raw := bytes.Trim(section[f.value:f.end], " \t\r\n")
	if bytes.IndexByte(raw, '\n') < 0 {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			b.Write(raw)
			break
		}
		b.Write(bytes.TrimSuffix(raw[:i], []byte{'\r'}))
		raw = raw[i+1:]
	}
	return b.String()
}

// first is the unfolded value of the first header of that name.
func first(section []byte, name string) (string, bool) {
	for pos := 0; pos < len(section); {
		f := nextField(section, pos)
		if f.is(name) {
			return f.text(section), true
		}
		pos = f.end
	}
	return "", false
}
