package spool

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// Meta reads a message's metadata back, and the reference of its body. It fails
// with ErrNotFound, or ErrCorrupt where the metadata is damaged.
func (s *Store) Meta(id string) ([]byte, message.BodyRef, error) {
	e, err := s.readEntry(keyOf(id))
	if err != nil {
		return nil, message.BodyRef{}, fmt.Errorf("message %s: %w", id, err)
	}
	return e.Meta, e.Body, nil
}

// readEntry reads an entry from where it is now. Compaction may move it while
// we look: then we look again.
func (s *Store) readEntry(k key) (Entry, error) {
	for {
		at, file, err := s.locate(k)
		if err != nil {
			return Entry{}, err
		}
		e, err := readAt(file, &at, k)
		file.release()
		if err == nil {
			return e, nil
		}
		if s.locatedAt(k, &at) {
			return Entry{}, err
		}
	}
}

func (s *Store) locate(k key) (entry, *sharedFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, there := s.entries[k]
	if !there {
		return entry{}, nil, ErrNotFound
	}
	seg := s.segs[e.seg]
	if seg == nil {
		return entry{}, nil, fmt.Errorf("%w: segment %d is not there", ErrCorrupt, e.seg)
	}
	return e, seg.file.acquire(), nil
}

func (s *Store) locatedAt(k key, at *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, there := s.entries[k]
	return there && e.seg == at.seg && e.off == at.off
}

func readAt(f File, at *entry, k key) (Entry, error) {
	b := make([]byte, at.size)
	if n, err := f.ReadAt(b, int64(at.off)); n < len(b) {
		return Entry{}, fmt.Errorf("%w: segment %d offset %d: %w", ErrCorrupt, at.seg, at.off, err)
	}
	e, _, err := parseEntry(b)
	if err == nil && keyOf(e.ID) != k {
		err = fmt.Errorf("%w: another message is there", ErrCorrupt)
	}
	return e, err
}

// Each calls f for every message in the spool, in the order they lie on the
// disk; meta is good until f returns. It is how the queue starts. What cannot
// be read is logged and left out, but stays in the spool. An error of f ends
// it.
func (s *Store) Each(f func(id string, meta []byte) error) error {
	return s.each(func(e *Entry) error { return f(e.ID, e.Meta) })
}

// where is a message's key and place, for reading in order.
type where struct {
	seg, off, size uint32
	key            key
}

func (s *Store) each(f func(e *Entry) error) error {
	list := s.snapshot()
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].seg == list[0].seg {
			n++
		}
		if err := s.eachIn(list[:n], f); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (s *Store) snapshot() []where {
	s.mu.Lock()
	list := make([]where, 0, len(s.entries))
	for k, e := range s.entries {
		list = append(list, where{e.seg, e.off, e.size, k})
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b where) int {
		return cmp.Or(cmp.Compare(a.seg, b.seg), cmp.Compare(a.off, b.off))
	})
	return list
}

// sparse is the distance between messages, in bytes, from which on it is
// cheaper to skip the bodies between them than to read on.
const sparse = 64 << 10

// eachIn reads the messages of one segment with large reads.
func (s *Store) eachIn(list []where, f func(e *Entry) error) error {
	s.mu.Lock()
	seg := s.segs[list[0].seg]
	if seg == nil {
		s.mu.Unlock()
		return s.eachMoved(list, f)
	}
	file := seg.file.acquire()
	in := window{r: file, size: seg.size, damage: func(int64, int64, string) {}}
	s.mu.Unlock()
	defer file.release()
	if int64(list[len(list)-1].off-list[0].off) > sparse*int64(len(list)) {
		in.step = 4 << 10
	}
	for i := range list {
		w := &list[i]
		e, _, err := parseEntry(in.at(int64(w.off), int(w.size)))
		if err != nil || !s.locatedAt(w.key, &entry{seg: w.seg, off: w.off}) {
			if err := s.eachMoved(list[i:i+1], f); err != nil {
				return err
			}
			continue
		}
		if err := f(&e); err != nil {
			return err
		}
	}
	return nil
}

// eachMoved takes messages that are not where they were, or not readable.
func (s *Store) eachMoved(list []where, f func(e *Entry) error) error {
	for i := range list {
		e, err := s.readEntry(list[i].key)
		switch {
		case err == nil:
			if err := f(&e); err != nil {
				return err
			}
		case !isGone(err):
			s.count.damaged.Add(1)
			s.logf(sdk.LevelError, "message at segment %d offset %d cannot be read: %v", list[i].seg, list[i].off, err)
		}
	}
	return nil
}
