package mail

import (
	"bytes"
	"strings"
)

// Part is a node of a message's MIME tree (RFC 2045, RFC 2046): the message
// itself, a container or a leaf. It keeps the bytes it was read from, and
// writes those again for all that no edit touched.
type Part struct {
	Owner any // of a root: whatever its user wants to find again from any part

	header []byte // raw header section
	gap    []byte // the empty line behind it as it stood there; nil: none
	body   []byte // a leaf's raw body; a container's as long as !changed

	// A container: body = preamble + each child's before and bytes + tail.
	boundary string
	preamble []byte
	tail     []byte // the closing delimiter line and the epilogue
	children []*Part
	changed  bool

	parent *Part
	before []byte // the delimiter line in front of this part
	loose  bool   // without a parent it is no message: made or taken out as a part
}

// Header is the part's raw header section.
func (p *Part) Header() []byte { return p.header }

// Parent is the container the part is in; nil for a root.
func (p *Part) Parent() *Part { return p.parent }

// Children are the parts of a container. The slice belongs to the part.
func (p *Part) Children() []*Part { return p.children }

// Container reports whether the part holds, or may hold, other parts.
func (p *Part) Container() bool { return p.boundary != "" }

// Boundary is a container's boundary, "" for a leaf.
func (p *Part) Boundary() string { return p.boundary }

// Root is the top of the tree the part is in.
func (p *Part) Root() *Part {
	for p.parent != nil {
		p = p.parent
	}
	return p
}

// Next is the next part in the same container, nil at the end.
func (p *Part) Next() *Part {
	if p.parent == nil {
		return nil
	}
	if i := p.index() + 1; i < len(p.parent.children) {
		return p.parent.children[i]
	}
	return nil
}

// Thread is the next part in depth-first order, nil at the end.
func (p *Part) Thread() *Part {
	if len(p.children) > 0 {
		return p.children[0]
	}
	for ; p != nil; p = p.parent {
		if next := p.Next(); next != nil {
			return next
		}
	}
	return nil
}

// index is the part's place in its container.
func (p *Part) index() int {
	for i, c := range p.parent.children {
		if c == p {
			return i
		}
	}
	return -1
}

// Body is what follows the empty line, as it would be sent.
func (p *Part) Body() []byte {
	if !p.changed {
		return p.body
	}
	out := append([]byte(nil), p.preamble...)
	for _, c := range p.children {
		out = appendDelimiter(out, c.before)
		out = c.append(out)
	}
	out = appendDelimiter(out, p.tail)
	p.body, p.changed = out, false
	return out
}

// appendDelimiter writes a delimiter, on a line of its own even where the
// content before it was replaced by one that has no line end.
func appendDelimiter(out, line []byte) []byte {
	if len(line) == 0 {
		return out
	}
	if n := len(out); n > 0 && out[n-1] != '\n' && line[0] != '\r' && line[0] != '\n' {
		out = append(out, "\r\n"...)
	}
	return append(out, line...)
}

// Raw is the whole part: header section, empty line, body.
func (p *Part) Raw() []byte { return p.append(nil) }

func (p *Part) append(out []byte) []byte {
	out = append(out, p.header...)
	body := p.Body()
	gap := p.gap
	if gap == nil && len(body) > 0 {
		if n := len(out); n > 0 && out[n-1] != '\n' {
			out = append(out, "\r\n"...)
		}
		gap = []byte("\r\n")
	}
	return append(append(out, gap...), body...)
}

// ContentType is what a part says of its content, with the defaults of RFC 2045
// §5.2 and §6.1.
type ContentType struct {
	Type       string // "text/plain", lower case
	Charset    string // as declared; "" where there is none
	Encoding   string // "base64", lower case; "7bit" where there is none
	Filename   string // of Content-Disposition, else the name of Content-Type
	Attachment bool   // there is a file name, or the disposition says so
}

