package reception

import (
	"bytes"
	"io"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// Loan is a queued message's content as modules see it while a hook runs on it.
// The body is read when a module asks for it.
type Loan struct {
	Header []byte
	Body   sdk.Body

	door   *Door
	reader BodyReader
}

// Lend opens a queued message's content for a hook, even where the message
// leaves the spool before the hook runs. Close ends it. A message that has no
// content yet gives an empty one.
func (d *Door) Lend(m *message.Message) (*Loan, error) {
	l := &Loan{Header: m.Content.Header, door: d}
	if m.Content.Body == (message.BodyRef{}) {
		return l, nil
	}
	rd, err := d.Spool.OpenBody(m.Content.Body)
	if err != nil {
		return nil, err
	}
	l.reader = rd
	if l.Header == nil {
		if l.Header, err = headerOf(rd, m.Content.BodyOffset); err != nil {
			l.Close()
			return nil, err
		}
	}
	l.Body.Size = m.Content.Body.Length - m.Content.BodyOffset
	if l.Body.Size > 0 {
		l.Body.Handle = d.bodies.add(&storedBody{
			spool: d.Spool, ref: m.Content.Body, offset: m.Content.BodyOffset, size: l.Body.Size, lent: rd,
		})
	}
	return l, nil
}

// Close ends the loan.
func (l *Loan) Close() {
	if l.Body.Handle != 0 {
		l.door.bodies.drop(l.Body.Handle)
	}
	if l.reader != nil {
		_ = l.reader.Close() // it was only read from
		l.reader = nil
	}
}

// Keep carries over to a queued message what a hook changed of its view. The
// body cannot be changed any more; false says that it was.
func (l *Loan) Keep(m *message.Message, view *sdk.Message) bool {
	m.Sender, m.Recipient, m.RoutingDomain, m.Priority = view.Sender, view.Recipient, view.RoutingDomain, uint8(view.Priority)
	m.Context, m.ConnContext = view.Context, view.ConnContext
	if !bytes.Equal(view.Header, l.Header) {
		m.Content = withHeader(m.Content, l.Header, view.Header)
	}
	return !view.Body.Changed
}

// headerOf reads the header section in front of a body at offset.
func headerOf(rd BodyReader, offset int64) ([]byte, error) {
	head := make([]byte, max(offset-int64(len(crlf)), 0))
	if len(head) == 0 {
		return head, nil
	}
	_, err := rd.ReadAt(head, 0)
	return head, err
}

// copied writes a content anew whose body is lent: the record that it is in may
// go before the copy does.
func (c *contents) copied(m *sdk.Message, b *storedBody) (storedContent, error) {
	w, err := c.door.Spool.NewBody()
	if err != nil {
		return storedContent{}, err
	}
	head := append(append([]byte(nil), m.Header...), crlf...)
	_, err = w.Write(head)
	if err == nil {
		_, err = io.Copy(w, io.NewSectionReader(b.lent, b.offset, b.size))
	}
	if err != nil {
		w.Abort()
		return storedContent{}, err
	}
	ref, err := w.Close()
	if err != nil {
		return storedContent{}, err
	}
	return storedContent{own: true, header: m.Header, content: message.Content{
		Body: ref, BodyOffset: int64(len(head)), Size: int64(len(head)) + b.size,
	}}, nil
}
