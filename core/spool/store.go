package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// Clock is time, as tests need it.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type realClock struct{}

func (realClock) Now() time.Time                         { return time.Now() }
func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Options say where a spool is and how it behaves. Only Dir must be set.
type Options struct {
	Dir   string
	FS    FS    // nil: OS{}
	Clock Clock // nil: the system's
	// Log takes what happens in the background: damage found, a disk that
	// fails. nil: nobody is told.
	Log func(sdk.LogRecord)
	// MinFree is how many bytes stay free: below it NewBody and Commit fail
	// with ErrFull.
	MinFree int64
	// SegmentSize is where a segment ends, in bytes; 0: 64 MiB, at most 1 GiB.
	SegmentSize int64
	// BodyMemory bounds the memory of bodies that are being received, in
	// bytes; 0: 256 MiB. Beyond it they go to files of their own.
	BodyMemory int64
	// Reserve is the size of the file that is given up on a full disk so that
	// Done and Change can still be written; 0: 16 MiB, negative: none.
	Reserve int64
	// CompactRate is how many bytes a second compaction copies while there is
	// no hurry; 0: 32 MiB.
	CompactRate int64
	// Preallocate has the next segment written full of zeros before it is
	// needed. A sync of what overwrites them need not change the file system's
	// own records, which takes most of its time.
	Preallocate bool
	// Unsafe leaves out every sync: mail is lost when the power fails
	// (_unsafe_spool).
	Unsafe bool
	// ReadOnly only looks: it takes no lock, writes nothing and repairs
	// nothing. Commit, Change, Done and NewBody fail with ErrReadOnly.
	ReadOnly bool
}

func (o *Options) setDefaults() {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	set(&o.SegmentSize, 64<<20)
	o.SegmentSize = min(o.SegmentSize, 1<<30)
	set(&o.BodyMemory, 256<<20)
	set(&o.Reserve, 16<<20)
	set(&o.CompactRate, 32<<20)
}

// Store is an open spool. It is safe for concurrent use.
type Store struct {
	opts Options
	lock io.Closer

	mu sync.Mutex // guards the index and all below it up to the blank line
	index
	active   *segment
	full     []*segment // to be synced by the committer
	held     map[bodyKey]time.Time
	pending  []*commit
	nextSeg  uint32
	nextFile uint64
	seq      uint64
	groups   uint64 // group commits begun
	reserved bool   // the reserve file is there
	spare    File   // the next segment, full of zeros; nil: none
	closed   bool

	wake, lazy, poke chan struct{} // committer: a commit, a lazy write; keeper: something to do
	stop             chan struct{}
	stuck            bool // the keeper could not delete something
	committer        sync.WaitGroup
	keeper           sync.WaitGroup

	free   atomic.Int64 // bytes the disk has left, by our account
	memory atomic.Int64 // bytes of buffers that bodies hold
	bufs   [len(bufSizes)]sync.Pool
	count  counters
}

type counters struct {
	commits, groups, syncs, syncErrors, damaged, compacted atomic.Int64
}

// Stats are a spool's figures.
type Stats struct {
	Entries, Bodies, Segments int
	LiveBytes                 int64 // what the messages need
	DiskBytes                 int64 // what the spool occupies
	FreeBytes                 int64 // left on the disk, as of the last look
	BodyMemory                int64 // held by bodies being received
	Commits                   int64 // batches made durable
	Groups                    int64 // group commits
	Syncs, SyncErrors         int64
	Damaged                   int64 // damaged places seen since the start
	Compacted                 int64 // bytes copied by compaction
	Queued                    int   // commits that wait for the disk
}

// Stats gives the figures of this moment.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	disk, live := s.usage()
	return Stats{
		Entries: len(s.entries), Bodies: len(s.bodies), Segments: len(s.segs),
		LiveBytes: live + s.files, DiskBytes: disk + s.files,
		FreeBytes: s.free.Load(), BodyMemory: s.memory.Load(),
		Commits: s.count.commits.Load(), Groups: s.count.groups.Load(),
		Syncs: s.count.syncs.Load(), SyncErrors: s.count.syncErrors.Load(),
		Damaged: s.count.damaged.Load(), Compacted: s.count.compacted.Load(),
		Queued: len(s.pending),
	}
}

// usage sums up the segments, without files of their own.
func (s *Store) usage() (disk, live int64) {
	for _, seg := range s.segs {
		disk += seg.size
		live += seg.live
	}
	return disk, live
}

func (s *Store) start() {
	s.committer.Go(s.commitLoop)
	s.keeper.Go(s.keepLoop)
}

// Close makes everything durable, gives the last segment its footer and lets go
// of the lock. Sessions must have stopped; what still waits is committed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.keeper.Wait()
	s.committer.Wait()
	s.mu.Lock()
	s.retire()
	s.mu.Unlock()
	s.runGroup()
	s.sealSynced()
	s.dropSpare()
	return s.release()
}

