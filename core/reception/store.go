package reception

import (
	"bytes"
	"context"
	"unsafe"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// store is steps 8 and 9: it settles each copy's fate, commits what is left as
// one batch, and sets the final reply.
func (r *run) store(ctx context.Context) {
	r.s.Split()
	for i := range r.s.State.Copies {
		r.choose(ctx, i)
		r.unbound(i)
	}
	if r.final != nil {
		return
	}
	keep, examined := r.examine(ctx, r.survivors(r.s.State))
	defer examined()
	if len(keep) == 0 {
		r.final = r.nothingLeft()
		return
	}
	c := contents{door: r.door, dr: r.dr}
	queued, err := r.door.commit(ctx, keep, &c, r.dr.env)
	if err != nil {
		c.drop()
		r.final = r.door.asReply(err)
		return
	}
	r.final = smtp.NewReply(250, "2.0.0", "OK "+r.s.State.Message.BatchID)
	if r.ok != nil {
		r.final = r.ok
	}
	r.queued = queued
	r.door.enqueue(queued)
	r.bounceRefused(ctx)
}

// survivors are the copies that go into the queue. The others are logged as
// rejections: a discard shows 250 to the sender (reference/lua-api-notes.md 39).
func (r *run) survivors(st *sdk.State) []*sdk.Message {
	if st.Message.Discard != nil {
		r.reject(st.Message.Discard)
		return nil
	}
	var keep []*sdk.Message
	for i, m := range st.Copies {
		switch {
		case r.removed[i]:
		case r.refused[i] != nil:
			r.rejectOne(m, r.refused[i])
		case r.taken[i]:
			r.rejectOne(m, replyTaken)
		case m.Discard != nil:
			r.rejectOne(m, m.Discard)
		default:
			keep = append(keep, m)
		}
	}
	return keep
}

// nothingLeft is the reply where no copy goes on: the refusal if every
// recipient was refused, else 250.
func (r *run) nothingLeft() *smtp.Reply {
	var last *smtp.Reply
	for i := range r.s.State.Copies {
		switch {
		case r.removed[i]:
		case r.refused[i] == nil:
			return r.accepted()
		default:
			last = r.refused[i]
		}
	}
	if last != nil {
		return last
	}
	return r.accepted()
}

func (r *run) accepted() *smtp.Reply {
	if r.ok != nil {
		return r.ok
	}
	return smtp.NewReply(250, "2.0.0", "OK "+r.s.State.Message.BatchID)
}

// commit writes the copies' contents and commits all of them as one batch.
func (d *Door) commit(ctx context.Context, copies []*sdk.Message, c *contents, env Envelope) ([]*message.Message, error) {
	queued := make([]*message.Message, 0, len(copies))
	entries := make([]Entry, 0, len(copies))
	for _, m := range copies {
		if d.Marks != nil && c.suspended[m] == "" {
			b := d.bind(m)
			d.Marks(m, b.Name, b.Group)
		}
		content, err := c.of(m)
		if err != nil {
			return nil, d.spoolError(err)
		}
		q := d.toMessage(m, content, env)
		if q.Suspended = c.suspended[m]; q.Suspended != "" {
			q.Binding, q.BindingGroup = "", ""
		}
		queued = append(queued, q)
		entries = append(entries, Entry{ID: q.ID, Meta: message.Encode(q), Body: content.Body})
	}
	if err := d.Spool.Commit(ctx, entries); err != nil {
		return nil, d.spoolError(err)
	}
	if c.dr != nil {
		c.dr.committed = c.names(c.dr.ref)
	}
	c.nameBorrowed()
	return queued, nil
}

// toMessage makes a copy durable data: its binding is settled here.
func (d *Door) toMessage(m *sdk.Message, content message.Content, env Envelope) *message.Message {
	b := d.bind(m)
	_, eight := m.Context.Get("#8bitmime")
	return &message.Message{
		ID: m.ID, BatchID: m.BatchID, ConnID: m.ConnID,
		Sender: m.Sender, Recipient: m.Recipient,
		Binding: b.Name, BindingGroup: b.Group, RoutingDomain: m.RoutingDomain,
		Priority: uint8(m.Priority), Protocol: m.Protocol,
		Peer: m.RecvFrom, Local: m.RecvVia, Received: m.Created,
		Context: m.Context, ConnContext: m.ConnContext,
		Bounce: m.Bounce, EightBit: env.EightBit || eight, SMTPUTF8: env.SMTPUTF8, DSN: env.dsn(m.Recipient),
		Content: content,
	}
}

// bind is the binding policy chose, or the default. Out of a group one was chosen
// before (choose).
func (d *Door) bind(m *sdk.Message) binding.Binding {
	t := d.Bindings()
	if b, ok := t.Find(m.Binding); ok && m.Binding != "" {
		return b
	}
	b, _ := t.Find(binding.Default)
	return b
}

// enqueue is step 10: durable already, so nothing here may fail.
func (d *Door) enqueue(queued []*message.Message) {
	for _, m := range queued {
		d.Log.Reception(m)
		d.Queue(m)
	}
}

// contents writes each distinct content once; copies share what they can.
type contents struct {
	door   *Door
	dr     *Draft // nil for an injection
	stored []storedContent

	suspended map[*sdk.Message]string // why these wait for their binding
}

type storedContent struct {
	key     bodyKey
	header  []byte
	content message.Content
	own     bool        // written here
	from    *storedBody // else: the body it is
}

// names reports whether a record is among the contents.
func (c *contents) names(ref message.BodyRef) bool {
	for i := range c.stored {
		if c.stored[i].content.Body == ref {
			return true
		}
	}
	return false
}

// drop gives up the records that were written here, after a failed commit. A
// draft's own record, and one that an injection borrowed, belong to others.
func (c *contents) drop() {
	for i := range c.stored {
		if s := &c.stored[i]; s.own {
			c.door.Spool.Drop(s.content.Body)
		}
	}
}

// bodyKey tells bodies apart without comparing them: copies made by one split
// share their bytes.
type bodyKey struct {
	handle uint64
	first  *byte
	piece  *sdk.BodyPiece
	size   int64
}

func keyOf(b *sdk.Body) bodyKey {
	return bodyKey{handle: b.Handle, first: unsafe.SliceData(b.Inline), piece: unsafe.SliceData(b.Pieces), size: b.Size}
}

// of gives a copy's content, written now unless another copy's serves: the same
// body is shared, with the header section beside it where that differs.
func (c *contents) of(m *sdk.Message) (message.Content, error) {
	key := keyOf(&m.Body)
	for i := range c.stored {
		if s := &c.stored[i]; s.key == key {
			return withHeader(s.content, s.header, m.Header), nil
		}
	}
	s, err := c.store(m)
	if err != nil {
		return message.Content{}, err
	}
	s.key = key
	c.stored = append(c.stored, s)
	return withHeader(s.content, s.header, m.Header), nil
}

func withHeader(content message.Content, stored, header []byte) message.Content {
	size := content.Size - int64(len(stored)) + int64(len(header))
	content.Size = size
	if !bytes.Equal(stored, header) {
		content.Header = header
		if header == nil {
			content.Header = []byte{}
		}
	}
	return content
}

// store writes a content as a new record, or finds the record it is in.
func (c *contents) store(m *sdk.Message) (storedContent, error) {
	if m.Body.Handle != 0 && !m.Body.Changed && m.Body.Pieces == nil {
		return c.existing(m)
	}
	ref, err := c.door.write(m.Header, &m.Body)
	if err != nil {
		return storedContent{}, err
	}
	head := int64(len(m.Header)) + 2
	return storedContent{own: true, header: m.Header, content: message.Content{
		Body: ref, BodyOffset: head, Size: head + m.Body.Size,
	}}, nil
}

// existing is a body that streamed into the spool while it arrived.
func (c *contents) existing(m *sdk.Message) (storedContent, error) {
	b, ok := c.door.bodies.get(m.Body.Handle)
	if !ok {
		return storedContent{}, errUnknownBody
	}
	if b.lent != nil {
		return c.copied(m, b)
	}
	head, err := readHeader(b)
	if err != nil {
		return storedContent{}, err
	}
	return storedContent{header: head, from: b, content: message.Content{
		Body: b.ref, BodyOffset: b.offset, Size: b.offset + b.size,
	}}, nil
}