// ContentType reads the part's MIME headers.
func (p *Part) ContentType() ContentType {
	params := p.params()
	t := ContentType{Type: params.Value, Charset: params.Get("charset"), Encoding: Encoding7Bit}
	if v, ok := first(p.header, "Content-Transfer-Encoding"); ok {
		if v = strings.ToLower(stripTrailingComment(v)); v != "" {
			t.Encoding = v
		}
	}
	disposition, _ := first(p.header, "Content-Disposition")
	d := ParseParams(disposition)
	t.Filename = DecodeWords(d.Get("filename"))
	if t.Filename == "" {
		t.Filename = DecodeWords(params.Get("name"))
	}
	t.Attachment = t.Filename != "" || d.Value == "attachment"
	return t
}

// params is the Content-Type, or the default where there is none or it names no
// type (RFC 2045 §5.2; RFC 2046 §5.1.5 for digests).
func (p *Part) params() Params {
	value, _ := first(p.header, "Content-Type")
	params := ParseParams(value)
	if t, sub, ok := strings.Cut(params.Value, "/"); !ok || t == "" || sub == "" {
		params.Value = "text/plain"
		if value == "" && p.parent != nil && p.parent.isDigest() {
			params.Value = "message/rfc822"
		}
	}
	return params
}

func (p *Part) isDigest() bool {
	value, _ := first(p.header, "Content-Type")
	params := ParseParams(value)
	return params.Value == "multipart/digest"
}

// multipartBoundary is the boundary if the header section is one of a
// container.
func multipartBoundary(header []byte) string {
	value, ok := first(header, "Content-Type")
	if !ok || len(value) < len("multipart/") || !strings.EqualFold(value[:len("multipart/")], "multipart/") {
		return ""
	}
	params := ParseParams(value)
	boundary := strings.TrimRight(params.Get("boundary"), " \t") // RFC 2046 §5.1.1
	if len(boundary) > maxBoundary || strings.ContainsAny(boundary, "\r\n") {
		return ""
	}
	return boundary
}

// SetHeader gives the part another raw header section. Where that names another
// boundary the delimiters follow, and where it no longer is a container's the
// part becomes a leaf.
func (p *Part) SetHeader(header []byte) {
	p.header = header
	p.touch()
	boundary := multipartBoundary(header)
	if boundary == p.boundary {
		return
	}
	body := p.Body()
	if p.boundary == "" || boundary == "" || bytes.Contains(body, []byte(boundary)) {
		p.SetBody(body)
		return
	}
	for _, c := range p.children {
		c.before = bytes.Replace(c.before, []byte(p.boundary), []byte(boundary), 1)
	}
	p.tail = bytes.Replace(p.tail, []byte(p.boundary), []byte(boundary), 1)
	p.boundary, p.changed = boundary, true
}

// SetBody replaces the raw body. A container's is read again: its parts are new
// ones.
func (p *Part) SetBody(body []byte) {
	for _, c := range p.children {
		c.parent = nil
	}
	p.children, p.preamble, p.tail, p.changed = nil, nil, nil, false
	p.body = body
	p.boundary = multipartBoundary(p.header)
	if p.boundary != "" {
		s := scanner{src: body, budget: maxParts - p.Root().count()}
		s.container(p, p.depth())
	}
	p.touch()
}

// SetRaw replaces the whole part: header section, empty line and body.
func (p *Part) SetRaw(raw []byte) {
	header, gap, body := cutSection(raw)
	p.header, p.gap = header, gap
	p.SetBody(body)
}

// touch makes every container above the part write its body anew.
func (p *Part) touch() {
	for q := p.parent; q != nil; q = q.parent {
		q.changed = true
	}
}

func (p *Part) depth() int {
	n := 0
	for q := p.parent; q != nil; q = q.parent {
		n++
	}
	return n
}

// count is the number of parts in the tree below and including p.
func (p *Part) count() int {
	n := 1
	for _, c := range p.children {
		n += c.count()
	}
	return n
}
