package spool

import (
	"errors"
	"io/fs"
	"time"

	"github.com/mtad/mtad/sdk"
)

// keepInterval is how often the keeper looks around when nobody calls it.
const keepInterval = time.Second

// keepLoop clears up: it seals full segments, deletes dead ones, compacts
// half-dead ones and keeps the reserve. Where the disk refuses, it rests before
// it tries again.
func (s *Store) keepLoop() {
	poke := s.poke
	for {
		select {
		case <-poke:
		case <-s.opts.Clock.After(keepInterval):
		case <-s.stop:
			return
		}
		if poke = s.poke; !s.keep() {
			poke = nil
		}
	}
}

// keep does one round and reports whether compaction did what it should.
func (s *Store) keep() bool {
	s.measure()
	s.sealSynced()
	s.expireHeld()
	s.removeDead()
	defer s.ensureReserve()
	s.ensureSpare()
	for seg := s.victim(); seg != nil; seg = s.victim() {
		if !s.compact(seg) {
			return false
		}
		if s.Sync() != nil {
			return false
		}
		s.sealSynced()
		s.removeDead()
	}
	return true
}

// sealSynced writes the footers of segments that are full and durable. The
// footer may be lost: then a start scans the segment.
func (s *Store) sealSynced() {
	s.mu.Lock()
	var todo []*segment
	for _, seg := range s.segs {
		if seg.phase == phaseSynced {
			todo = append(todo, seg)
		}
	}
	seq := s.seq
	s.mu.Unlock()
	for _, seg := range todo {
		s.seal(seg, seq)
	}
}

