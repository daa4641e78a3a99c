package reception

import (
	"context"
	"errors"
	"fmt"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

var errUnknownBody = errors.New("the body belongs to no call that is under way")

// Inject queues a message that no client brought: from a script, or a bounce of
// our own. It meets validate_set_binding and core_final_validation only
// (design section 3), so that a script which copies and injects does not loop
// and no content policy refuses our own DSN. It is durable when ids are
// returned, one for each recipient.
func (d *Door) Inject(ctx context.Context, in *sdk.Injection) ([]string, error) {
	if len(in.Recipients) == 0 {
		return nil, errors.New("inject: no recipients")
	}
	batch := d.NewID()
	copies := make([]*sdk.Message, 0, len(in.Recipients))
	for _, rcpt := range in.Recipients {
		m := d.injected(in, rcpt, batch)
		if err := d.bindDetached(ctx, m); err != nil {
			return nil, err
		}
		copies = append(copies, m)
	}
	c := contents{door: d}
	queued, err := d.commit(ctx, copies, &c, Envelope{})
	if err != nil {
		c.drop()
		return nil, err
	}
	d.enqueue(queued)
	ids := make([]string, len(queued))
	for i, q := range queued {
		ids[i] = q.ID
	}
	return ids, nil
}

func (d *Door) injected(in *sdk.Injection, rcpt smtp.Address, batch string) *sdk.Message {
	m := &sdk.Message{
		ID: d.NewID(), BatchID: batch, ConnID: nullID, Sender: in.Sender,
		Recipient: rcpt, Original: rcpt, Context: in.Context.Clone(),
		Header: in.Header, Body: in.Body, Protocol: sdk.ProtocolInternal,
		Created: d.Now(), Bounce: in.Bounce,
	}
	local, domain := rcpt.Split()
	m.Context.Set("rcptto_localpart", local)
	m.Context.Set("rcptto_domain", domain)
	return m
}

// nullID is the id of no connection (reference/logs.md, IDs).
const nullID = "00/00-00000-00000000"

// bindDetached runs the hooks of a message without a session. Policy that fails
// or refuses here does not lose the message: it keeps the binding it has
// (design section 5), and the paniclog says why.
func (d *Door) bindDetached(ctx context.Context, m *sdk.Message) error {
	s := d.Validator.Detached(m)
	defer s.Close()
	todo := bindPhases(s, 0, 1)
	for len(todo) > 0 {
		o := s.Run(ctx, todo...)
		if o.Failed || o.Ran == 0 {
			d.Log.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "reception",
				Text: fmt.Sprintf("message %s keeps its binding: policy failed: %v", m.ID, o.Reply())})
			return ctx.Err()
		}
		todo = todo[o.Ran:]
	}
	return nil
}

// bounceRefused tells the sender of recipients that policy refused one by one,
// where others were accepted. Only a peer that may relay gets such a bounce by
// default: for anybody else it would be backscatter.
func (r *run) bounceRefused(ctx context.Context) {
	if !r.dr.env.MayRelay && !r.door.Options().PartialBounce || r.s.State.Message.Sender.Null() {
		return
	}
	for i, reply := range r.refused {
		if reply == nil || r.door.Bounce == nil {
			continue
		}
		r.door.Bounce(ctx, r.door.toMessage(r.s.State.Copies[i], message.Content{}, r.dr.env), reply)
	}
}

// readHeader reads back the header section in front of a stored body.
func readHeader(b storedBody) ([]byte, error) {
	rd, err := b.spool.OpenBody(b.ref)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	head := make([]byte, b.offset)
	if _, err := rd.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("reading a header section back: %w", err)
	}
	return head[:len(head)-2], nil
}

// ReadBody answers a module's Host.ReadBody for a body of a call under way.
func (d *Door) ReadBody(handle uint64, offset, length int64) ([]byte, error) {
	b, ok := d.bodies.get(handle)
	if !ok {
		return nil, errUnknownBody
	}
	if offset < 0 || offset > b.size || length < 0 {
		return nil, fmt.Errorf("no offset %d in a body of %d bytes", offset, b.size)
	}
	rd, err := b.spool.OpenBody(b.ref)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	p := make([]byte, min(length, b.size-offset, maxRead))
	if _, err := rd.ReadAt(p, b.offset+offset); err != nil {
		return nil, fmt.Errorf("reading a body: %w", err)
	}
	return p, nil
}

// maxRead bounds one ReadBody, in bytes.
const maxRead = 1 << 20

// spoolError makes a failure of the spool a reply: a full spool is 452, anything else
// 451 (design section 5).
func (d *Door) spoolError(err error) *smtp.Reply {
	if d.IsFull != nil && d.IsFull(err) {
		return errSpool.WithCause(err)
	}
	return errDurable.WithCause(err)
}
