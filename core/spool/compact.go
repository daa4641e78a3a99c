package spool

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mtad/mtad/sdk"
)

// victim chooses the segment to compact next: one that failed or holds stale
// copies at once, else the deadest, but only when the closed segments take more
// than twice what is live in them, and one segment: the room that compaction
// itself needs.
func (s *Store) victim() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *segment
	var disk, live int64
	for _, seg := range s.segs {
		if !seg.idle() {
			continue
		}
		disk, live = disk+seg.size, live+seg.live
		failed := seg.phase == phaseFailed && !seg.emptied
		if seg.keep || s.dead(seg) && !failed {
			continue
		}
		if failed || seg.stale {
			return seg
		}
		if best == nil || seg.live*best.size < best.live*seg.size {
			best = seg
		}
	}
	if best == nil || disk <= 2*live+s.opts.SegmentSize || best.live*4 > best.size*3 {
		return nil
	}
	return best
}

// compaction moves what is live in a segment to the end of the log.
type compaction struct {
	s      *Store
	seg    *segment
	in     *scanner
	paced  int64 // bytes copied since the last pause
	failed error
}

// compact empties a segment, so that it can be deleted. It reports whether to
// go on with others: not at the end of the store or where the disk refuses.
func (s *Store) compact(seg *segment) bool {
	seg.writers.Wait()
	c := &compaction{s: s, seg: seg}
	var hurt tally
	c.in = newScanner(seg.file, seg.written(), seg.magic, hurt.add)
	for c.failed == nil {
		if err := c.in.advance(); err != nil {
			c.failed = err
			break
		}
		c.record()
		if c.failed == nil && c.paced >= 1<<20 && !c.pause() {
			return false
		}
	}
	if hurt.places > 0 {
		s.count.damaged.Add(int64(hurt.places))
		s.logf(sdk.LevelError, "segment %d is damaged: %s", seg.num, hurt.String())
	}
	if !errors.Is(c.failed, io.EOF) {
		return c.giveUp()
	}
	s.mu.Lock()
	left := seg.live
	seg.emptied = left == 0
	if seg.emptied {
		seg.own, seg.emptiedIn = 0, s.groups // what of it is needed was moved
	}
	s.mu.Unlock()
	if left > 0 {
		// Part of what is live could not be read. The segment stays as it is,
		// for `mtad spool check`.
		s.abandon(seg)
		s.logf(sdk.LevelError, "segment %d is damaged and kept: %d bytes in it cannot be moved", seg.num, left)
	}
	return true
}

// giveUp ends a compaction that could not go on. What was moved is moved; the
// rest is tried again later.
func (c *compaction) giveUp() bool {
	s := c.s
	if errors.Is(c.failed, ErrFull) && s.dropReserve() {
		return true
	}
	if errors.Is(c.failed, ErrVersion) {
		s.abandon(c.seg)
	}
	if !errors.Is(c.failed, ErrClosed) && !errors.Is(c.failed, ErrFull) {
		s.logf(sdk.LevelError, "compaction of segment %d stopped: %v", c.seg.num, c.failed)
	}
	return false
}

func (c *compaction) record() {
	switch c.in.head.typ {
	case recBody:
		c.body()
	case recBatch:
		if b, ok := c.in.content(); ok && len(b) >= batchPrefix {
			c.entries(b[batchPrefix:])
		}
	case recChange:
		c.change()
	case recDone:
		if b, ok := c.in.content(); ok {
			c.done(b)
		}
	case recFooter:
	default:
		c.failed = fmt.Errorf("%w: record of type %d", ErrVersion, c.in.head.typ)
	}
}

// body moves a body, as it is: its checksum goes with it, so damage stays
// visible.
func (c *compaction) body() {
	s, id := c.s, c.in.head.id
	k := bodyKey(id)
	here := func() bool {
		b, there := s.bodies[k]
		return there && b.seg == c.seg.num && int64(b.off) == c.in.off+headerSize
	}
	s.mu.Lock()
	live := here()
	s.mu.Unlock()
	if !live {
		return
	}
	rec := append(newRecord(int(c.in.head.length)), c.in.raw()...)
	sl, ok := c.take(len(rec))
	if !ok {
		return
	}
	defer sl.finish()
	h := c.in.head
	h.magic = sl.seg.magic
	h.put(rec)
	if c.failed = s.write(sl, rec); c.failed != nil {
		return
	}
	c.count(len(rec))
	s.mu.Lock()
	defer s.mu.Unlock()
	if here() {
		it := item{kind: itemMoved, off: uint32(sl.off) + headerSize, size: h.length, body: s.refOf(k)}
		s.moveBody(k, sl.seg.num, it.off)
		sl.seg.note(&it)
	}
}

func (c *compaction) take(n int) (slot, bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	sl, err := c.s.take(n)
	c.failed = err
	return sl, err == nil
}

