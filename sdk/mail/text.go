package mail

import (
	"bytes"
	"strings"
)

// IsText reports a leaf of a text type: those that msg:text looks at.
func (p *Part) IsText() bool {
	return p.boundary == "" && strings.HasPrefix(p.params().Value, "text/")
}

// TextParts are the text leaves of the tree below and including p, in order.
func (p *Part) TextParts() []*Part {
	if p.IsText() {
		return []*Part{p}
	}
	var out []*Part
	for _, c := range p.children {
		out = append(out, c.TextParts()...)
	}
	return out
}

// Decoded is the body with its transfer encoding undone.
func (p *Part) Decoded() []byte {
	return DecodeTransfer(p.ContentType().Encoding, p.Body())
}

// Text is the body with its transfer encoding undone, and a text part's charset
// turned into UTF-8. Text of no or an unknown charset is taken for UTF-8 where
// it can be, else for windows-1252. Other parts give their decoded bytes.
func (p *Part) Text() string {
	t := p.ContentType()
	raw := DecodeTransfer(t.Encoding, p.Body())
	if !strings.HasPrefix(t.Type, "text/") {
		return view(raw)
	}
	if t.Charset != "" && !isASCIIName(t.Charset) {
		if text, ok := decodeCharset(t.Charset, raw); ok {
			return text
		}
	}
	return toUTF8(view(raw))
}

// ReplaceText puts other text into a text part and leaves its type, charset and
// transfer encoding as they are where they can hold it: a charset that cannot
// becomes UTF-8, an encoding that cannot becomes quoted-printable.
func (p *Part) ReplaceText(text string) {
	t := p.ContentType()
	p.setText(text, t.Charset, t.Encoding)
}

// SetText makes the part a leaf of that type, "text/plain" where it is empty,
// with the text in that charset ("": US-ASCII if it can be, else UTF-8).
func (p *Part) SetText(text, mediaType, charset string) {
	if mediaType == "" {
		mediaType = "text/plain"
	}
	params := ParseParams(mediaType)
	if charset == "" {
		charset = params.Get("charset")
	}
	header := ReplaceHeader(p.header, "Content-Type", []string{params.String()})
	header = DeleteHeader(header, "Content-Transfer-Encoding")
	header = DeleteHeader(header, "Content-Disposition")
	p.SetHeader(header)
	p.setText(text, charset, Encoding7Bit)
	p.header = p.versioned(p.header)
}

// versioned is a header section with the MIME-Version that a message with MIME
// headers has (RFC 2045 §4), and a part of one needs not.
func (p *Part) versioned(header []byte) []byte {
	if _, ok := first(header, "MIME-Version"); ok || p.parent != nil || p.loose {
		return header
	}
	return AppendHeader(header, "MIME-Version", []string{"1.0"})
}

func (p *Part) setText(text, charset, encoding string) {
	text = CanonicalLines(text)
	raw, ok := encodeCharset(charset, text)
	if !ok {
		charset = "utf-8"
		raw = []byte(text)
	}
	header := p.header
	if params := p.params(); charset != "" && !strings.EqualFold(params.Get("charset"), charset) {
		params.Set("charset", charset)
		header = ReplaceHeader(header, "Content-Type", []string{params.String()})
	}
	if !canCarry(encoding, raw) {
		encoding = EncodingQP
	}
	if had := p.ContentType().Encoding; had != encoding {
		header = ReplaceHeader(header, "Content-Transfer-Encoding", []string{encoding})
	}
	if len(header) != len(p.header) {
		header = p.versioned(header)
	}
	p.header = header
	p.SetBody(EncodeTransfer(encoding, raw, true))
}

// canCarry reports whether content may stand in that transfer encoding (RFC
// 2045 §2.7 to §2.9).
func canCarry(encoding string, raw []byte) bool {
	switch encoding {
	case EncodingBase64, EncodingQP, EncodingBinary:
		return true
	case Encoding8Bit:
		return linesFit(raw)
	}
	return isASCII(raw) && linesFit(raw)
}

// linesFit reports lines of at most 998 octets and no NUL.
func linesFit(raw []byte) bool {
	for len(raw) > 0 {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line = raw[:i+1]
		}
		if len(line) > maxLine+2 || bytes.IndexByte(line, 0) >= 0 {
			return false
		}
		raw = raw[len(line):]
	}
	return true
}

// CanonicalLines makes every line end CRLF (RFC 5322 §2.3: CR and LF do not
// occur alone in a body).
func CanonicalLines(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/32)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			b.WriteString("\r\n")
			i++
		case c == '\r' || c == '\n':
			b.WriteString("\r\n")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