// retire takes the active segment out of use. The caller holds mu.
func (s *Store) retire() {
	if s.active != nil {
		s.active.phase = phaseFull
		s.full = append(s.full, s.active)
		s.active = nil
	}
}

// release closes every file and the lock.
func (s *Store) release() error {
	var errs []error
	s.mu.Lock()
	for _, seg := range s.segs {
		errs = append(errs, seg.file.release())
	}
	s.mu.Unlock()
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// writable says why nothing can be written, if so. The caller holds mu.
func (s *Store) writable() error {
	switch {
	case s.opts.ReadOnly:
		return ErrReadOnly
	case s.closed:
		return ErrClosed
	}
	return nil
}

// slot is a place given out to one writer, who must call finish.
type slot struct {
	seg *segment
	off int64
}

func (sl slot) finish() { sl.seg.writers.Done() }

// take gives out n bytes at the end of the log. The caller holds mu.
func (s *Store) take(n int) (slot, error) {
	if a := s.active; a == nil || a.size > 0 && a.size+int64(n) > s.opts.SegmentSize {
		if err := s.rotate(); err != nil {
			return slot{}, err
		}
	}
	seg := s.active
	sl := slot{seg, seg.size}
	seg.size += int64(n)
	seg.writers.Add(1)
	return sl, nil
}

// rotate begins a new segment. The old one goes to the committer, which syncs
// it before it acknowledges anything else.
func (s *Store) rotate() error {
	var magic [8]byte
	if _, err := rand.Read(magic[:]); err != nil {
		return err
	}
	seg := &segment{num: s.nextSeg, magic: binary.LittleEndian.Uint64(magic[:]), fresh: true}
	f, err := s.newFile(segmentName(seg.num, seg.magic))
	if err != nil {
		return wrapWrite(err)
	}
	s.nextSeg++
	seg.file = share(f)
	s.segs[seg.num] = seg
	s.retire()
	signal(s.wake)
	s.active = seg
	return nil
}

// newFile gives a new segment its file: the spare, or an empty one. The caller
// holds mu.
func (s *Store) newFile(name string) (File, error) {
	if f := s.spare; f != nil {
		s.spare = nil
		signal(s.poke)
		if err := s.opts.FS.Rename(s.path(spareName), s.path(name)); err == nil {
			return f, nil
		}
		// Who makes the next spare removes this one.
		f.Close()
	}
	return s.opts.FS.Create(s.path(name))
}

// write fills a slot. A failure other than a full disk ends the segment.
func (s *Store) write(sl slot, b []byte) error {
	_, err := sl.seg.file.WriteAt(b, sl.off)
	s.free.Add(-int64(len(b)))
	if err == nil {
		sl.seg.dirty.Store(true)
		return nil
	}
	if isFull(err) {
		s.free.Store(0)
	} else {
		s.fail(sl.seg, err)
	}
	return wrapWrite(err)
}

// fail ends a segment that the disk refused. What was durable in it stays and
// is moved away by compaction; nothing more is trusted to it.
func (s *Store) fail(seg *segment, err error) {
	s.mu.Lock()
	again := seg.phase == phaseFailed
	seg.phase, seg.stale = phaseFailed, true
	if s.active == seg {
		s.active = nil
	}
	for k := range s.held {
		if b := s.bodies[k]; !k.file() && b.seg == seg.num {
			s.lose(k)
		}
	}
	s.mu.Unlock()
	if !again {
		s.logf(sdk.LevelCritical, "segment %d failed and is given up: %v", seg.num, err)
	}
	signal(s.poke)
}

func (s *Store) nextSeq() uint64 {
	s.seq++
	return s.seq
}

// roomy looks whether new mail may come in.
func (s *Store) roomy() error {
	if s.free.Load() >= s.opts.MinFree && s.free.Load() > 0 {
		return nil
	}
	free := s.measure()
	if free >= s.opts.MinFree {
		return nil
	}
	return fmt.Errorf("%w: %s has %d bytes left, min_free_space is %d", ErrFull, s.opts.Dir, free, s.opts.MinFree)
}

// measure asks how much the disk has left. A disk that cannot tell counts as
// it was.
func (s *Store) measure() int64 {
	n, err := s.opts.FS.Free(s.opts.Dir)
	if err != nil {
		return s.free.Load()
	}
	s.free.Store(n)
	return n
}

// Sync makes everything written so far durable.
func (s *Store) Sync() error {
	c := &commit{done: make(chan struct{})}
	if err := s.enqueue(c); err != nil {
		return err
	}
	<-c.done
	return c.err
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// wrapWrite gives an error of the disk its meaning for the caller.
func wrapWrite(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrFailed, err)
}

func (s *Store) logf(level sdk.Level, format string, args ...any) {
	if s.opts.Log != nil {
		s.opts.Log(sdk.LogRecord{Time: s.opts.Clock.Now(), Level: level, Source: "spool", Text: fmt.Sprintf(format, args...)})
	}
}

// signal wakes a loop that looks at the state itself.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// noBody reports a message without content.
func noBody(ref message.BodyRef) bool { return ref == message.BodyRef{} }
