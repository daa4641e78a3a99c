package mail

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// findCharset is the encoding of that name, nil where nobody knows it.
func findCharset(name string) encoding.Encoding {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	if i := strings.IndexByte(name, '*'); i >= 0 { // RFC 2231 §5: a language
		name = name[:i]
	}
	switch name {
	case "iso-8859-1", "latin1", "l1":
		return charmap.ISO8859_1 // the index takes windows-1252 for it
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		return nil
	}
	return e
}

// decodeCharset turns text of that charset into UTF-8; false where the charset
// is unknown.
func decodeCharset(charset string, text []byte) (string, bool) {
	if isUTF8Name(charset) {
		return strings.ToValidUTF8(view(text), "\uFFFD"), true
	}
	e := findCharset(charset)
	if e == nil {
		return "", false
	}
	if e == charmap.ISO8859_1 {
		e = charmap.Windows1252 // the superset that senders mean
	}
	out, err := e.NewDecoder().Bytes(text)
	if err != nil {
		return "", false
	}
	return strings.ToValidUTF8(view(out), "\uFFFD"), true
}

// view is bytes as a string that shares them: those of a tree never change.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// encodeCharset turns UTF-8 into that charset; false where it cannot hold the
// text or is unknown.
func encodeCharset(charset, text string) ([]byte, bool) {
	if isUTF8Name(charset) {
		return []byte(text), true
	}
	if isASCIIName(charset) {
		return []byte(text), isASCII(text)
	}
	e := findCharset(charset)
	if e == nil {
		return nil, false
	}
	out, err := e.NewEncoder().Bytes([]byte(text))
	return out, err == nil
}

func isUTF8Name(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

func isASCIIName(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "us-ascii") || strings.EqualFold(charset, "ascii")
}

// toUTF8 makes text of no declared charset valid UTF-8: what is not, is taken
// for windows-1252, the most frequent charset of undeclared 8-bit text.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}
