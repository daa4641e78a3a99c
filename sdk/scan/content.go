package scan

import (
	"bytes"
	"context"
	"io"

	"github.com/mtad/mtad/sdk"
)

// BodyHost is the part of sdk.Host that reads bodies.
type BodyHost interface {
	ReadBody(ctx context.Context, handle uint64, offset, length int64) ([]byte, error)
}

// Content is a message as a daemon reads it, and its size in bytes: the header,
// an empty line, and of the body no more than most bytes; 0: all of it.
func Content(ctx context.Context, host BodyHost, m *sdk.Message, most int64) (content io.Reader, size int64) {
	length := m.Body.Size
	if most > 0 {
		length = min(length, most)
	}
	var body io.Reader = bytes.NewReader(m.Body.Inline)
	if !m.Body.Whole() {
		body = &remoteBody{from: sdk.BodyReader{Pieces: m.Body.All(), Read: func(offset, n int64) ([]byte, error) {
			return host.ReadBody(ctx, m.Body.Handle, offset, n)
		}}}
	}
	content = io.MultiReader(bytes.NewReader(m.Header), bytes.NewReader([]byte("\r\n")), io.LimitReader(body, length))
	return content, int64(len(m.Header)) + 2 + length
}

// piece is how much of a body is asked for at once, in bytes.
const piece = 256 << 10

type remoteBody struct {
	from sdk.BodyReader
	rest []byte
}

// Read is part of io.Reader.
func (r *remoteBody) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		data, err := r.from.Next(piece)
		if err != nil {
			return 0, err
		}
		r.rest = data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
