package sdk

import (
	"encoding/binary"
	"fmt"
	"io"
)

// BodyPiece is a piece of an edited body: a span of the body behind
// Body.Handle, or bytes of its own where Data is not empty.
type BodyPiece struct {
	Offset, Length int64 // of the span, in bytes
	Data           []byte
}

// Size is the piece's length in bytes.
func (p *BodyPiece) Size() int64 {
	if len(p.Data) > 0 {
		return int64(len(p.Data))
	}
	return p.Length
}

// EncodePieces writes pieces as the Data of a BodyPieces change: of each one a
// varint, its size doubled and 1 more where bytes of its own follow, then these
// bytes, or the offset of the span as a varint.
func EncodePieces(pieces []BodyPiece) []byte {
	var out []byte
	for i := range pieces {
		if p := &pieces[i]; len(p.Data) > 0 {
			out = binary.AppendUvarint(out, uint64(len(p.Data))<<1|1)
			out = append(out, p.Data...)
		} else {
			out = binary.AppendUvarint(out, uint64(p.Length)<<1)
			out = binary.AppendUvarint(out, uint64(p.Offset))
		}
	}
	return out
}

// DecodePieces reads what EncodePieces wrote, of a body of base bytes. Spans go
// from front to end and do not overlap, so that what a module sends cannot grow
// beyond the body and the bytes it brings.
func DecodePieces(data []byte, base int64) ([]BodyPiece, error) {
	var out []BodyPiece
	end := int64(0)
	for len(data) > 0 {
		size, n := binary.Uvarint(data)
		if n <= 0 || size < 2 {
			return nil, fmt.Errorf("%w: a piece of the body has no size", ErrBadChange)
		}
		own := size&1 == 1
		data, size = data[n:], size>>1
		if own {
			if size > uint64(len(data)) {
				return nil, fmt.Errorf("%w: a piece of the body is cut off", ErrBadChange)
			}
			out = append(out, BodyPiece{Data: data[:size:size]})
			data = data[size:]
			continue
		}
		offset, n := binary.Uvarint(data)
		if n <= 0 || offset < uint64(end) || offset > uint64(base) || size > uint64(base)-offset {
			return nil, fmt.Errorf("%w: a piece lies outside of the body of %d bytes", ErrBadChange, base)
		}
		out = append(out, BodyPiece{Offset: int64(offset), Length: int64(size)})
		data, end = data[n:], int64(offset+size)
	}
	return out, nil
}

// applyPieces makes the body what c says of the body behind its handle.
func applyPieces(m *Message, c *Change) error {
	b := m.Body
	if b.Handle == 0 || b.Changed || uint64(c.Number) != b.Handle {
		return fmt.Errorf("%w: it edits a body that the message does not have", ErrBadChange)
	}
	if b.Pieces == nil {
		b.Base = b.Size
	}
	pieces, err := DecodePieces(c.Data, b.Base)
	if err != nil {
		return err
	}
	m.Body = Body{Handle: b.Handle, Base: b.Base, Pieces: pieces}
	for i := range pieces {
		m.Body.Size += pieces[i].Size()
	}
	if len(pieces) == 0 {
		m.Body = Body{Changed: true}
	}
	return nil
}

// All is the pieces of a body: one span where no edit cut it.
func (b *Body) All() []BodyPiece {
	if b.Pieces != nil {
		return b.Pieces
	}
	if b.Size == 0 {
		return nil
	}
	return []BodyPiece{{Length: b.Size}}
}

// BodyReader reads a body from front to end. Its fields are set once.
type BodyReader struct {
	Pieces []BodyPiece
	// Read reads a span of the body behind the handle.
	Read func(offset, length int64) ([]byte, error)

	at int64 // within Pieces[0]
}

// Next gives up to most bytes, which must not be changed; io.EOF at the end.
func (r *BodyReader) Next(most int64) ([]byte, error) {
	for len(r.Pieces) > 0 && r.at == r.Pieces[0].Size() {
		r.Pieces, r.at = r.Pieces[1:], 0
	}
	if len(r.Pieces) == 0 {
		return nil, io.EOF
	}
	p := &r.Pieces[0]
	n := min(most, p.Size()-r.at)
	if len(p.Data) > 0 {
		r.at += n
		return p.Data[r.at-n : r.at], nil
	}
	data, err := r.Read(p.Offset+r.at, n)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	r.at += int64(len(data))
	return data, nil
}
