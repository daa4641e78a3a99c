package spool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Open opens a spool, or makes one, and rebuilds what memory knows of it:
// sealed segments give their footer, the others are scanned. Damage is logged
// and left where it is. It fails with ErrLocked where another process has the
// spool, and with ErrVersion where a newer version wrote it.
func Open(o Options) (*Store, error) {
	o.setDefaults()
	s := &Store{
		opts: o, index: newIndex(), held: map[bodyKey]time.Time{}, nextSeg: 1, nextFile: 1,
		wake: make(chan struct{}, 1), lazy: make(chan struct{}, 1), poke: make(chan struct{}, 1),
		stop: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	if o.Unsafe {
		s.logf(sdk.LevelCritical, "_unsafe_spool is on: mail that was accepted IS LOST when the power or the system fails")
	}
	s.measure()
	if !o.ReadOnly {
		s.ensureReserve()
		s.start()
		signal(s.poke)
	}
	return s, nil
}

func (s *Store) open() (err error) {
	if !s.opts.ReadOnly {
		if err := s.opts.FS.MkdirAll(s.opts.Dir); err != nil {
			return err
		}
		if s.lock, err = s.opts.FS.Lock(s.path(lockName)); err != nil {
			return err
		}
	}
	names, err := s.opts.FS.List(s.opts.Dir)
	if err != nil {
		return err
	}
	r := &recovery{s: s, moved: map[bodyKey]where{}, files: map[uint64]bool{}, early: map[key]earlyChange{}, sound: map[uint32]map[uint32]bool{}}
	for _, name := range names {
		if err := r.file(name); err != nil {
			return err
		}
	}
	return r.run()
}

// recovery rebuilds the index.
type recovery struct {
	s     *Store
	segs  []*segment
	files map[uint64]bool   // bodies with a file of their own that are there
	moved map[bodyKey]where // where compaction put bodies
	early map[key]earlyChange
	sound map[uint32]map[uint32]bool // of scanned segments: the bodies that are whole
	hurt  bool                       // damage was seen: nothing is thrown away
}

// file takes note of one name in the directory.
func (r *recovery) file(name string) error {
	s := r.s
	if num, magic, ok := parseSegmentName(name); ok {
		seg := &segment{num: num, magic: magic, phase: phaseSealed}
		if err := s.openSegment(seg, name); err != nil {
			return err
		}
		r.segs = append(r.segs, seg)
		s.segs[num] = seg
		s.nextSeg = max(s.nextSeg, num+1)
	}
	if num, ok := parseBodyName(name); ok {
		r.files[num] = true
		s.nextFile = max(s.nextFile, num+1)
	}
	switch {
	case s.opts.ReadOnly:
	case name == reserveName:
		return r.reserve()
	case name == spareName:
		return s.deleteFile(name)
	}
	return nil
}

func (s *Store) openSegment(seg *segment, name string) error {
	open := s.opts.FS.OpenWrite
	if s.opts.ReadOnly {
		open = s.opts.FS.Open
	}
	f, err := open(s.path(name))
	if err != nil {
		return err
	}
	seg.file = share(f)
	seg.size, err = f.Size()
	return err
}

// reserve checks a reserve from before: one that was not finished is begun
// again.
func (r *recovery) reserve() error {
	f, err := r.s.opts.FS.Open(r.s.path(reserveName))
	if err != nil {
		return err
	}
	size, err := f.Size()
	f.Close()
	if r.s.reserved = err == nil && size == r.s.opts.Reserve; r.s.reserved {
		return nil
	}
	return r.s.opts.FS.Remove(r.s.path(reserveName))
}

// loaded is what a segment says, before it is replayed.
type loaded struct {
	seg     *segment
	footer  []byte // its items, or:
	records []scannedRecord
	durable int64 // batches below it were durable before the crash
}

// run reads every segment and then replays them in order: whether a batch is
// whole may depend on a body that was moved to a later segment.
func (r *recovery) run() error {
	slices.SortFunc(r.segs, func(a, b *segment) int { return cmp.Compare(a.num, b.num) })
	all := make([]loaded, len(r.segs))
	for i, seg := range r.segs {
		all[i].seg = seg
		if r.footer(&all[i]) {
			continue
		}
		if err := r.scan(&all[i]); err != nil {
			return fmt.Errorf("segment %d: %w", seg.num, err)
		}
	}
	for i := range all {
		r.replay(&all[i])
		all[i] = loaded{}
	}
	for k, at := range r.moved {
		r.s.moveBody(k, at.seg, at.off)
	}
	r.s.garbage = nil // of the replay: bodies looks at what is there
	r.bodies()
	r.s.sweepDones()
	return nil
}

// footer reads a sealed segment's footer.
func (r *recovery) footer(l *loaded) bool {
	var t [trailerSize]byte
	seg := l.seg
	if seg.size < headerSize+trailerSize {
		return false
	}
	if n, _ := seg.file.ReadAt(t[:], seg.size-trailerSize); n < len(t) {
		return false
	}
	off, seq, ok := parseTrailer(t[:], seg.magic, seg.size)
	if !ok {
		return false
	}
	b := make([]byte, seg.size-trailerSize-off)
	if n, _ := seg.file.ReadAt(b, off); n < len(b) {
		return false
	}
	h, err := parseHeader(b, seg.magic)
	b = b[headerSize:]
	if err != nil || h.typ != recFooter || int(h.length) != len(b) || crcOf(b) != h.crc {
		return false
	}
	r.s.seq = max(r.s.seq, seq)
	l.footer = b
	for it := range r.items(l) {
		r.noteMove(seg, &it)
	}
	return true
}

// items goes through a footer's items. A footer whose checksum is right but
// whose items are not is no footer of ours.
func (r *recovery) items(l *loaded) func(yield func(item) bool) {
	return func(yield func(item) bool) {
		for b := l.footer; len(b) > 0; {
			it, rest, ok := cutItem(b)
			if !ok {
				r.s.logf(sdk.LevelError, "segment %d: footer cannot be read to its end", l.seg.num)
				r.hurt, l.seg.keep, l.seg.stale = true, true, true
				return
			}
			if b = rest; !yield(it) {
				return
			}
		}
	}
}

// noteMove remembers where compaction put a body; of several places the last
// counts.
func (r *recovery) noteMove(seg *segment, it *item) {
	if it.kind == itemMoved {
		r.moved[bodyKeyOf(it.body)] = where{seg: seg.num, off: it.off}
	}
}

// replay applies what a segment says to the index, and seals it where it had
// no footer.
func (r *recovery) replay(l *loaded) {
	if l.footer != nil {
		for it := range r.items(l) {
			r.apply(l.seg, &it)
		}
		return
	}
	for i := range l.records {
		r.admit(l, &l.records[i])
	}
	if !l.seg.keep {
		r.seal(l.seg)
	}
}

// apply applies one item.
func (r *recovery) apply(seg *segment, it *item) {
	r.s.seq = max(r.s.seq, it.seq)
	r.reserveNumbers(it)
	switch it.kind {
	case itemCreate:
		r.s.create(seg.num, it)
		if c, early := r.early[it.key]; early {
			r.s.index.change(c.seg, &c.item)
		}
	case itemChange:
		if _, there := r.s.entries[it.key]; !there {
			r.early[it.key] = earlyChange{seg.num, *it}
		}
		r.s.index.change(seg.num, it)
	case itemDone:
		delete(r.early, it.key)
		if e, there := r.s.entries[it.key]; there && e.home != it.home && it.seq > e.seq {
			// What is ended is a copy whose segment is gone; this is an older one.
			r.s.markStale(e.home)
		}
		r.s.index.done(seg.num, it)
	}
}

// earlyChange is a change of a message that the log has not spoken of: it is
// gone, or compaction copied it while the change was written. Then the change
// must not depend on the older copy being there.
type earlyChange struct {
	seg  uint32
	item item
}

// reserveNumbers keeps numbers that are still spoken of from being given out again.
func (r *recovery) reserveNumbers(it *item) {
	if it.body.File {
		r.s.nextFile = max(r.s.nextFile, it.body.Segment+1)
		return
	}
	r.s.nextSeg = max(r.s.nextSeg, it.home+1, uint32(it.body.Segment)+1)
}

// bodies looks for bodies that messages name and that are not there, and for
// files that no message names.
func (r *recovery) bodies() {
	s := r.s
	missing := 0
	for k, b := range s.bodies {
		switch {
		case k.file() && !r.files[k.num()], !k.file() && s.segs[b.seg] == nil:
			missing++
		}
	}
	if missing > 0 {
		r.hurt = true
		s.count.damaged.Add(int64(missing))
		s.logf(sdk.LevelError, "%d bodies of messages are missing; `mtad spool check` names them", missing)
	}
	orphans := 0
	for num := range r.files {
		k := fileKey(num)
		if _, named := s.bodies[k]; named {
			continue
		}
		if orphans++; !r.hurt && !s.opts.ReadOnly {
			s.garbage = append(s.garbage, k)
		}
	}
	if orphans > 0 && r.hurt {
		s.logf(sdk.LevelWarning, "%d files of bodies are named by no message and are kept, because there is damage", orphans)
	}
}