func (s *Store) seal(seg *segment, seq uint64) {
	b := footer(seg.magic, seg.size, seq, seg.items)
	// Behind what was written there may be zeros (Preallocate).
	err := seg.file.Truncate(seg.size)
	if err == nil {
		_, err = seg.file.WriteAt(b, seg.size)
	}
	if err == nil {
		err = s.syncFile(seg.file)
	}
	if err != nil {
		s.logf(sdk.LevelWarning, "segment %d has no footer and will be scanned at a start: %v", seg.num, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.phase, seg.items = phaseSealed, nil
	if err == nil {
		seg.size += int64(len(b))
	}
}

// expireHeld lets go of bodies that no commit named for too long.
func (s *Store) expireHeld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.opts.Clock.Now().Add(-holdLimit)
	for k, since := range s.held {
		if since.Before(limit) {
			s.letGo(k)
		}
	}
}

// removeDead deletes what nobody needs, in rounds, because a segment that goes
// may make done records in others needless.
func (s *Store) removeDead() {
	for s.removeRound() {
	}
}

// removeRound syncs before it deletes (rule 2), and forgets a segment only when
// its deletion is durable (rule 3). What cannot be deleted is tried again.
func (s *Store) removeRound() bool {
	segs, files := s.collectDead()
	if len(segs)+len(files) == 0 {
		return false
	}
	if s.Sync() != nil {
		s.mu.Lock()
		s.garbage = append(s.garbage, files...)
		s.mu.Unlock()
		return false
	}
	var errs []error
	for _, k := range files {
		errs = append(errs, s.deleteFile(bodyName(k.num())))
	}
	gone := segs[:0]
	for _, seg := range segs {
		err := s.deleteFile(segmentName(seg.num, seg.magic))
		if errs = append(errs, err); err == nil {
			gone = append(gone, seg)
		}
	}
	err := s.syncDir()
	if errs = append(errs, err); err == nil {
		s.forgetSegments(gone)
	}
	s.complain(errors.Join(errs...))
	return err == nil && len(gone) > 0
}

// deleteFile deletes a file that may be gone already.
func (s *Store) deleteFile(name string) error {
	if err := s.opts.FS.Remove(s.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// complain logs that deletions fail, once until one succeeds.
func (s *Store) complain(err error) {
	if err != nil && !s.stuck {
		s.logf(sdk.LevelError, "cannot delete what is done: %v", err)
	}
	s.stuck = err != nil
}

func (s *Store) forgetSegments(gone []*segment) {
	s.mu.Lock()
	for _, seg := range gone {
		delete(s.segs, seg.num)
	}
	s.sweepDones()
	s.mu.Unlock()
	for _, seg := range gone {
		seg.file.release()
	}
}

// collectDead gives the segments and files to delete.
func (s *Store) collectDead() (dead []*segment, files []bodyKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.segs {
		if seg.idle() && !seg.keep && s.dead(seg) && (seg.phase != phaseFailed || seg.emptied) {
			dead = append(dead, seg)
		}
	}
	files, s.garbage = s.garbage, nil
	return dead, files
}

// abandon leaves a segment alone that cannot be emptied.
func (s *Store) abandon(seg *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.keep, seg.stale = true, true
}

// ensureReserve sets space aside for done and change records on a full disk.
func (s *Store) ensureReserve() {
	s.mu.Lock()
	had := s.reserved
	s.mu.Unlock()
	if had || s.opts.Reserve <= 0 || s.free.Load() < s.opts.MinFree+2*s.opts.Reserve {
		return
	}
	if err := s.writeReserve(); err != nil {
		s.logf(sdk.LevelWarning, "no reserve for a full disk: %v", err)
		s.opts.FS.Remove(s.path(reserveName))
		return
	}
	s.mu.Lock()
	s.reserved = true
	s.mu.Unlock()
}

func (s *Store) writeReserve() error {
	f, err := s.opts.FS.Create(s.path(reserveName))
	if err != nil {
		return err
	}
	defer f.Close()
	return s.fillZeros(f, s.opts.Reserve)
}

// ensureSpare makes the next segment's file, where there is plenty of room.
func (s *Store) ensureSpare() {
	s.mu.Lock()
	had := s.spare != nil
	s.mu.Unlock()
	if had || !s.opts.Preallocate || s.opts.Unsafe || s.free.Load() < s.opts.MinFree+2*s.opts.Reserve+4*s.opts.SegmentSize {
		return
	}
	f, err := s.makeSpare()
	if err != nil {
		s.logf(sdk.LevelWarning, "no spare segment: %v", err)
		s.removeSpare()
		return
	}
	s.mu.Lock()
	s.spare = f
	s.mu.Unlock()
}

func (s *Store) makeSpare() (File, error) {
	s.removeSpare() // one that could not be used
	f, err := s.opts.FS.Create(s.path(spareName))
	if err != nil {
		return nil, err
	}
	if err := s.fillZeros(f, s.opts.SegmentSize); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// removeSpare removes the spare's file, if there is one.
func (s *Store) removeSpare() {
	if err := s.deleteFile(spareName); err != nil {
		s.logf(sdk.LevelWarning, "cannot remove a spare segment: %v", err)
	}
}

// dropSpare lets the spare go, and reports whether there was one.
func (s *Store) dropSpare() bool {
	s.mu.Lock()
	f := s.spare
	s.spare = nil
	s.mu.Unlock()
	if f == nil {
		return false
	}
	f.Close()
	s.removeSpare()
	return true
}

// fillZeros writes zeros, because a hole would reserve nothing.
func (s *Store) fillZeros(f File, size int64) error {
	zeros := make([]byte, min(1<<20, size))
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return s.syncFile(f)
}

// dropReserve gives the disk back what was kept for this, and reports whether
// there was something to give.
func (s *Store) dropReserve() bool {
	if s.dropSpare() {
		return true
	}
	s.mu.Lock()
	had := s.reserved
	s.reserved = false
	s.mu.Unlock()
	if !had {
		return false
	}
	if err := s.opts.FS.Remove(s.path(reserveName)); err != nil {
		s.logf(sdk.LevelError, "cannot give up the reserve on a full disk: %v", err)
		return false
	}
	s.logf(sdk.LevelWarning, "disk is full: the reserve of %d bytes was given up", s.opts.Reserve)
	return true
}
