package spool

import (
	"crypto/sha256"

	"github.com/mtad/mtad/core/message"
)

// key stands for a message id in memory: half of its SHA-256. Ids can be of any
// length and form, and a map of keys holds no pointers for the collector to
// follow.
type key [16]byte

func keyOf(id string) (k key) {
	sum := sha256.Sum256([]byte(id))
	copy(k[:], sum[:])
	return k
}

// bodyKey is a body's name: the place it was first written to. Of a body in a
// segment it is the segment and the offset, and the id of its record; of one
// with a file of its own, the file's number under fileBit. The zero key is no
// body.
type bodyKey uint64

const fileBit = 1 << 63

func bodyID(seg, off uint32) bodyKey { return bodyKey(seg)<<32 | bodyKey(off) }

func fileKey(num uint64) bodyKey { return bodyKey(num) | fileBit }

func bodyKeyOf(ref message.BodyRef) bodyKey {
	switch {
	case noBody(ref):
		return 0
	case ref.File:
		return fileKey(ref.Segment)
	}
	return bodyKey(ref.Segment)<<32&^fileBit | bodyKey(uint32(ref.Offset))
}

func (k bodyKey) file() bool { return k&fileBit != 0 }

// num is the segment, or the number of the file.
func (k bodyKey) num() uint64 {
	if k.file() {
		return uint64(k &^ fileBit)
	}
	return uint64(k >> 32)
}

// off is the offset of the content.
func (k bodyKey) off() uint32 {
	if k.file() {
		return headerSize
	}
	return uint32(k)
}

// entry is what memory knows of a message. A million of them, with their keys
// and bodies, take 100 to 200 MB, depending on how full the maps are.
type entry struct {
	seq      uint64 // of the record with its metadata
	body     bodyKey
	home     uint32 // segment of the batch that made it
	homeSize uint32
	seg      uint32 // where its metadata is: at home, or in a change record
	off      uint32
	size     uint32
	changed  bool // the metadata is in a change record
}

// body is what memory knows of a body record. It lives while refs is not zero:
// messages, open readers and the session that wrote it count.
type body struct {
	size uint32
	seg  uint32 // where it is now, unless it has a file of its own
	off  uint32
	refs uint32
}

// index is where everything is. Store.mu guards it.
type index struct {
	entries map[key]entry
	bodies  map[bodyKey]body
	segs    map[uint32]*segment
	lost    map[bodyKey]struct{} // their segment failed before a batch named them: they may not be durable
	garbage []bodyKey            // files of bodies that nobody refers to any more
	files   int64                // live bytes in files of their own
}

func newIndex() index {
	return index{entries: map[key]entry{}, bodies: map[bodyKey]body{}, lost: map[bodyKey]struct{}{}, segs: map[uint32]*segment{}}
}

func (x *index) addLive(seg uint32, n int64) {
	if s := x.segs[seg]; s != nil {
		s.live += n
	}
}

// create puts a message in. The same message from another segment is a copy
// that compaction made: the later one counts.
func (x *index) create(seg uint32, it *item) {
	old, there := x.entries[it.key]
	if there && old.home != seg {
		x.markStale(old.home)
	}
	if there && old.seq > it.seq {
		if old.changed {
			x.addLive(old.home, -int64(old.homeSize))
			x.addLive(seg, int64(it.size))
			old.home, old.homeSize = seg, it.size
			x.entries[it.key] = old
		}
		return
	}
	e := entry{seq: it.seq, home: seg, homeSize: it.size, seg: seg, off: it.off, size: it.size, body: bodyKeyOf(it.body)}
	x.ref(e.body, it.body.Length)
	x.addLive(seg, int64(it.size))
	if there {
		x.forget(&old)
	}
	x.entries[it.key] = e
}

