package mail

import "strings"

// foldColumn is the recommended line length (RFC 5322 §2.1.1).
const foldColumn = 78

// sizeOf guesses how many bytes the fields will need.
func sizeOf(name string, values []string) int {
	n := 0
	for _, v := range values {
		n += len(name) + len(v) + len(v)/8 + 8
	}
	return n
}

// appendFields writes a field for each value, on lines of their own.
func appendFields(b []byte, name string, values []string) []byte {
	for _, v := range values {
		if len(b) > 0 && b[len(b)-1] != '\n' {
			b = append(b, "\r\n"...)
		}
		b = appendField(b, name, v)
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ':')
	value = cleanValue(value)
	if value == "" {
		return append(b, "\r\n"...)
	}
	b = append(b, ' ')
	column := len(name) + 2
	if !isASCII(value) {
		value = encodeWords(value, column, isAddressField(name))
	}
	return append(appendFolded(b, value, column), "\r\n"...)
}

// appendFolded writes text, with a line end before the blanks of a word that
// would pass the column. A word is never cut: only blanks may be folded at.
func appendFolded(b []byte, text string, column int) []byte {
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && isBlank(text[at]) {
			at++
		}
		for at < len(text) && !isBlank(text[at]) {
			at++
		}
		word := text[start:at]
		if start > 0 && column+len(word) > foldColumn {
			b = append(b, "\r\n"...)
			column = 0
		}
		b = append(b, word...)
		column += len(word)
	}
	return b
}

// cleanValue makes a value harmless: it cannot end its line. A line end in
// front of a blank is a fold and goes; every other one becomes a blank.
func cleanValue(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		var b strings.Builder
		b.Grow(len(v))
		for i := 0; i < len(v); i++ {
			switch c := v[i]; {
			case c == '\r' && i+1 < len(v) && v[i+1] == '\n':
			case c == '\n' && i > 0 && v[i-1] == '\r' && i+1 < len(v) && isBlank(v[i+1]):
			case c == '\r' || c == '\n' || c == 0:
				b.WriteByte(' ')
			default:
				b.WriteByte(c)
			}
		}
		v = b.String()
	}
	return toUTF8(strings.Trim(v, " \t"))
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isASCII[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isAddressField reports a field that holds addresses (RFC 5322 §3.6), in which
// an encoded word must keep clear of the addresses (RFC 2047 §5).
func isAddressField(name string) bool {
	name = strings.TrimPrefix(strings.ToLower(name), "resent-")
	switch name {
	case "from", "sender", "reply-to", "to", "cc", "bcc":
		return true
	}
	return false
}