// entries moves the messages of a batch whose home this segment is.
func (c *compaction) entries(b []byte) {
	for len(b) > 0 && c.failed == nil {
		e, n, err := parseEntry(b)
		if err != nil {
			return
		}
		b = b[n:]
		c.entry(keyOf(e.ID))
	}
}

// entry writes a message's metadata, as it is now, as a batch of its own.
func (c *compaction) entry(k key) {
	s := c.s
	for {
		s.mu.Lock()
		at, there := s.entries[k]
		s.mu.Unlock()
		if !there || at.home != c.seg.num {
			return
		}
		e, err := s.readEntry(k)
		if err != nil {
			return
		}
		rec := appendEntry(append(newRecord(len(e.Meta)+512), make([]byte, batchPrefix)...), &e)
		it := item{kind: itemCreate, key: k, seq: at.seq, body: e.Body, off: batchPrefix, size: uint32(len(rec) - headerSize - batchPrefix)}
		if c.copy(rec, recBatch, &it, func(seg uint32) { s.create(seg, &it) }) {
			return
		}
	}
}

// change moves a change record that holds the metadata of a message whose home
// is elsewhere.
func (c *compaction) change() {
	s := c.s
	b, ok := c.in.content()
	if !ok {
		return
	}
	e, n, err := parseEntry(b)
	if err != nil {
		return
	}
	k := keyOf(e.ID)
	s.mu.Lock()
	at := s.entries[k]
	s.mu.Unlock()
	if !at.changed || at.seg != c.seg.num || int64(at.off) != c.in.off+headerSize || at.home == c.seg.num {
		return
	}
	it := item{kind: itemChange, key: k, seq: at.seq, home: at.home, body: e.Body, size: uint32(n)}
	c.copy(append(newRecord(len(b)), b...), recChange, &it, func(seg uint32) { s.index.change(seg, &it) })
}

// done moves a done record that is still needed.
func (c *compaction) done(b []byte) {
	s := c.s
	home, id, ok := parseDone(b)
	if !ok {
		return
	}
	it := item{kind: itemDone, key: keyOf(id), seq: c.in.head.id, home: home, size: uint32(headerSize + len(b))}
	s.mu.Lock()
	// Of a failed segment every done moves: the ones in it may not be durable
	// although the messages they end are.
	needed := s.needsDone(home, c.seg) || c.seg.phase == phaseFailed
	if !needed && home != c.seg.num {
		c.seg.dropDone(home, int64(it.size))
	}
	s.mu.Unlock()
	if !needed {
		return
	}
	c.copy(append(newRecord(len(b)), b...), recDone, &it, func(seg uint32) {
		s.segs[seg].countDone(home, int64(it.size))
		if home != c.seg.num {
			c.seg.dropDone(home, int64(it.size))
		}
	})
}

// copy appends a record about a message that keeps its sequence number. It
// holds mu over the write: between a copy of a message and its entry in the
// index no done may slip that names the old home (rule 3). It reports false
// where the message has changed meanwhile.
func (c *compaction) copy(rec []byte, typ recordType, it *item, apply func(seg uint32)) bool {
	s := c.s
	s.mu.Lock()
	if e, there := s.entries[it.key]; it.kind != itemDone && (!there || e.seq != it.seq) {
		s.mu.Unlock()
		return !there
	}
	sl, err := s.take(len(rec))
	if err != nil {
		s.mu.Unlock()
		c.failed = err
		return true
	}
	defer sl.finish()
	it.off += uint32(sl.off) + headerSize
	seal(rec, header{magic: sl.seg.magic, typ: typ, id: it.seq})
	if _, err = sl.seg.file.WriteAt(rec, sl.off); err == nil {
		sl.seg.dirty.Store(true)
		sl.seg.note(it)
		apply(sl.seg.num)
		c.count(len(rec))
	}
	s.mu.Unlock()
	if c.failed = wrapCopy(err); err != nil && !isFull(err) {
		s.fail(sl.seg, err)
	}
	return true
}

func wrapCopy(err error) error {
	if err == nil {
		return nil
	}
	return wrapWrite(err)
}

func (c *compaction) count(n int) {
	c.paced += int64(n)
	c.s.count.compacted.Add(int64(n))
}

// pause keeps the rate, unless the segment failed or garbage grows faster than
// it goes. It reports false at the end of the store.
func (c *compaction) pause() bool {
	s := c.s
	s.mu.Lock()
	disk, live := s.usage()
	hurry := c.seg.phase == phaseFailed || disk > 3*live+2*s.opts.SegmentSize
	s.mu.Unlock()
	wait := time.Duration(float64(c.paced) / float64(s.opts.CompactRate) * float64(time.Second))
	c.paced = 0
	if hurry {
		wait = 0
	}
	select {
	case <-s.stop:
		return false
	default:
	}
	if wait == 0 {
		return true
	}
	select {
	case <-s.stop:
		return false
	case <-s.opts.Clock.After(wait):
		return true
	}
}
