package mailauth

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Message is a message to sign or to verify: byte for byte as it came or as it
// will go. The body is read once, to its end.
type Message struct {
	Header []byte // raw header section, each line with its line end, without the empty line
	Body   io.Reader
}

// field is one header field with its line ends.
type field struct {
	name string // lower case
	raw  []byte
}

// value is what follows the colon.
func (f *field) value() string {
	_, v, _ := bytes.Cut(f.raw, []byte{':'})
	return string(v)
}

// The bounds of a header that is hashed.
const (
	maxHeader = 1 << 20 // bytes of a section
	maxFields = 5000    // fields of a section
	maxField  = 32 << 10
)

var errHeaderSize = errors.New("the header is too large to be authenticated")

// splitFields cuts a section into its fields. What is no field keeps its place
// without a name.
func splitFields(section []byte) ([]field, error) {
	if len(section) > maxHeader {
		return nil, errHeaderSize
	}
	var out []field
	for len(section) > 0 {
		if len(out) == maxFields {
			return nil, errHeaderSize
		}
		n := fieldLength(section)
		out = append(out, field{name: fieldName(section[:n]), raw: withLineEnd(section[:n:n])})
		section = section[n:]
	}
	return out, nil
}

// fieldLength is a line and those that continue it (RFC 5322 §2.2.3).
func fieldLength(section []byte) int {
	for pos := 0; ; {
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

func withLineEnd(raw []byte) []byte {
	if bytes.HasSuffix(raw, []byte("\n")) {
		return raw
	}
	return append(raw, "\r\n"...)
}

func fieldName(raw []byte) string {
	name, _, ok := bytes.Cut(raw, []byte{':'})
	if !ok || bytes.ContainsAny(name, "\r\n") {
		return ""
	}
	return strings.ToLower(strings.TrimRight(string(name), " \t"))
}

// picker takes fields by name from the bottom up, each once (RFC 6376 §5.4.2).
type picker struct {
	byName map[string][]int // indexes, last first
	fields []field
}

func newPicker(fields []field) *picker {
	p := &picker{byName: map[string][]int{}, fields: fields}
	for i := len(fields) - 1; i >= 0; i-- {
		name := fields[i].name
		p.byName[name] = append(p.byName[name], i)
	}
	return p
}

// pick is the next field of the name, nil where none is left.
func (p *picker) pick(name string) []byte {
	list := p.byName[strings.ToLower(name)]
	if len(list) == 0 {
		return nil
	}
	p.byName[strings.ToLower(name)] = list[1:]
	return p.fields[list[0]].raw
}

// hashFields writes the canonical form of the named fields, then of the
// signature's own field without its line end, its b= empty (RFC 6376 §3.7).
func hashFields(w io.Writer, c Canon, fields []field, names []string, own []byte) {
	p := newPicker(fields)
	for _, name := range names {
		if raw := p.pick(name); raw != nil {
			w.Write(c.field(raw))
		}
	}
	w.Write(bytes.TrimSuffix(c.field(own), []byte("\r\n")))
}

// withoutB is a signature's field with the value of its b= tag taken out.
func withoutB(raw []byte, t *tags) []byte {
	s, ok := t.spans["b"]
	if !ok {
		return raw
	}
	colon := bytes.IndexByte(raw, ':') + 1
	value := strings.TrimRight(string(raw[colon:]), "\r\n")
	out := append([]byte(nil), raw[:colon+s.from]...)
	out = append(out, value[min(s.to, len(value)):]...)
	return append(out, "\r\n"...)
}
