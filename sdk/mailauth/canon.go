package mailauth

import (
	"bytes"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"
)

// Canon is a canonical form of a header or a body (RFC 6376 §3.4).
type Canon string

// The canonical forms.
const (
	Simple  Canon = "simple"
	Relaxed Canon = "relaxed"
)

// ParseCanon knows the forms by name; "" is simple.
func ParseCanon(name string) (Canon, error) {
	switch c := Canon(strings.ToLower(strings.TrimSpace(name))); c {
	case "":
		return Simple, nil
	case Simple, Relaxed:
		return c, nil
	}
	return "", fmt.Errorf("unknown canonical form %q (simple or relaxed)", name)
}

// parseCanons reads a c= tag: header form, then body form (RFC 6376 §3.5).
func parseCanons(value string) (header, body Canon, err error) {
	h, b, _ := strings.Cut(value, "/")
	if header, err = ParseCanon(h); err != nil {
		return "", "", err
	}
	body, err = ParseCanon(b)
	return header, body, err
}

// field is the canonical form of one header field, its line end included.
func (c Canon) field(raw []byte) []byte {
	if c != Relaxed {
		return raw
	}
	name, value, _ := bytes.Cut(raw, []byte{':'})
	out := make([]byte, 0, len(raw)+2)
	out = append(out, bytes.ToLower(bytes.Trim(name, blanks))...)
	out = append(out, ':')
	// RFC 6376 §3.4.2: unfolded, runs of blanks become one, none at the ends.
	space := false
	start := len(out)
	for _, b := range value {
		if b == ' ' || b == '\t' || b == '\r' || b == '\n' {
			space = true
			continue
		}
		if space && len(out) > start {
			out = append(out, ' ')
		}
		space = false
		out = append(out, b)
	}
	return append(out, "\r\n"...)
}

// bodyHasher takes a body in pieces and hashes its canonical form. It works in
// linear time and constant memory whatever the body is.
type bodyHasher struct {
	canon Canon
	hash  hash.Hash
	limit int64 // how much of the canonical form is hashed (l=)
	total int64 // the length of the canonical form

	lines int64 // empty lines held back: at the end of the body they do not count
	cr    bool
	blank bool // relaxed: white space held back
	buf   []byte
}

func newBodyHasher(c Canon, h hash.Hash, limit int64) *bodyHasher {
	if limit < 0 {
		limit = math.MaxInt64
	}
	return &bodyHasher{canon: c, hash: h, limit: limit, buf: make([]byte, 0, 4096)}
}

// Write is part of io.Writer.
func (b *bodyHasher) Write(p []byte) (int, error) {
	for _, c := range p {
		if b.cr {
			b.cr = false
			if c == '\n' {
				b.lines++
				b.blank = false
				continue
			}
			b.emit('\r')
		}
		switch {
		case c == '\r':
			b.cr = true
		case b.canon == Relaxed && (c == ' ' || c == '\t'):
			b.blank = true
		default:
			b.emit(c)
		}
	}
	return len(p), nil
}

// emit hashes a byte, and first what was held back before it.
func (b *bodyHasher) emit(c byte) {
	for ; b.lines > 0; b.lines-- {
		b.put('\r')
		b.put('\n')
	}
	if b.blank {
		b.blank = false
		b.put(' ')
	}
	b.put(c)
}

func (b *bodyHasher) put(c byte) {
	b.total++
	if b.total > b.limit {
		return
	}
	if b.buf = append(b.buf, c); len(b.buf) == cap(b.buf) {
		b.flush()
	}
}

func (b *bodyHasher) flush() {
	b.hash.Write(b.buf)
	b.buf = b.buf[:0]
}

// sum ends the body: it ends in one line end; an empty one stays empty where the
// form is relaxed (RFC 6376 §3.4.3, §3.4.4).
func (b *bodyHasher) sum() []byte {
	if b.cr {
		b.cr = false
		b.emit('\r')
	}
	if b.total > 0 || b.canon == Simple {
		b.put('\r')
		b.put('\n')
	}
	b.flush()
	return b.hash.Sum(nil)
}

// hashBody reads the body once for all hashers.
func hashBody(body io.Reader, hashers []*bodyHasher) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		for _, h := range hashers {
			h.Write(buf[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the body cannot be read: %w", err)
		}
	}
}
