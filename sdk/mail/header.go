package mail

import "bytes"

// ReplaceHeader, SetHeader, PrependHeader, AppendHeader and DeleteHeader edit a raw
// header section (every line ends in CRLF, without the empty line that ends it) and
// return a new one; the argument is never written into. Names match without
// case. Values are unfolded text; they are folded at 78 columns where blanks
// allow (RFC 5322 §2.2.3), non-ASCII becomes RFC 2047 encoded words, and CR, LF
// and NUL in a value become blanks, so that a value cannot add a header. A name
// that is no field name (ValidName) changes nothing.

// ReplaceHeader makes all headers of that name become values, at the place of
// the first; at the end of the section where there was none.
func ReplaceHeader(section []byte, name string, values []string) []byte {
	if !ValidName(name) {
		return section
	}
	out := make([]byte, 0, len(section)+sizeOf(name, values))
	written := false
	for pos := 0; pos < len(section); {
		f := nextField(section, pos)
		pos = f.end
		if !f.is(name) {
			out = append(out, section[f.start:f.end]...)
			continue
		}
		if !written {
			out = appendFields(out, name, values)
			written = true
		}
	}
	if !written {
		out = appendFields(out, name, values)
	}
	return out
}

// SetHeader removes all headers of that name and puts values at the end of the
// section.
func SetHeader(section []byte, name string, values []string) []byte {
	return AppendHeader(DeleteHeader(section, name), name, values)
}

// PrependHeader puts values at the top of the section, as a trace field is put
// (RFC 5322 §3.6), whether or not there are headers of that name.
func PrependHeader(section []byte, name string, values []string) []byte {
	if !ValidName(name) {
		return section
	}
	out := make([]byte, 0, len(section)+sizeOf(name, values))
	return append(appendFields(out, name, values), section...)
}

// AppendHeader puts values at the end of the section.
func AppendHeader(section []byte, name string, values []string) []byte {
	if !ValidName(name) {
		return section
	}
	out := make([]byte, 0, len(section)+sizeOf(name, values))
	return appendFields(append(out, section...), name, values)
}

// DeleteHeader removes all headers of that name.
func DeleteHeader(section []byte, name string) []byte { return ReplaceHeader(section, name, nil) }

// Header gives the values of all headers of that name, in order: unfolded,
// leading and trailing blanks removed, RFC 2047 words decoded to UTF-8.
func Header(section []byte, name string) []string {
	values := RawHeader(section, name)
	for i := range values {
		values[i] = DecodeWords(values[i])
	}
	return values
}

// RawHeader is Header without RFC 2047 decoding.
func RawHeader(section []byte, name string) []string {
	var values []string
	for pos := 0; pos < len(section); {
		f := nextField(section, pos)
		if f.is(name) {
			values = append(values, f.text(section))
		}
		pos = f.end
	}
	return values
}

// SplitMessage cuts a raw message at its first empty line: the header section,
// and the body behind the empty line. Without an empty line all of it is header.
func SplitMessage(raw []byte) (section, body []byte) {
	section, _, body = cutSection(raw)
	return section, body
}

// cutSection is SplitMessage that also gives the empty line as it stood there.
func cutSection(raw []byte) (section, gap, body []byte) {
	for pos := 0; pos < len(raw); {
		if n := emptyLine(raw[pos:]); n > 0 {
			return raw[:pos:pos], raw[pos : pos+n : pos+n], raw[pos+n:]
		}
		i := bytes.IndexByte(raw[pos:], '\n')
		if i < 0 {
			break
		}
		pos += i + 1
	}
	return raw, nil, nil
}

// emptyLine is the length of the empty line that b begins with, else 0. A lone
// LF counts: such mail exists, and to look for CRLF only would hide a body.
func emptyLine(b []byte) int {
	if len(b) > 0 && b[0] == '\n' {
		return 1
	}
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		return 2
	}
	return 0
}

// ValidName reports whether name can be a field name: printable ASCII without
// blank and colon (RFC 5322 §2.2).
func ValidName(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':' {
			return false
		}
	}
	return name != ""
}
