package spool

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// phase is where a segment stands in its life.
type phase uint8

const (
	phaseActive phase = iota // being written to
	phaseFull                // nothing more is appended; not durable yet
	phaseSynced              // durable, without a footer
	phaseSealed              // durable and of final size
	phaseFailed              // a write or sync failed: nothing may be trusted to it any more
)

// segment is one file of the log.
type segment struct {
	num     uint32
	magic   uint64
	file    *sharedFile
	writers sync.WaitGroup // writes under way; none begin after phaseActive

	// Guarded by Store.mu.
	phase phase
	size  int64            // end of what was given out to writers
	live  int64            // bytes that are still needed
	dones map[uint32]int64 // bytes of done records by the segment of their message; part of live
	own   int64            // bytes of done records of messages that were made here; not part of live
	items []byte           // the footer so far
	stale bool             // holds messages whose home is another segment
	keep  bool             // not to be deleted: part of it could not be read
	// emptied says of a failed segment that all it said is in others, too.
	emptied   bool
	emptiedIn uint64      // the group commit that had begun last when it was
	fresh     bool        // its directory entry is not durable
	dirty     atomic.Bool // written to since the last sync; not guarded
	// durable is the end of the last group that was synced, for batchPrefix.
	durable int64
	open    bool // found without a footer at the start
}

// countDone accounts for a done record written to the segment.
func (s *segment) countDone(home uint32, n int64) {
	if home == s.num {
		s.own += n
		return
	}
	s.keepDone(home, n)
}

// keepDone counts a done record that is needed while segment home exists.
func (s *segment) keepDone(home uint32, n int64) {
	if s.dones == nil {
		s.dones = map[uint32]int64{}
	}
	s.dones[home] += n
	s.live += n
}

// dropDone undoes keepDone for a record that was copied or is not needed.
func (s *segment) dropDone(home uint32, n int64) {
	if s.dones[home] >= n {
		s.dones[home] -= n
		s.live -= n
	}
}

func (s *segment) note(it *item) { s.items = appendItem(s.items, it) }

// written is how far the file goes: what was given out last may never have been
// written.
func (s *segment) written() int64 {
	if n, err := s.file.Size(); err == nil {
		return min(n, s.size)
	}
	return s.size
}

// idle reports a segment that nothing is written to.
func (s *segment) idle() bool { return s.phase == phaseSealed || s.phase == phaseFailed }

// sharedFile is an open file that closes when its last user lets go, so that a
// reader can finish with a segment that is deleted meanwhile.
type sharedFile struct {
	File
	refs atomic.Int32
}

func share(f File) *sharedFile {
	s := &sharedFile{File: f}
	s.refs.Store(1)
	return s
}

func (s *sharedFile) acquire() *sharedFile {
	s.refs.Add(1)
	return s
}

func (s *sharedFile) release() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	return s.File.Close()
}

const (
	segmentSuffix = ".seg"
	bodySuffix    = ".body"
	lockName      = "lock"
	reserveName   = "reserve"
	spareName     = "spare"
)

// segmentName holds the magic, so that damage inside the file cannot hide it.
func segmentName(num uint32, magic uint64) string {
	return fmt.Sprintf("%010d-%016x%s", num, magic, segmentSuffix)
}

func parseSegmentName(name string) (num uint32, magic uint64, ok bool) {
	base, found := strings.CutSuffix(name, segmentSuffix)
	n, m, dash := strings.Cut(base, "-")
	if !found || !dash {
		return 0, 0, false
	}
	num64, err1 := strconv.ParseUint(n, 10, 31)
	magic, err2 := strconv.ParseUint(m, 16, 64)
	num = uint32(num64)
	return num, magic, err1 == nil && err2 == nil && num > 0 && segmentName(num, magic) == name
}

func bodyName(num uint64) string { return fmt.Sprintf("%010d%s", num, bodySuffix) }

func parseBodyName(name string) (num uint64, ok bool) {
	base, found := strings.CutSuffix(name, bodySuffix)
	num, err := strconv.ParseUint(base, 10, 63)
	return num, found && err == nil && num > 0 && bodyName(num) == name
}

func (s *Store) path(name string) string { return path.Join(s.opts.Dir, name) }
