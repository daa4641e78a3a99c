package spool

import (
	"context"
	"fmt"

	"github.com/mtad/mtad/core/message"
)

// commit is a batch on its way to the disk; without rec, a wish for a sync.
type commit struct {
	rec   []byte // a whole batch record, with room for the header in front
	items []item // off counts from the start of rec
	err   error
	done  chan struct{}
}

// Commit makes a batch durable: when it returns nil, every message of it will
// be there after a crash, and when it fails none is in the queue. It fails with
// ErrFull, ErrFailed, ErrExists, ErrInvalid or ErrNotFound (a body that is no
// longer there). An end of ctx takes back a batch that the disk has not begun
// with; after that Commit waits for the disk.
func (s *Store) Commit(ctx context.Context, b Batch) error {
	if err := b.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.roomy(); err != nil {
		return err
	}
	c := newCommit(&b)
	if err := s.enqueue(c); err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
	}
	if s.takeBack(c) {
		return ctx.Err()
	}
	<-c.done
	return c.err
}

func newCommit(b *Batch) *commit {
	size := headerSize + batchPrefix
	for i := range b.Entries {
		size += len(b.Entries[i].Meta) + len(b.Entries[i].ID) + 48
	}
	c := &commit{
		rec:   append(make([]byte, 0, size), make([]byte, headerSize+batchPrefix)...),
		items: make([]item, len(b.Entries)),
		done:  make(chan struct{}),
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		at := len(c.rec)
		c.rec = appendEntry(c.rec, e)
		c.items[i] = item{kind: itemCreate, key: keyOf(e.ID), off: uint32(at), size: uint32(len(c.rec) - at), body: e.Body}
	}
	return c
}

// enqueue hands c to the committer. The bodies it names stay until it is
// settled.
func (s *Store) enqueue(c *commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	for i := range c.items {
		if err := s.admissible(&c.items[i]); err != nil {
			return err
		}
	}
	for i := range c.items {
		s.ref(bodyKeyOf(c.items[i].body), 0)
	}
	s.pending = append(s.pending, c)
	signal(s.wake)
	return nil
}

func (s *Store) admissible(it *item) error {
	if _, there := s.entries[it.key]; there {
		return ErrExists
	}
	if noBody(it.body) {
		return nil
	}
	b, there := s.bodies[bodyKeyOf(it.body)]
	if !there || int64(b.size) != it.body.Length {
		return fmt.Errorf("%w: body %v of a batch", ErrNotFound, it.body)
	}
	return s.trusted(it.body)
}

// trusted refuses a body whose segment failed before it was durable.
func (s *Store) trusted(ref message.BodyRef) error {
	if _, lost := s.lost[bodyKeyOf(ref)]; lost {
		return fmt.Errorf("%w: segment of body %v", ErrFailed, ref)
	}
	return nil
}

// takeBack removes a commit that the committer has not taken.
func (s *Store) takeBack(c *commit) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.pending {
		if p == c {
			s.pending = append(s.pending[:i], s.pending[i+1:]...)
			s.unrefAll(c)
			return true
		}
	}
	return false
}

func (s *Store) unrefAll(c *commit) {
	for i := range c.items {
		s.unref(bodyKeyOf(c.items[i].body))
	}
}
