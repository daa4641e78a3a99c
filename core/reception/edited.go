package reception

import (
	"errors"
	"fmt"
	"io"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// copyChunk is how much of an edited body is copied at a time, in bytes.
const copyChunk = 256 << 10

// write makes a record of a header section and a body, which is in memory or
// consists of pieces of a stored one. Memory holds a chunk of that at a time.
func (d *Door) write(header []byte, b *sdk.Body) (message.BodyRef, error) {
	w, err := d.Spool.NewBody()
	if err != nil {
		return message.BodyRef{}, err
	}
	for _, part := range [][]byte{header, crlf, b.Inline} {
		if _, err = w.Write(part); err != nil {
			break
		}
	}
	if err == nil && b.Pieces != nil {
		err = d.writePieces(w, b)
	}
	if err != nil {
		w.Abort()
		return message.BodyRef{}, err
	}
	return w.Close()
}

func (d *Door) writePieces(w BodyWriter, b *sdk.Body) error {
	from, ok := d.bodies.get(b.Handle)
	if !ok {
		return errUnknownBody
	}
	rd, err := from.spool.OpenBody(from.ref)
	if err != nil {
		return err
	}
	defer rd.Close()
	chunk := make([]byte, copyChunk)
	pieces := sdk.BodyReader{Pieces: b.Pieces, Read: func(offset, length int64) ([]byte, error) {
		if length > from.size-offset {
			return nil, errUnknownBody
		}
		if _, err := rd.ReadAt(chunk[:length], from.offset+offset); err != nil {
			return nil, fmt.Errorf("reading a body: %w", err)
		}
		return chunk[:length], nil
	}}
	for {
		data, err := pieces.Next(copyChunk)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
}

// Settle stores an edited body as a record of its own (validate.Validator). The
// record has an empty header section: the messages bring theirs.
func (d *Door) Settle(b *sdk.Body) (drop func(), err error) {
	ref, err := d.write(nil, b)
	if err != nil {
		return nil, d.spoolError(err)
	}
	// Open until the transaction ends, as a draft's own record.
	keep, err := d.Spool.OpenBody(ref)
	if err != nil {
		d.Spool.Drop(ref)
		return nil, d.spoolError(err)
	}
	s := &storedBody{spool: d.Spool, ref: ref, offset: int64(len(crlf)), size: b.Size}
	h := d.bodies.add(s)
	*b = sdk.Body{Size: b.Size, Handle: h}
	return func() {
		d.bodies.drop(h)
		_ = keep.Close() // it was read from by nobody
		if !s.named.Load() {
			d.Spool.Drop(ref)
		}
	}, nil
}

// nameBorrowed remembers that a commit named the stored bodies among c.
func (c *contents) nameBorrowed() {
	for i := range c.stored {
		if b := c.stored[i].from; b != nil {
			b.named.Store(true)
		}
	}
}
