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
// our own. It meets validate_set_binding and core_final_validation only, and
// msg_gen_data_spool before them where it came over HTTP (design section 3), so that a script which copies and injects does not loop
// and no content policy refuses our own DSN. It is durable when ids are
// returned, one for each recipient that core_ec_message_enqueue did not take.
func (d *Door) Inject(ctx context.Context, in *sdk.Injection) ([]string, error) {
	if len(in.Recipients) == 0 {
		return nil, errors.New("inject: no recipients")
	}
	batch := d.NewID()
	copies := make([]*sdk.Message, 0, len(in.Recipients))
	c := contents{door: d}
	for _, rcpt := range in.Recipients {
		m := d.injected(in, rcpt, batch)
		s := d.Validator.Detached(m)
		defer s.Close() // behind the commit: what the session stored goes with it
		fate, why := d.bindDetached(ctx, s, m)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fate == fateTaken:
			continue
		case fate == fateRefused:
			return nil, why
		case fate == fateSuspended:
			id := m.ID // the message as it was before policy got halfway
			m = d.injected(in, rcpt, batch)
			m.ID = id
			c.suspend(m, why)
		}
		copies = append(copies, m)
	}
	if len(copies) == 0 { // policy has them all
		return nil, nil
	}
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
	if in.Protocol == sdk.ProtocolREST {
		m.Protocol = sdk.ProtocolREST
	}
	local, domain := rcpt.Split()
	m.Context.Set("rcptto_localpart", local)
	m.Context.Set("rcptto_domain", domain)
	return m
}

// nullID is the id of no connection (reference/logs.md, IDs).
const nullID = "00/00-00000-00000000"

// bounceRefused tells the sender of recipients that policy refused one by one,
// where others were accepted. Only a peer that may relay gets such a bounce by
// default: for anybody else it would be backscatter.
func (r *run) bounceRefused(ctx context.Context) {
	if r.s.State.Conn.Protocol == sdk.ProtocolREST { // the client's answer says it
		return
	}
	if !r.dr.env.MayRelay && !r.dr.options().PartialBounce || r.s.State.Message.Sender.Null() {
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
func readHeader(b *storedBody) ([]byte, error) {
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
	rd := b.lent
	if rd == nil {
		var err error
		if rd, err = b.spool.OpenBody(b.ref); err != nil {
			return nil, err
		}
		defer rd.Close()
	}
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
