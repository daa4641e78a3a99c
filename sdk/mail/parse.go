package mail

import "bytes"

// The bounds of a MIME tree. What lies beyond is a leaf's content: it is still
// there, and sent as it stands.
const (
	maxDepth    = 100
	maxParts    = 1000
	maxBoundary = 998
)

// ParseMIME reads the MIME tree of a message from its header section and body.
// The parts refer to the bytes of both, which must not change.
func ParseMIME(section, body []byte) *Part {
	root := &Part{header: section, body: body, boundary: multipartBoundary(section)}
	if root.boundary != "" {
		s := scanner{src: body, budget: maxParts - 1}
		s.container(root, 0)
	}
	return root
}

// scanner reads a container's body once from start to end. Boundaries of all
// containers it is in are known at every line, so a part that does not end is
// ended by the container around it (RFC 2046 §5.1.2).
type scanner struct {
	src    []byte
	pos    int
	budget int // parts that may still be made
	open   []string
	levels map[string]int // of the open boundaries; the outermost of equal ones
}

// delimiter is a line that ends a part: src[start:end] with the line end that
// belongs to it (RFC 2046 §5.1.1).
type delimiter struct {
	start, end int
	level      int // which open container it is of; -1: the end of src
	closing    bool
}

// container reads the parts of p from s.pos on. It returns the delimiter that
// stopped it, which is of a container around p.
func (s *scanner) container(p *Part, depth int) delimiter {
	begin, level := s.pos, s.push(p.boundary)
	d := s.next(s.pos)
	p.preamble = s.span(begin, d.start)
	for d.level == level && !d.closing && s.budget > 0 {
		s.budget--
		child := &Part{parent: p, before: s.span(d.start, d.end)}
		p.children = append(p.children, child)
		s.pos = d.end
		d = s.part(child, depth+1)
	}
	tail := d.start
	s.pop(level, p.boundary)
	if d.level == level {
		d = s.next(d.end)
	}
	p.tail = s.span(tail, d.start)
	p.body = s.span(begin, d.start)
	return d
}

// part reads one part from s.pos on, up to the delimiter it returns.
func (s *scanner) part(p *Part, depth int) delimiter {
	begin := s.pos
	d, headed := s.header()
	if !headed {
		p.header = s.span(begin, d.start)
		return d
	}
	gap := emptyLine(s.src[s.pos:])
	p.header, p.gap = s.span(begin, s.pos), s.span(s.pos, s.pos+gap)
	s.pos += gap
	if depth < maxDepth {
		p.boundary = multipartBoundary(p.header)
	}
	if p.boundary != "" {
		return s.container(p, depth)
	}
	body := s.pos
	d = s.next(body)
	p.body = s.span(body, d.start)
	return d
}

// header moves to the empty line behind a header section. Where a delimiter or
// the end comes first it gives that, and false.
func (s *scanner) header() (delimiter, bool) {
	begin := s.pos
	for s.pos < len(s.src) {
		if emptyLine(s.src[s.pos:]) > 0 {
			return delimiter{}, true
		}
		if d, ok := s.delimiterAt(s.pos, begin); ok {
			return d, false
		}
		i := bytes.IndexByte(s.src[s.pos:], '\n')
		if i < 0 {
			break
		}
		s.pos += i + 1
	}
	return s.end(), false
}

// next is the first delimiter of any open container at or behind from.
func (s *scanner) next(from int) delimiter {
	at := from
	if len(s.open) == 0 {
		return s.end()
	}
	for {
		if d, ok := s.delimiterAt(at, from); ok {
			return d
		}
		i := bytes.Index(s.src[at:], []byte("\n--"))
		if i < 0 {
			return s.end()
		}
		at += i + 1
	}
}

func (s *scanner) end() delimiter {
	s.pos = len(s.src)
	return delimiter{start: len(s.src), end: len(s.src), level: -1}
}

// delimiterAt reads the line at at. The line end in front of it belongs to the
// delimiter, unless it is part of what ends at floor.
func (s *scanner) delimiterAt(at, floor int) (delimiter, bool) {
	if !bytes.HasPrefix(s.src[at:], []byte("--")) {
		return delimiter{}, false
	}
	line := s.src[at:min(len(s.src), at+maxBoundary+8)]
	end := at + len(line)
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, end = line[:i], at+i+1
	} else if end < len(s.src) {
		return delimiter{}, false
	}
	line = bytes.TrimRight(line[2:], " \t\r")
	d := delimiter{start: at, end: end}
	level, ok := s.levels[string(line)]
	if !ok && bytes.HasSuffix(line, []byte("--")) {
		level, ok = s.levels[string(line[:len(line)-2])]
		d.closing = true
	}
	if !ok || !d.closing && s.budget == 0 {
		return delimiter{}, false
	}
	d.level = level
	if d.start > floor && s.src[d.start-1] == '\n' {
		d.start--
		if d.start > floor && s.src[d.start-1] == '\r' {
			d.start--
		}
	}
	return d, true
}

func (s *scanner) push(boundary string) int {
	if s.levels == nil {
		s.levels = map[string]int{}
	}
	level := len(s.open)
	s.open = append(s.open, boundary)
	if _, taken := s.levels[boundary]; !taken {
		s.levels[boundary] = level
	}
	return level
}

func (s *scanner) pop(level int, boundary string) {
	s.open = s.open[:level]
	if s.levels[boundary] == level {
		delete(s.levels, boundary)
	}
}

func (s *scanner) span(from, to int) []byte {
	if from >= to {
		return nil
	}
	return s.src[from:to:to]
}
