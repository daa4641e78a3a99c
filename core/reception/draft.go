package reception

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Draft takes a message's content while it arrives. It is an io.Writer of the
// message as the peer sent it: CRLF line ends, dots unstuffed, no final dot.
// One goroutine uses it. Either Accept or Abort ends it.
//
// A small body stays in memory until policy has had its say, so that header and
// body reach the spool as one record; a large one streams there from the moment
// it outgrows sdk.MaxInlineBody.
type Draft struct {
	door    *Door
	env     Envelope
	header  []byte // as received, then with the trace field in front
	body    []byte // in memory: all of it, until it spills
	size    int64  // of the body
	split   bool   // the end of the header section was seen
	scanned int    // of header: whole lines that belong to the section
	eight   bool
	max     int

	spill  BodyWriter
	ref    message.BodyRef // of the spilled record
	offset int64           // of the body in that record
	handle uint64
	failed *smtp.Reply

	keep      BodyReader // of the spilled record
	committed bool       // a commit named ref
}

// NewDraft begins a message.
func (d *Door) NewDraft(e Envelope) *Draft {
	dr := &Draft{door: d, env: e}
	dr.max = int(dr.options().MaxHeader)
	return dr
}

// crlf ends a line (RFC 5321 §2.3.8).
var crlf = []byte("\r\n")

// Write appends content. An error is a *smtp.Reply (452 4.3.1 on a full disk,
// 552 5.3.4 for a header section that is too large); the caller reads on to the
// end of the data and answers with it.
func (dr *Draft) Write(p []byte) (int, error) {
	if dr.failed != nil {
		return 0, dr.failed
	}
	n := len(p)
	dr.eight = dr.eight || hasHighBit(p)
	if !dr.split {
		p = dr.writeHeader(p)
	}
	if len(p) > 0 && dr.failed == nil {
		dr.writeBody(p)
	}
	if dr.failed != nil {
		return 0, dr.failed
	}
	return n, nil
}

func hasHighBit(p []byte) bool {
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// writeHeader takes header bytes and returns what belongs to the body. The
// section ends at its first empty line (RFC 5322 §2.1), or in front of the first
// line that cannot be part of a header: senders do forget the empty line, and
// their text is body.
func (dr *Draft) writeHeader(p []byte) []byte {
	for len(p) > 0 {
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		dr.header = append(dr.header, p[:n]...)
		p = p[n:]
		if len(dr.header) > dr.max+len(crlf) {
			dr.failed = errHeader
			return nil
		}
		line, whole := bytes.CutSuffix(dr.header[dr.scanned:], crlf)
		switch {
		case !whole: // its end is still to come
		case len(line) == 0:
			dr.endHeader(dr.scanned)
			return p
		case !headerLine(line, dr.scanned == 0):
			return append(dr.endHeader(dr.scanned), p...)
		default:
			dr.scanned = len(dr.header)
		}
	}
	return nil
}

// endHeader cuts the section off and gives a copy of what followed it.
func (dr *Draft) endHeader(end int) []byte {
	rest := bytes.Clone(dr.header[end:])
	dr.header = dr.header[:end:end]
	dr.split = true
	return rest
}

// headerLine reports a line that can stand in a header section: a field, the
// continuation of one (RFC 5322 §2.2), or an mbox separator in front of it all.
func headerLine(line []byte, first bool) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return !first
	}
	if first && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))) {
		return true
	}
	name, _, field := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // obsolete, but seen (RFC 5322 §4.5)
	for _, c := range name {
		if c <= ' ' || c >= 0x7f { // RFC 5322 §3.6.8
			return false
		}
	}
	return field && len(name) > 0
}

func (dr *Draft) writeBody(p []byte) {
	dr.size += int64(len(p))
	if dr.spill == nil && dr.size <= sdk.MaxInlineBody {
		dr.body = append(dr.body, p...)
		return
	}
	if dr.spill == nil && !dr.startSpill() {
		return
	}
	if _, err := dr.spill.Write(p); err != nil {
		dr.failed = dr.door.spoolError(err)
	}
}

