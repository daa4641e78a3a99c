package spool

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// scannedRecord is a record of a segment without a footer. A batch that names a
// damaged body is dropped only where it may be one that was never acknowledged.
type scannedRecord struct {
	off   int64
	items []item
}

// scan reads a segment's records and verifies everything.
func (r *recovery) scan(l *loaded) error {
	var hurt tally
	seg := l.seg
	sc := newScanner(seg.file, seg.size, seg.magic, hurt.add)
	sound := map[uint32]bool{}
	r.sound[seg.num] = sound
	for {
		if err := sc.advance(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		b, ok := sc.content()
		if !ok {
			continue
		}
		if sc.head.typ == recBody {
			sound[uint32(sc.off)+headerSize] = true
		}
		if sc.head.typ == recBatch && len(b) >= batchPrefix {
			l.durable = max(l.durable, durableBelow(b))
		}
		l.records = append(l.records, scannedRecord{sc.off, itemsOf(seg, sc, b)})
	}
	seg.open, seg.durable = true, l.durable
	seg.size = max(sc.end, hurt.end) // behind it are zeros
	for i := range l.records {
		for j := range l.records[i].items {
			r.noteMove(seg, &l.records[i].items[j])
		}
	}
	if hurt.places > 0 {
		r.s.count.damaged.Add(int64(hurt.places))
		r.hurt = true
		r.s.logf(sdk.LevelWarning, "segment %d was not closed: %s (normal after a crash)", seg.num, hurt.String())
	}
	if seg.keep = sc.in.broken; seg.keep {
		seg.stale = true
	}
	return nil
}

// admit replays a scanned record.
func (r *recovery) admit(l *loaded, rec *scannedRecord) {
	for i := range rec.items {
		it := &rec.items[i]
		if it.kind == itemCreate && rec.off >= l.durable && !r.whole(it.body) {
			r.s.logf(sdk.LevelWarning, "segment %d: batch at offset %d was not finished and is dropped", l.seg.num, rec.off)
			return
		}
	}
	for i := range rec.items {
		r.apply(l.seg, &rec.items[i])
		l.seg.note(&rec.items[i])
	}
}

// whole says that a body is there and sound. It reads the body: the footer of
// its segment may be of an earlier start, which left out a batch of another
// segment for this body's sake and could not seal that one.
func (r *recovery) whole(ref message.BodyRef) bool {
	k := bodyKeyOf(ref)
	if k == 0 || k.file() {
		return k == 0 || r.files[k.num()]
	}
	at, moved := r.moved[k]
	if !moved {
		at = where{seg: uint32(k.num()), off: k.off()}
	}
	if sound, scanned := r.sound[at.seg]; scanned {
		return sound[at.off]
	}
	seg := r.s.segs[at.seg]
	if seg == nil {
		return false
	}
	b := BodyReader{s: r.s, key: k, file: seg.file, magic: seg.magic, base: int64(at.off), size: ref.Length}
	if b.load() != nil {
		return false
	}
	_, err := io.Copy(io.Discard, io.NewSectionReader(&b, 0, b.size))
	return err == nil
}

// seal gives a scanned segment its footer, so that it is scanned once. What is
// in it may be in the page cache only, so it is synced first.
func (r *recovery) seal(seg *segment) {
	if r.s.opts.ReadOnly || len(seg.items) == 0 {
		seg.items = nil
		return
	}
	if err := r.s.syncFile(seg.file); err != nil {
		r.s.logf(sdk.LevelError, "segment %d cannot be synced: %v", seg.num, err)
		seg.phase, seg.stale = phaseFailed, true
		return
	}
	r.s.seal(seg, r.s.seq)
}

func durableBelow(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }

// itemsOf gives what a record means for the index.
func itemsOf(seg *segment, sc *scanner, b []byte) []item {
	at, seq := uint32(sc.off)+headerSize, sc.head.id
	switch sc.head.typ {
	case recBody:
		if bodyKey(seq) != bodyID(seg.num, at) {
			name := message.BodyRef{Segment: seq >> 32, Offset: int64(uint32(seq)), Length: int64(len(b))}
			return []item{{kind: itemMoved, off: at, size: uint32(len(b)), body: name}}
		}
	case recBatch:
		if len(b) >= batchPrefix {
			return entryItems(itemCreate, b[batchPrefix:], at+batchPrefix, seq)
		}
	case recChange:
		return entryItems(itemChange, b, at, seq)
	case recDone:
		if home, id, ok := parseDone(b); ok {
			return []item{{kind: itemDone, key: keyOf(id), seq: seq, home: home, size: uint32(headerSize + len(b))}}
		}
	}
	return nil
}

func entryItems(kind itemKind, b []byte, at uint32, seq uint64) (items []item) {
	for len(b) > 0 {
		e, n, err := parseEntry(b)
		if err != nil {
			return nil
		}
		items = append(items, item{kind: kind, key: keyOf(e.ID), seq: seq, off: at, size: uint32(n), body: e.Body})
		b, at = b[n:], at+uint32(n)
	}
	return items
}
