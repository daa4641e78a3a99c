package reception

import (
	"context"
	"io"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// Finding is what Examine saw in a message that came for one recipient.
type Finding struct {
	// Discard, if set, has the message go no further: the rejectlog gets it and
	// the client a 250.
	Discard *smtp.Reply
	// Record is called once the client's answer is settled and positive; nil: there
	// is nothing to record.
	Record func()
}

// maxExamined bounds what is read of a message that is examined, in octets.
const maxExamined = 1 << 20

// examine looks at the copies that are about to be queued, and takes out those
// that end here. done records what was found, where the answer is positive.
func (r *run) examine(ctx context.Context, copies []*sdk.Message) (keep []*sdk.Message, done func()) {
	if r.door.Examine == nil || r.s.State.Conn.Protocol == sdk.ProtocolREST {
		return copies, func() {}
	}
	var found []Finding
	for _, m := range copies {
		f := r.door.Examine(ctx, m, func() (*mail.Part, error) { return r.door.parse(m) })
		found = append(found, f)
		if f.Discard == nil {
			keep = append(keep, m)
		}
	}
	return keep, func() {
		if r.final == nil || !r.final.Positive() {
			return
		}
		for i, f := range found {
			if f.Discard != nil {
				r.rejectOne(copies[i], f.Discard)
			}
			if f.Record != nil {
				f.Record()
			}
		}
	}
}

// parse reads the front of a message's content.
func (d *Door) parse(m *sdk.Message) (*mail.Part, error) {
	if m.Body.Handle == 0 {
		return mail.ParseMIME(m.Header, m.Body.Inline[:min(len(m.Body.Inline), maxExamined)]), nil
	}
	body := make([]byte, 0, min(m.Body.Size, maxExamined))
	pieces := sdk.BodyReader{Pieces: m.Body.All(), Read: func(offset, length int64) ([]byte, error) {
		return d.ReadBody(m.Body.Handle, offset, length)
	}}
	for len(body) < maxExamined {
		data, err := pieces.Next(int64(maxExamined - len(body)))
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		body = append(body, data...)
	}
	return mail.ParseMIME(m.Header, body), nil
}
