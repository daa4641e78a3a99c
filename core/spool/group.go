package spool

import (
	"encoding/binary"
	"fmt"
	"time"
)

// lazyDelay is how long a change or done waits for a group commit to take it
// along: with the sync itself it stays under the second that bounds duplicates
// after a power cut.
const lazyDelay = 500 * time.Millisecond

// maxGroup bounds what one group commit writes, in bytes, unless a single batch
// is larger.
const maxGroup = 8 << 20

// commitLoop is the one committer.
func (s *Store) commitLoop() {
	var timer <-chan time.Time
	for {
		select {
		case <-s.wake:
		case <-s.lazy:
			if timer == nil {
				timer = s.opts.Clock.After(lazyDelay)
			}
			continue
		case <-timer:
			timer = nil
		case <-s.stop:
			for s.runGroup() {
			}
			return
		}
		s.runGroup()
	}
}

// group is what one sync makes durable.
type group struct {
	num     uint64
	commits []*commit
	at      slot // of the batches; seg is nil where there are none
	size    int
	seq     uint64     // of the first batch
	durable int64      // batches of the segment below it are durable
	err     error      // no room for the batches
	target  *segment   // to sync: the segment of the batches, or the active one
	full    []*segment // to sync before it
}

// runGroup writes what waits and syncs once. It reports whether it had anything
// to do.
func (s *Store) runGroup() bool {
	g := s.gather()
	dirty := g.target != nil && g.target.dirty.Swap(false)
	if len(g.commits) == 0 && len(g.full) == 0 && !dirty {
		return false
	}
	if g.err == nil && g.at.seg != nil {
		g.err = s.writeGroup(&g)
	}
	s.syncGroup(&g, dirty)
	s.settle(&g)
	s.count.groups.Add(1)
	return true
}

// gather takes the commits that wait, up to maxGroup, and a place for them.
func (s *Store) gather() group {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups++
	g := group{num: s.groups}
	n := 0
	for n < len(s.pending) && (n == 0 || g.size+len(s.pending[n].rec) <= maxGroup) {
		g.size += len(s.pending[n].rec)
		n++
	}
	g.commits = append(g.commits, s.pending[:n]...)
	s.pending = append(s.pending[:0], s.pending[n:]...)
	if len(s.pending) > 0 {
		signal(s.wake)
	}
	if g.size > 0 {
		g.place(s)
	}
	g.full, s.full = s.full, nil
	if g.target == nil {
		g.target = s.active
	}
	return g
}

func (g *group) place(s *Store) {
	if g.at, g.err = s.take(g.size); g.err != nil {
		return
	}
	g.target = g.at.seg
	g.durable = g.target.durable
	g.seq = s.seq + 1
	s.seq += uint64(len(g.commits))
}

// writeGroup writes all batches with one call.
func (s *Store) writeGroup(g *group) error {
	defer g.at.finish()
	buf := make([]byte, 0, g.size)
	for i, c := range g.commits {
		if c.rec == nil {
			continue
		}
		binary.LittleEndian.PutUint64(c.rec[headerSize:], uint64(g.durable))
		seal(c.rec, header{magic: g.at.seg.magic, typ: recBatch, id: g.seq + uint64(i)})
		for j := range c.items {
			c.items[j].off += uint32(g.at.off) + uint32(len(buf))
			c.items[j].seq = g.seq + uint64(i)
		}
		buf = append(buf, c.rec...)
	}
	err := s.write(g.at, buf)
	if isFull(err) {
		s.void(g)
	}
	return err
}

// void takes back the batches of a group that the disk had no room for: some
// may be whole, and their senders will try again. Where not even this can be
// written there is nothing to take back.
func (s *Store) void(g *group) {
	at := g.at.off
	for _, c := range g.commits {
		if c.rec == nil {
			continue
		}
		var none [headerSize]byte
		if _, err := g.at.seg.file.WriteAt(none[:], at); err != nil && !isFull(err) {
			s.fail(g.at.seg, err)
		}
		at += int64(len(c.rec))
	}
	g.at.seg.dirty.Store(true)
}

