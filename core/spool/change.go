package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Change replaces a message's metadata (a retry, another binding). It is
// written at once and durable with the next group commit, or within a second.
// It fails with ErrNotFound for a message that is not in the spool.
func (s *Store) Change(id string, meta []byte) error {
	e := Entry{ID: id, Meta: meta}
	k := keyOf(id)
	s.mu.Lock()
	e.Body = s.refOf(s.entries[k].body)
	s.mu.Unlock()
	w := lazyWrite{
		rec:  appendEntry(newRecord(len(meta)+len(id)+48), &e),
		typ:  recChange,
		item: item{kind: itemChange, key: k, body: e.Body},
	}
	w.item.size = uint32(len(w.rec) - headerSize)
	return s.writeLazy(&w)
}

// Done takes a message out. It is written at once and durable with the next
// group commit, or within a second: what a power cut in between brings back is
// delivered twice. Where it fails the message stays in the spool. It fails with
// ErrNotFound for a message that is not there.
func (s *Store) Done(id string) error {
	w := lazyWrite{
		rec:  appendDone(newRecord(4+len(id)), 0, id),
		typ:  recDone,
		item: item{kind: itemDone, key: keyOf(id)},
	}
	w.item.size = uint32(len(w.rec))
	return s.writeLazy(&w)
}

// lazyWrite is a record about one message that is written at once and synced
// later.
type lazyWrite struct {
	rec  []byte
	typ  recordType
	item item
}

// errMoved: compaction moved the message while the record was written.
var errMoved = errors.New("message moved")

// writeLazy writes to the active segment, and once more to a new one where that
// failed. On a full disk it gives up the reserve.
func (s *Store) writeLazy(w *lazyWrite) error {
	for tries := 0; ; {
		err := s.tryLazy(w)
		switch {
		case errors.Is(err, errMoved):
			continue
		case err == nil || tries > 0:
			return err
		case errors.Is(err, ErrFull) && !s.dropReserve():
			return err
		case !errors.Is(err, ErrFull) && !errors.Is(err, ErrFailed):
			return err
		}
		tries++
	}
}

func (s *Store) tryLazy(w *lazyWrite) error {
	sl, err := s.takeLazy(w)
	if err != nil {
		return err
	}
	defer sl.finish()
	seal(w.rec, header{magic: sl.seg.magic, typ: w.typ, id: w.item.seq})
	if err := s.write(sl, w.rec); err != nil {
		return err
	}
	signal(s.lazy)
	s.mu.Lock()
	defer s.mu.Unlock()
	sl.seg.note(&w.item)
	return s.applyLazy(sl.seg, w)
}

// takeLazy gives the record a place and a sequence number, and notes where the
// message's batch is.
func (s *Store) takeLazy(w *lazyWrite) (slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return slot{}, err
	}
	e, there := s.entries[w.item.key]
	if !there {
		return slot{}, fmt.Errorf("%w: no such message", ErrNotFound)
	}
	sl, err := s.take(len(w.rec))
	if err != nil {
		return slot{}, err
	}
	w.item.seq, w.item.home, w.item.off = s.nextSeq(), e.home, uint32(sl.off)+headerSize
	if w.typ == recDone {
		binary.LittleEndian.PutUint32(w.rec[headerSize:], e.home)
	}
	return sl, nil
}

// applyLazy brings the index up to date once the record is written. Only then:
// what a done makes garbage may be deleted after the next sync, which would not
// wait for a record that is not written yet (rule 2). A record that names a
// home the message has left, or lies before its copy there, counts for nothing
// after the old home is gone, so it is written again (rule 3).
func (s *Store) applyLazy(seg *segment, w *lazyWrite) error {
	e, there := s.entries[w.item.key]
	moved := there && e.home != w.item.home
	switch {
	case moved:
		if w.typ == recDone && s.needsDone(w.item.home, nil) && w.item.home != seg.num {
			seg.keepDone(w.item.home, int64(w.item.size))
		}
		return errMoved
	case w.typ == recChange:
		s.change(seg.num, &w.item)
	case s.needsDone(w.item.home, nil):
		s.done(seg.num, &w.item)
	default:
		s.remove(&w.item)
	}
	return nil
}
