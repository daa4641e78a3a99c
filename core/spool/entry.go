package spool

import (
	"encoding/binary"
	"fmt"

	"github.com/mtad/mtad/core/message"
)

// Entry is one message of a Batch. Meta is its metadata (message.Encode), which
// the spool does not look into. Body is what NewBody gave, or the zero
// reference.
type Entry struct {
	ID   string // 1 to 255 bytes, unique
	Meta []byte
	Body message.BodyRef
}

// Batch is one transaction: all of it is durable, or nothing.
type Batch struct{ Entries []Entry }

// An entry inside a record, so that one message's metadata can be read and
// verified without the rest of its batch:
//
//	0  length  4  of what follows the checksum
//	4  CRC32C  4
//	8  head length uvarint; id length uvarint, id, body reference: 4 uvarints
//	.. metadata
//
// A later version may put more into the head.
const entryPrefix = 8

// batchPrefix is in front of a batch's entries: the offset below which all
// batches of this segment were durable when this one was written.
const batchPrefix = 8

func appendEntry(b []byte, e *Entry) []byte {
	start := len(b)
	var tmp [256 + 6*binary.MaxVarintLen64]byte
	head := binary.AppendUvarint(tmp[:0], uint64(len(e.ID)))
	head = append(head, e.ID...)
	head = appendRef(head, e.Body)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	b = append(b, e.Meta...)
	rest := b[start+entryPrefix:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(rest)))
	binary.LittleEndian.PutUint32(b[start+4:], crcOf(rest))
	return b
}

// parseEntry reads the entry at the start of b and says how long it is. What it
// returns lies in b, except for the id.
func parseEntry(b []byte) (e Entry, size int, err error) {
	if len(b) < entryPrefix {
		return Entry{}, 0, ErrCorrupt
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n > uint64(len(b)-entryPrefix) {
		return Entry{}, 0, ErrCorrupt
	}
	rest := b[entryPrefix : entryPrefix+n]
	if crcOf(rest) != binary.LittleEndian.Uint32(b[4:]) {
		return Entry{}, 0, ErrCorrupt
	}
	head, meta, ok := cutBytes(rest)
	if !ok {
		return Entry{}, 0, ErrCorrupt
	}
	id, head, ok := cutBytes(head)
	if !ok {
		return Entry{}, 0, ErrCorrupt
	}
	ref, _, ok := cutRef(head)
	if !ok {
		return Entry{}, 0, ErrCorrupt
	}
	return Entry{ID: string(id), Meta: meta, Body: ref}, entryPrefix + int(n), nil
}

func cutUvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// cutBytes takes a length and that many bytes.
func cutBytes(b []byte) (v, rest []byte, ok bool) {
	n, b, ok := cutUvarint(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func appendRef(b []byte, ref message.BodyRef) []byte {
	kind := uint64(0)
	if ref.File {
		kind = 1
	}
	b = binary.AppendUvarint(b, kind)
	b = binary.AppendUvarint(b, ref.Segment)
	b = binary.AppendUvarint(b, uint64(ref.Offset))
	return binary.AppendUvarint(b, uint64(ref.Length))
}

func cutRef(b []byte) (ref message.BodyRef, rest []byte, ok bool) {
	var n [4]uint64
	for i := range n {
		if n[i], b, ok = cutUvarint(b); !ok {
			return message.BodyRef{}, nil, false
		}
	}
	ref = message.BodyRef{File: n[0] == 1, Segment: n[1], Offset: int64(n[2]), Length: int64(n[3])}
	return ref, b, ref.Offset >= 0 && ref.Length >= 0
}

// check says whether a batch can be written at all.
func (b *Batch) check() error {
	if len(b.Entries) == 0 {
		return fmt.Errorf("%w: empty batch", ErrInvalid)
	}
	seen := make(map[string]struct{}, len(b.Entries))
	size := 0
	for i := range b.Entries {
		e := &b.Entries[i]
		if len(e.ID) == 0 || len(e.ID) > 255 {
			return fmt.Errorf("%w: message id of %d bytes", ErrInvalid, len(e.ID))
		}
		if _, twice := seen[e.ID]; twice {
			return fmt.Errorf("%w: %s twice in a batch", ErrInvalid, e.ID)
		}
		seen[e.ID] = struct{}{}
		size += len(e.ID) + len(e.Meta) + 64
	}
	if size > maxContent {
		return fmt.Errorf("%w: batch of %d bytes", ErrInvalid, size)
	}
	return nil
}