// syncGroup syncs every segment that something of the group, or of what came
// before it, may be in (rule 1). Whatever fails is marked so.
func (s *Store) syncGroup(g *group, dirty bool) {
	all := g.full
	if g.target != nil && (g.at.seg != nil || dirty) {
		all = append(all, g.target)
	}
	s.syncNames(all)
	for _, seg := range all {
		if seg != g.target {
			seg.writers.Wait()
		}
		if s.phaseOf(seg) == phaseFailed {
			continue
		}
		if err := s.syncFile(seg.file); err != nil {
			s.fail(seg, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range g.full {
		if seg.phase == phaseFull {
			seg.phase = phaseSynced
			signal(s.poke)
		}
	}
}

// syncNames makes new segments' names durable.
func (s *Store) syncNames(segs []*segment) {
	var fresh []*segment
	s.mu.Lock()
	for _, seg := range segs {
		if seg.fresh {
			fresh = append(fresh, seg)
		}
	}
	s.mu.Unlock()
	if len(fresh) == 0 {
		return
	}
	err := s.syncDir()
	for _, seg := range fresh {
		if err != nil {
			s.fail(seg, err)
			continue
		}
		s.mu.Lock()
		seg.fresh = false
		s.mu.Unlock()
	}
}

func (s *Store) phaseOf(seg *segment) phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return seg.phase
}

func (s *Store) syncFile(f File) error {
	if s.opts.Unsafe {
		return nil
	}
	s.count.syncs.Add(1)
	err := f.Sync()
	if err != nil {
		s.count.syncErrors.Add(1)
	}
	return err
}

func (s *Store) syncDir() error {
	if s.opts.Unsafe {
		return nil
	}
	return s.opts.FS.SyncDir(s.opts.Dir)
}

// settle puts what is durable into the index and tells everybody.
func (s *Store) settle(g *group) {
	refused := error(nil)
	s.mu.Lock()
	for _, c := range g.commits {
		c.err = s.outcome(g, c)
		switch {
		case c.rec == nil:
		case c.err == nil:
			s.enter(g.at.seg, c)
		default:
			refused = c.err
		}
		s.unrefAll(c)
	}
	if g.at.seg != nil && g.at.seg.phase != phaseFailed {
		g.at.seg.durable = g.at.off + int64(g.size)
	}
	s.mu.Unlock()
	if refused != nil && g.err == nil {
		// A batch lies there that counts for nothing, because its body was
		// lost with another segment. Later batches would vouch for it.
		s.fail(g.at.seg, refused)
	}
	for _, c := range g.commits {
		close(c.done)
	}
}

// outcome says what became of a commit: each segment it needs must have been
// synced.
func (s *Store) outcome(g *group, c *commit) error {
	if c.rec == nil {
		return s.syncOutcome(g)
	}
	if g.err != nil {
		return g.err
	}
	if g.at.seg.phase == phaseFailed {
		return fmt.Errorf("%w: segment %d", ErrFailed, g.at.seg.num)
	}
	for i := range c.items {
		if err := s.trusted(c.items[i].body); err != nil {
			return err
		}
	}
	return nil
}

// syncOutcome is that of a wish for a sync. What a failed segment says may not
// be durable until compaction has said it again, before this group began. Where
// it cannot, because the segment cannot be read, nothing is deleted any more.
func (s *Store) syncOutcome(g *group) error {
	for _, seg := range s.segs {
		said := seg.emptied && seg.emptiedIn < g.num
		if seg.phase == phaseFailed && !said {
			return fmt.Errorf("%w: segment %d", ErrFailed, seg.num)
		}
	}
	return nil
}

func (s *Store) enter(seg *segment, c *commit) {
	for i := range c.items {
		it := &c.items[i]
		s.create(seg.num, it)
		seg.note(it)
		s.letGo(bodyKeyOf(it.body))
	}
	s.count.commits.Add(1)
}