// change moves a message's metadata to a newer record.
func (x *index) change(seg uint32, it *item) bool {
	e, there := x.entries[it.key]
	if !there || e.seq >= it.seq && !(e.seq == it.seq && e.changed) {
		return false
	}
	if e.changed {
		x.addLive(e.seg, -int64(e.size)-headerSize)
	}
	e.seq, e.seg, e.off, e.size, e.changed = it.seq, seg, it.off, it.size, true
	x.addLive(seg, int64(it.size)+headerSize)
	x.entries[it.key] = e
	return true
}

// done takes a message out and keeps account of the record that says so.
func (x *index) done(seg uint32, it *item) {
	if s := x.segs[seg]; s != nil {
		s.countDone(it.home, int64(it.size))
	}
	x.remove(it)
}

func (x *index) remove(it *item) {
	if e, there := x.entries[it.key]; there && it.seq > e.seq {
		x.forget(&e)
		delete(x.entries, it.key)
	}
}

// forget undoes the account of an entry.
func (x *index) forget(e *entry) {
	x.addLive(e.home, -int64(e.homeSize))
	if e.changed {
		x.addLive(e.seg, -int64(e.size)-headerSize)
	}
	x.unref(e.body)
}

func (x *index) ref(k bodyKey, size int64) {
	if k == 0 {
		return
	}
	b, there := x.bodies[k]
	if !there {
		b = body{size: uint32(size), seg: uint32(k.num()), off: k.off()}
		x.account(k, &b, +1)
	}
	b.refs++
	x.bodies[k] = b
}

// refOf is a body's reference, as Commit got it.
func (x *index) refOf(k bodyKey) message.BodyRef {
	if k == 0 {
		return message.BodyRef{}
	}
	return message.BodyRef{Segment: k.num(), Offset: int64(k.off()), Length: int64(x.bodies[k].size), File: k.file()}
}

func (x *index) unref(k bodyKey) {
	b, there := x.bodies[k]
	if !there {
		return
	}
	if b.refs--; b.refs > 0 {
		x.bodies[k] = b
		return
	}
	x.account(k, &b, -1)
	delete(x.bodies, k)
	delete(x.lost, k)
	if k.file() {
		x.garbage = append(x.garbage, k)
	}
}

func (x *index) account(k bodyKey, b *body, sign int64) {
	if k.file() {
		x.files += sign * (int64(b.size) + headerSize)
		return
	}
	x.addLive(b.seg, sign*(int64(b.size)+headerSize))
}

// moveBody says that a body lies elsewhere now.
func (x *index) moveBody(k bodyKey, seg, off uint32) {
	b, there := x.bodies[k]
	if !there || k.file() {
		return
	}
	x.account(k, &b, -1)
	b.seg, b.off = seg, off
	x.account(k, &b, +1)
	x.bodies[k] = b
}

func (x *index) markStale(seg uint32) {
	if s := x.segs[seg]; s != nil {
		s.stale = true
	}
}

// anyStale reports a segment, other than but, that holds copies of messages
// whose home is elsewhere.
func (x *index) anyStale(but *segment) bool {
	for _, s := range x.segs {
		if s.stale && s != but {
			return true
		}
	}
	return false
}

// needsDone says whether a done record must be kept: as long as the segment
// with the message's batch is there, or one that may hold another copy of it.
// gone is a segment about to be deleted.
func (x *index) needsDone(home uint32, gone *segment) bool {
	s := x.segs[home]
	return s != nil && s != gone || x.anyStale(gone)
}

// dead reports a segment that nobody needs. One with the done records of its own
// messages is needed while another may hold copies of these: the deletions of
// both could reach the disk in either order (rule 3).
func (x *index) dead(s *segment) bool {
	return s.live == 0 && (s.own == 0 || !x.anyStale(s))
}

// sweepDones takes the done records that are not needed any more off the
// account. It is called when a segment was deleted.
func (x *index) sweepDones() {
	if x.anyStale(nil) {
		return
	}
	for _, s := range x.segs {
		for home, n := range s.dones {
			if x.segs[home] == nil {
				s.live -= n
				delete(s.dones, home)
			}
		}
	}
}
