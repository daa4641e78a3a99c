package mailauth

import (
	"bytes"
	"context"
	"io"

	"github.com/mtad/mtad/sdk"
)

// BodyReader is the part of sdk.Host that reads bodies.
type BodyReader interface {
	ReadBody(ctx context.Context, handle uint64, offset, length int64) ([]byte, error)
}

// Of is a message of the contract as it is signed and verified. A body that did
// not come with the call is read in pieces.
func Of(ctx context.Context, host BodyReader, m *sdk.Message) Message {
	out := Message{Header: m.Header}
	if m.Body.Whole() {
		out.Body = bytes.NewReader(m.Body.Inline)
	} else {
		out.Body = &remoteBody{ctx: ctx, host: host, body: m.Body}
	}
	return out
}

// piece is how much of a body is asked for at once.
const piece = 256 << 10

type remoteBody struct {
	ctx  context.Context
	host BodyReader
	body sdk.Body
	at   int64
	rest []byte
}

// Read is part of io.Reader.
func (r *remoteBody) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.at >= r.body.Size {
			return 0, io.EOF
		}
		data, err := r.host.ReadBody(r.ctx, r.body.Handle, r.at, min(piece, r.body.Size-r.at))
		if err != nil {
			return 0, err
		}
		if len(data) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		r.at, r.rest = r.at+int64(len(data)), data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
