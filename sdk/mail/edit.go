package mail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Errors of moving parts.
var (
	ErrNotContainer = errors.New("the part is not a container")
	ErrNoPlace      = errors.New("the part has no container of its own around it")
	ErrCycle        = errors.New("a part cannot be put into itself")
	ErrBoundary     = errors.New("the container's boundary occurs in the part")
	ErrTooMany      = errors.New("the message would have too many parts")
)

// NewPart makes a part that is in no tree: a raw header section and body.
func NewPart(header, body []byte) *Part { return ParseMIME(header, body) }

// NewLeaf makes a part that is in no tree from content that is encoded already.
func NewLeaf(contentType, encoding string, body []byte) *Part {
	header := appendField(nil, "Content-Type", contentType)
	if encoding != Encoding7Bit {
		header = appendField(header, "Content-Transfer-Encoding", encoding)
	}
	return &Part{header: header, gap: []byte("\r\n"), body: body, loose: true}
}

// NewContainer makes an empty container of that type that is in no tree. The
// type must be multipart/*, and the boundary as RFC 2046 §5.1.1 allows
// (NewBoundary makes one).
func NewContainer(mediaType, boundary string) (*Part, error) {
	params := ParseParams(mediaType)
	if !strings.HasPrefix(params.Value, "multipart/") {
		return nil, fmt.Errorf("%w: %q is not multipart/*", ErrNotContainer, mediaType)
	}
	if boundary == "" || len(boundary) > 70 || strings.HasSuffix(boundary, " ") || strings.ContainsAny(boundary, "\r\n\x00\"\\") || !isASCII(boundary) {
		return nil, fmt.Errorf("%q cannot be a boundary", boundary)
	}
	return newContainer(params, boundary), nil
}

func newContainer(params Params, boundary string) *Part {
	params.Set("boundary", boundary)
	header := appendField(nil, "Content-Type", params.String())
	p := &Part{header: header, gap: []byte("\r\n"), boundary: boundary, loose: true}
	p.tail = []byte("--" + boundary + "--\r\n")
	p.body = p.tail
	return p
}

// AppendChild makes c the last part of the container p; c leaves the tree it
// was in.
func (p *Part) AppendChild(c *Part) error { return p.insert(c, nil) }

// PrependChild makes c the first part of the container p.
func (p *Part) PrependChild(c *Part) error {
	if len(p.children) == 0 {
		return p.insert(c, nil)
	}
	return p.insert(c, p.children[0])
}

// InsertBefore puts p in front of ref, into the same container.
func (p *Part) InsertBefore(ref *Part) error {
	if ref.parent == nil {
		return ErrNoPlace
	}
	return ref.parent.insert(p, ref)
}

// InsertAfter puts p behind ref, into the same container.
func (p *Part) InsertAfter(ref *Part) error {
	if ref.parent == nil {
		return ErrNoPlace
	}
	return ref.parent.insert(p, ref.Next())
}

// insert puts c in front of next, at the end where next is nil.
func (p *Part) insert(c, next *Part) error {
	if next == c {
		return nil
	}
	if err := p.mayHold(c); err != nil {
		return err
	}
	c.Unlink()
	at := len(p.children)
	if next != nil {
		at = next.index()
	}
	delimiter := []byte("--" + p.boundary + "\r\n")
	lineEnd := []byte("\r\n")
	switch {
	case at > 0:
		c.before = append(lineEnd, delimiter...)
	case next != nil: // the first delimiter keeps the form it had
		c.before, next.before = next.before, append(lineEnd, delimiter...)
	case len(p.preamble) > 0:
		c.before = append(lineEnd, delimiter...)
	default:
		c.before = delimiter
	}
	p.children = append(p.children, nil)
	copy(p.children[at+1:], p.children[at:])
	p.children[at], c.parent = c, p
	p.closeTail()
	p.changed = true
	p.touch()
	return nil
}

// closeTail gives the container a closing delimiter on a line of its own.
func (p *Part) closeTail() {
	closing := "--" + p.boundary + "--"
	if !bytes.Contains(p.tail, []byte(closing)) {
		p.tail = append([]byte("\r\n"+closing+"\r\n"), p.tail...)
	} else if bytes.HasPrefix(p.tail, []byte(closing)) {
		p.tail = append([]byte("\r\n"), p.tail...)
	}
}

func (p *Part) mayHold(c *Part) error {
	if p.boundary == "" {
		return ErrNotContainer
	}
	for q := p; q != nil; q = q.parent {
		if q == c {
			return ErrCycle
		}
	}
	if c.Root() != p.Root() && p.Root().count()+c.count() > maxParts {
		return ErrTooMany
	}
	if bytes.Contains(c.Raw(), []byte("--"+p.boundary)) {
		return ErrBoundary
	}
	return nil
}

// Unlink takes the part, with all that is in it, out of its tree.
func (p *Part) Unlink() {
	c := p.parent
	if c == nil {
		return
	}
	at := p.index()
	if at == 0 && len(c.children) > 1 {
		c.children[1].before = p.before // the first delimiter keeps its form
	}
	c.children = append(c.children[:at:at], c.children[at+1:]...)
	c.changed = true
	p.touch()
	p.parent, p.before, p.loose = nil, nil, true
}

// DeepCopy is a copy of the part and all in it that is in no tree.
func (p *Part) DeepCopy() *Part {
	header, _, body := cutSection(p.Raw())
	return ParseMIME(header, body)
}

// Boundaries are the boundaries of all containers of the tree below and
// including p.
func (p *Part) Boundaries() []string {
	var out []string
	if p.boundary != "" {
		out = append(out, p.boundary)
	}
	for _, c := range p.children {
		out = append(out, c.Boundaries()...)
	}
	return out
}
