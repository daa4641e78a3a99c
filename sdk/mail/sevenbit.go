package mail

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"
)

// Conversion says what of a message must become ASCII.
type Conversion struct {
	Headers bool // header sections, the parts' included (RFC 6531 §3.2)
	Bodies  bool // content (RFC 6152 §3)
}

// ErrNotConvertible is content that cannot be made 7-bit without harm: what a
// signature covers (RFC 1847 §2.1), what RFC 2046 forbids to encode, what is
// encoded already and 8-bit all the same, or a header that ErrNotASCII names.
var ErrNotConvertible = errors.New("the content cannot be converted to 7 bits")

// Plan is how one message is converted: the product of PlanConversion.
type Plan struct {
	what     Conversion
	entities []entity
	needed   bool
}

// entity is a header section and what follows it, in the order they stand.
type entity struct {
	header bool // the header section is not ASCII
	body   bool // a leaf whose content is not ASCII
	text   bool // so far its content is UTF-8
}

// Needed reports whether the message changes at all.
func (p *Plan) Needed() bool { return p.needed }

// PlanConversion reads a message once and says how it is converted, or that it
// cannot be (ErrNotConvertible). It keeps a few bytes for each part, so the
// message may have any size.
func PlanConversion(r io.Reader, what Conversion) (*Plan, error) {
	p := &Plan{what: what}
	w := newWalker(r, p)
	w.survey = true
	for {
		if err := w.step(); errors.Is(err, io.EOF) {
			return p, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// Reader gives the converted message; r gives the same bytes that the plan was
// made of. Content becomes quoted-printable, line by line.
func (p *Plan) Reader(r io.Reader) io.Reader { return &converted{newWalker(r, p)} }

type converted struct{ w *walker }

// Read implements io.Reader.
func (c *converted) Read(b []byte) (int, error) {
	for c.w.out.Len() == 0 {
		if err := c.w.step(); err != nil {
			return 0, err
		}
	}
	return c.w.out.Read(b)
}

const (
	walkBuffer = 16 << 10
	// maxSection bounds a header section that is rewritten, in bytes.
	maxSection = 1 << 20
)

// place is what the walker reads at the moment.
type place uint8

const (
	inHeader  place = iota
	inLeaf          // content that is passed on or encoded
	inBetween       // what stands around the parts of a container
)

// walker reads a message line by line and follows its MIME structure.
type walker struct {
	r      *bufio.Reader
	plan   *Plan
	survey bool // fill the plan in; else carry it out
	out    bytes.Buffer

	at     place
	n      int // entities whose header has ended
	leaf   leafKind
	levels []walkLevel
	header []byte
	inLine bool // the last piece did not end its line
	qp     *quotedprintable.Writer
	done   bool
}

type walkLevel struct {
	boundary       string
	digest, signed bool
}

// leafKind is what may be done to a leaf's content.
type leafKind uint8

const (
	leafPlain leafKind = iota
	leafFixed          // it may not be encoded, or is already
)

func newWalker(r io.Reader, p *Plan) *walker {
	return &walker{r: bufio.NewReaderSize(r, walkBuffer), plan: p}
}

// step works on one line, or a piece of a long one.
func (w *walker) step() error {
	if w.done {
		return io.EOF
	}
	line, err := w.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(line) > 0 {
		if err := w.line(line); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		w.done = true
		return w.end()
	}
	return nil
}

// end finishes what is open at the end of the message.
func (w *walker) end() error {
	if w.at == inHeader {
		return w.endHeader(nil)
	}
	return w.endLeaf()
}

func (w *walker) line(line []byte) error {
	begins := !w.inLine
	w.inLine = line[len(line)-1] != '\n'
	if begins && len(w.levels) > 0 && bytes.HasPrefix(line, []byte("--")) {
		if level, closing := w.delimiter(line); level >= 0 {
			return w.boundary(line, level, closing)
		}
	}
	switch {
	case w.at == inHeader && begins && emptyLine(line) > 0:
		return w.endHeader(line)
	case w.at == inHeader:
		if w.header = append(w.header, line...); len(w.header) > maxSection {
			return fmt.Errorf("%w: a header section of more than %d bytes", ErrNotConvertible, maxSection)
		}
		return nil
	case w.at == inBetween:
		return w.between(line)
	}
	return w.content(line)
}

// delimiter finds whose boundary a line is; -1: nobody's (RFC 2046 §5.1.1).
func (w *walker) delimiter(line []byte) (level int, closing bool) {
	text := string(bytes.TrimRight(line[2:], " \t\r\n"))
	for i, l := range w.levels {
		if text == l.boundary {
			return i, false
		}
		if text == l.boundary+"--" {
			return i, true
		}
	}
	return -1, false
}

func (w *walker) boundary(line []byte, level int, closing bool) error {
	if w.at == inHeader {
		if err := w.endHeader(nil); err != nil {
			return err
		}
	}
	if err := w.endLeaf(); err != nil {
		return err
	}
	w.at = inHeader
	if closing {
		w.at = inBetween
		level--
	}
	w.levels = w.levels[:level+1]
	w.emit(line)
	return nil
}

func (w *walker) emit(b []byte) {
	if !w.survey {
		w.out.Write(b)
	}
}

func (w *walker) signed() bool {
	for _, l := range w.levels {
		if l.signed {
			return true
		}
	}
	return false
}

// change notes that something must be converted, unless it must not be.
func (w *walker) change(what string) error {
	if w.signed() {
		return fmt.Errorf("%w: %s is signed", ErrNotConvertible, what)
	}
	w.plan.needed = true
	return nil
}

// between is text that no reader is shown (RFC 2046 §5.1.1).
func (w *walker) between(line []byte) error {
	if !w.plan.what.Bodies || isASCII(line) {
		w.emit(line)
		return nil
	}
	if w.survey {
		return w.change("text between parts")
	}
	for _, c := range line {
		if c >= 0x80 {
			c = '?'
		}
		w.out.WriteByte(c)
	}
	return nil
}

// content is a line of a leaf.
func (w *walker) content(line []byte) error {
	switch {
	case w.qp != nil:
		_, err := w.qp.Write(line)
		return err
	case w.survey && w.plan.what.Bodies && !isASCII(line):
		if w.leaf == leafFixed {
			return fmt.Errorf("%w: a part may not be encoded", ErrNotConvertible)
		}
		e := &w.plan.entities[w.n-1]
		e.text = utf8.Valid(line) && (e.text || !e.body)
		e.body = true
		return w.change("a part")
	}
	w.emit(line)
	return nil
}

// endHeader takes a header section that has ended with the empty line gap.
func (w *walker) endHeader(gap []byte) error {
	section := w.header
	w.header = nil
	if w.survey {
		if err := w.surveyHeader(section); err != nil {
			return err
		}
	}
	if w.n >= len(w.plan.entities) {
		return fmt.Errorf("%w: it changed after it was looked at", ErrNotConvertible)
	}
	e := w.plan.entities[w.n]
	top := w.n == 0
	w.n++
	kind := w.enter(section)
	if w.survey {
		return nil
	}
	section, err := w.rewrite(section, e, top, kind)
	if err != nil {
		return err
	}
	w.out.Write(section)
	w.out.Write(gap)
	if e.body {
		if gap == nil {
			w.out.WriteString("\r\n")
		}
		w.qp = quotedprintable.NewWriter(&w.out)
	}
	return nil
}

func (w *walker) surveyHeader(section []byte) error {
	if len(w.plan.entities) >= maxParts {
		return fmt.Errorf("%w: more than %d parts", ErrNotConvertible, maxParts)
	}
	e := entity{header: w.plan.what.Headers && !isASCII(section)}
	if e.header {
		if _, err := ASCIISection(section); err != nil {
			return fmt.Errorf("%w: %w", ErrNotConvertible, err)
		}
		if err := w.change("a header"); err != nil {
			return err
		}
	}
	w.plan.entities = append(w.plan.entities, e)
	return nil
}

// entityKind is what a header section says about what follows.
type entityKind struct {
	container bool
	encoding  string
}

// enter reads what follows a header section.
func (w *walker) enter(section []byte) entityKind {
	k := entityKind{encoding: Encoding7Bit}
	if v, ok := first(section, "Content-Transfer-Encoding"); ok {
		k.encoding = strings.ToLower(stripTrailingComment(v))
	}
	value, typed := first(section, "Content-Type")
	params := ParseParams(value)
	media := params.Value
	if !typed && w.inDigest() {
		media = "message/rfc822" // RFC 2046 §5.1.5
	}
	identity := k.encoding == Encoding7Bit || k.encoding == Encoding8Bit || k.encoding == EncodingBinary
	w.leaf, w.at = leafPlain, inLeaf
	boundary := multipartBoundary(section)
	switch {
	case boundary != "" && len(w.levels) < maxDepth:
		k.container = true
		w.levels = append(w.levels, walkLevel{boundary, media == "multipart/digest", media == "multipart/signed"})
		w.at = inBetween
	case media == "message/rfc822" && identity:
		k.container = true
		w.at = inHeader
	case !identity, strings.HasPrefix(media, "multipart/"),
		strings.HasPrefix(media, "message/") && media != "message/global": // RFC 2046 §5.2, RFC 6532 §3.7
		w.leaf = leafFixed
	}
	return k
}

func (w *walker) inDigest() bool {
	return len(w.levels) > 0 && w.levels[len(w.levels)-1].digest
}

// rewrite is the header section as it goes out.
func (w *walker) rewrite(section []byte, e entity, top bool, k entityKind) (_ []byte, err error) {
	if e.header {
		if section, err = ASCIISection(section); err != nil {
			return nil, err
		}
	}
	switch {
	case e.body:
		section = e.declare(section, top)
	case w.plan.what.Bodies && w.plan.needed && k.container && (k.encoding == Encoding8Bit || k.encoding == EncodingBinary) && !w.signed():
		section = ReplaceHeader(section, "Content-Transfer-Encoding", []string{Encoding7Bit})
	}
	return section, nil
}

// declare says that a leaf is encoded. Text that said nothing of itself gets a
// name (RFC 1428 §3).
func (e *entity) declare(section []byte, top bool) []byte {
	if _, ok := first(section, "Content-Type"); !ok {
		charset := "unknown-8bit"
		if e.text {
			charset = "utf-8"
		}
		section = ReplaceHeader(section, "Content-Type", []string{"text/plain; charset=" + charset})
	}
	if _, ok := first(section, "MIME-Version"); !ok && top {
		section = ReplaceHeader(section, "MIME-Version", []string{"1.0"})
	}
	return ReplaceHeader(section, "Content-Transfer-Encoding", []string{EncodingQP})
}

// endLeaf ends the content of a part.
func (w *walker) endLeaf() error {
	if w.qp == nil {
		return nil
	}
	err := w.qp.Close()
	w.qp = nil
	return err
}
