package spool

import (
	"encoding/binary"

	"github.com/mtad/mtad/core/message"
)

// itemKind is what happened to the index at a place in a segment.
type itemKind uint8

// The kinds. A number never gets another meaning; a reader skips what it does
// not know.
const (
	itemCreate itemKind = iota + 1 // a message came: an entry of a batch
	itemChange                     // its metadata changed
	itemDone                       // it went
	itemMoved                      // compaction put a body here; body is its name
)

// item is one change of the index. A segment's items, replayed in order, give
// the index what the segment knows; a sealed segment's footer is the list of
// them. Every field is used by every kind where it makes sense.
type item struct {
	kind itemKind
	key  key
	seq  uint64
	off  uint32 // of the entry, or of a moved body's content
	size uint32 // of the entry, or of a whole done record
	home uint32 // done: the segment that the message's batch is in
	body message.BodyRef
}

// appendItem writes an item with its length, so that a later version can add
// kinds and fields.
func appendItem(b []byte, it *item) []byte {
	var tmp [128]byte
	t := append(tmp[:0], byte(it.kind))
	t = append(t, it.key[:]...)
	for _, v := range [...]uint64{it.seq, uint64(it.off), uint64(it.size), uint64(it.home)} {
		t = binary.AppendUvarint(t, v)
	}
	if it.kind != itemDone {
		t = appendRef(t, it.body)
	}
	b = append(b, byte(len(t)))
	return append(b, t...)
}

// cutItem reads one item. An item of an unknown kind has only its kind set.
func cutItem(b []byte) (it item, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > len(b)-1 || b[0] == 0 {
		return item{}, nil, false
	}
	t, rest := b[1:1+b[0]], b[1+b[0]:]
	it.kind = itemKind(t[0])
	if it.kind < itemCreate || it.kind > itemMoved {
		return it, rest, true
	}
	if len(t) < 1+len(it.key) {
		return item{}, nil, false
	}
	copy(it.key[:], t[1:])
	t = t[1+len(it.key):]
	var n [4]uint64
	for i := range n {
		if n[i], t, ok = cutUvarint(t); !ok {
			return item{}, nil, false
		}
	}
	it.seq, it.off, it.size, it.home = n[0], uint32(n[1]), uint32(n[2]), uint32(n[3])
	if it.kind != itemDone {
		it.body, _, ok = cutRef(t)
	}
	return it, rest, ok
}

// The footer is the record before the trailer, and the trailer the last bytes
// of a sealed segment:
//
//	0  magic   8  of the segment, every bit inverted: a trailer is no record
//	8  offset  8  of the footer record
//	16 seq     8  the highest sequence number in use when it was written
//	24 zero    4
//	28 CRC32C  4  of the 28 bytes before it
const trailerSize = 32

// footer builds the footer record and the trailer for a segment that ends at
// off.
func footer(magic uint64, off int64, seq uint64, items []byte) []byte {
	b := append(newRecord(len(items)+trailerSize), items...)
	seal(b, header{magic: magic, typ: recFooter})
	t := b[len(b) : len(b)+trailerSize]
	le := binary.LittleEndian
	le.PutUint64(t, ^magic)
	le.PutUint64(t[8:], uint64(off))
	le.PutUint64(t[16:], seq)
	le.PutUint32(t[24:], 0)
	le.PutUint32(t[28:], crcOf(t[:28]))
	return b[:len(b)+trailerSize]
}

// parseTrailer gives the footer's place in a segment of size bytes.
func parseTrailer(b []byte, magic uint64, size int64) (off int64, seq uint64, ok bool) {
	le := binary.LittleEndian
	if len(b) != trailerSize || le.Uint64(b) != ^magic || le.Uint32(b[28:]) != crcOf(b[:28]) {
		return 0, 0, false
	}
	off = int64(le.Uint64(b[8:]))
	return off, le.Uint64(b[16:]), off >= 0 && off <= size-trailerSize-headerSize
}
