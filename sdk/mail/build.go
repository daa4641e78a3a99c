package mail

import (
	"fmt"
	"io"
	"sort"
	"strings"
)

// Draft is what a new message is built from (msg:build, reference/lua-api-notes.md 47).
type Draft struct {
	Headers      []HeaderLine
	Alternatives []Alternative
	Attachments  []Attachment
}

// HeaderLine is one header of a draft.
type HeaderLine struct{ Name, Value string }

// Alternative is one form of a draft's text: the whole Content-Type, and the
// content in the charset that names.
type Alternative struct{ ContentType, Content string }

// Attachment is one attachment of a draft. Binary content becomes base64, other
// content quoted-printable; a message is attached as it stands.
type Attachment struct {
	ContentType string
	Name        string
	Headers     string // further headers, separated by CRLF
	Content     []byte
	Binary      bool
	Message     bool // Content is a whole message: message/rfc822
}

// Build makes the header section and body of a new message: multipart/mixed
// with the alternatives in a multipart/alternative and then the attachments.
func Build(random io.Reader, d Draft) (section, body []byte, err error) {
	parts := make([]*Part, 0, len(d.Alternatives)+len(d.Attachments))
	for _, a := range sortAlternatives(d.Alternatives) {
		parts = append(parts, a.part())
	}
	for _, a := range d.Attachments {
		parts = append(parts, a.part())
	}
	contents := make([][]byte, len(parts))
	for i, p := range parts {
		contents[i] = p.Raw()
	}
	outer, err := NewBoundary(random, contents...)
	if err != nil {
		return nil, nil, err
	}
	inner, err := NewBoundary(random, append(contents, []byte(outer))...)
	if err != nil {
		return nil, nil, err
	}
	root := newContainer(Params{Value: "multipart/mixed"}, outer)
	if err := root.fill(parts, len(d.Alternatives), inner); err != nil {
		return nil, nil, fmt.Errorf("build: %w", err)
	}
	return d.section(root.header), root.Body(), nil
}

func (p *Part) fill(parts []*Part, alternatives int, boundary string) error {
	text := p
	if alternatives > 0 {
		text = newContainer(Params{Value: "multipart/alternative"}, boundary)
		if err := p.AppendChild(text); err != nil {
			return err
		}
	}
	for i, one := range parts {
		into := p
		if i < alternatives {
			into = text
		}
		if err := into.AppendChild(one); err != nil {
			return err
		}
	}
	return nil
}

// section is the draft's headers and, behind them, those that MIME needs; the
// draft cannot replace these.
func (d *Draft) section(mime []byte) []byte {
	var out []byte
	for _, h := range d.Headers {
		if !strings.EqualFold(h.Name, "MIME-Version") && !strings.EqualFold(h.Name, "Content-Type") &&
			!strings.EqualFold(h.Name, "Content-Transfer-Encoding") {
			out = AppendHeader(out, h.Name, []string{h.Value})
		}
	}
	out = AppendHeader(out, "MIME-Version", []string{"1.0"})
	return append(out, mime...)
}

// sortAlternatives puts plain text first and HTML last: what is preferred comes
// last (RFC 2046 §5.1.4), and a Lua table has no order.
func sortAlternatives(in []Alternative) []Alternative {
	out := append([]Alternative(nil), in...)
	rank := func(a Alternative) string {
		params := ParseParams(a.ContentType)
		switch params.Value {
		case "text/plain":
			return "0"
		case "text/html":
			return "2"
		}
		return "1" + params.Value
	}
	sort.SliceStable(out, func(i, j int) bool { return rank(out[i]) < rank(out[j]) })
	return out
}

// part encodes an alternative: text of no charset quoted-printable, everything
// else base64 (reference/lua-api-notes.md 47).
func (a Alternative) part() *Part {
	params := ParseParams(a.ContentType)
	text := strings.HasPrefix(params.Value, "text/")
	encoding, content := EncodingBase64, a.Content
	if text {
		content = CanonicalLines(content)
		if params.Get("charset") == "" {
			encoding = EncodingQP
		}
		if !isASCII(content) && params.Get("charset") == "" {
			content = toUTF8(content)
			params.Set("charset", "utf-8")
		}
	}
	p := newEncoded(params.String(), encoding, []byte(content), text)
	p.header = appendField(p.header, "Content-Disposition", "inline")
	return p
}

func newEncoded(contentType, encoding string, content []byte, text bool) *Part {
	header := appendField(nil, "Content-Type", contentType)
	header = appendField(header, "Content-Transfer-Encoding", encoding)
	return &Part{header: header, gap: []byte("\r\n"), body: EncodeTransfer(encoding, content, text)}
}

func (a Attachment) part() *Part {
	if a.Message {
		// RFC 2046 §5.2.1: a message may be in no encoding that changes it.
		header := appendField(nil, "Content-Type", `message/rfc822; name="Attached Message"`)
		if !isASCII(a.Content) {
			header = appendField(header, "Content-Transfer-Encoding", Encoding8Bit)
		}
		return &Part{header: header, gap: []byte("\r\n"), body: a.Content}
	}
	params := ParseParams(a.ContentType)
	if !strings.Contains(params.Value, "/") {
		params.Value = "application/octet-stream"
	}
	encoding, content := EncodingQP, a.Content
	text := strings.HasPrefix(params.Value, "text/") && !a.Binary
	if a.Binary {
		encoding = EncodingBase64
	}
	if text {
		content = []byte(CanonicalLines(string(content)))
	}
	disposition := Params{Value: "attachment"}
	if a.Name != "" {
		params.Set("name", a.Name)
		disposition.Set("filename", a.Name)
	}
	p := newEncoded(params.String(), encoding, content, text)
	p.header = appendField(p.header, "Content-Disposition", disposition.String())
	p.header = appendHeaderLines(p.header, a.Headers)
	return p
}

// appendHeaderLines adds the fields of a text of headers; lines that are none
// are left out.
func appendHeaderLines(section []byte, text string) []byte {
	raw := []byte(CanonicalLines(text))
	for pos := 0; pos < len(raw); {
		f := nextField(raw, pos)
		if f.name != nil {
			section = AppendHeader(section, string(f.name), []string{f.text(raw)})
		}
		pos = f.end
	}
	return section
}