// startSpill moves what is in memory into a body record.
func (dr *Draft) startSpill() bool {
	w, err := dr.door.Spool.NewBody()
	if err != nil {
		dr.failed = dr.door.spoolError(err)
		return false
	}
	dr.spill = w
	dr.header = dr.traced()
	head := append(append([]byte(nil), dr.header...), '\r', '\n')
	dr.offset = int64(len(head))
	for _, part := range [][]byte{head, dr.body} {
		if _, err := w.Write(part); err != nil {
			dr.failed = dr.door.spoolError(err)
			return false
		}
	}
	dr.body = nil
	return true
}

// traced is the header section with the trace field on top (RFC 5321 §4.4).
func (dr *Draft) traced() []byte {
	if dr.env.Received == "" {
		return dr.header
	}
	out := make([]byte, 0, len(dr.header)+len(dr.env.Received)+16)
	out = append(out, "Received: "...)
	out = append(out, dr.env.Received...)
	out = append(out, '\r', '\n')
	return append(out, dr.header...)
}

// finish closes the content: after it, header and body are what policy sees.
func (dr *Draft) finish() error {
	if dr.failed != nil {
		return dr.failed
	}
	if dr.lastLine(); dr.failed != nil {
		return dr.failed
	}
	if len(dr.header) == 0 && dr.options().MissingHeader == "reject" {
		return errNoHeader
	}
	if dr.spill == nil {
		dr.header = dr.traced()
		return nil
	}
	ref, err := dr.spill.Close()
	dr.spill = nil
	if err != nil {
		return dr.door.spoolError(err)
	}
	dr.ref = ref
	// Open until Accept ends: a copy that a script injects meanwhile may be
	// delivered first, and with it the record would go.
	if dr.keep, err = dr.door.Spool.OpenBody(ref); err != nil {
		return dr.door.spoolError(err)
	}
	dr.handle = dr.door.bodies.add(&storedBody{spool: dr.door.Spool, ref: ref, offset: dr.offset, size: dr.size})
	return nil
}

// lastLine settles content that ended within its header section: a last line
// without its end is a field or all of the body, like any other.
func (dr *Draft) lastLine() {
	if dr.split {
		return
	}
	line := dr.header[dr.scanned:]
	if len(line) == 0 {
		return
	}
	if headerLine(line, dr.scanned == 0) {
		dr.header = append(dr.header, crlf...)
		return
	}
	dr.writeBody(dr.endHeader(dr.scanned))
}

// sdkBody is the body as a call carries it.
func (dr *Draft) sdkBody() sdk.Body {
	return sdk.Body{Size: dr.size, Inline: dr.body, Handle: dr.handle}
}

// Abort drops the draft.
func (dr *Draft) Abort() {
	if dr.spill != nil {
		dr.spill.Abort()
		dr.spill = nil
	}
	dr.release()
}

// release frees what the draft holds: the handle modules read its body by, and
// a record that no commit named.
func (dr *Draft) release() {
	if dr.handle != 0 {
		dr.door.bodies.drop(dr.handle)
		dr.handle = 0
	}
	if dr.keep != nil {
		_ = dr.keep.Close() // it was read from by nobody
		dr.keep = nil
	}
	if dr.ref != (message.BodyRef{}) && !dr.committed {
		dr.door.Spool.Drop(dr.ref)
	}
}

// storedBody is a body in the spool that modules may read while a call runs.
type storedBody struct {
	spool  Spool
	ref    message.BodyRef
	offset int64
	size   int64
	lent   BodyReader  // of a queued message (Lend): the record may go at any time
	named  atomic.Bool // a commit named it
}

// bodies are the stored bodies of the calls that run now, by handle.
type bodies struct {
	last atomic.Uint64
	live sync.Map // uint64 -> *storedBody
}

func (b *bodies) add(s *storedBody) uint64 {
	h := b.last.Add(1)
	b.live.Store(h, s)
	return h
}

func (b *bodies) drop(h uint64) { b.live.Delete(h) }

func (b *bodies) get(h uint64) (*storedBody, bool) {
	v, ok := b.live.Load(h)
	if !ok {
		return nil, false
	}
	return v.(*storedBody), true
}
