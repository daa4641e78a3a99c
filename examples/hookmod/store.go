package main

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk/smtp"
)

// triplet is who sends to whom.
type triplet struct {
	network           netip.Prefix
	sender, recipient smtp.Address
}

// verdict is what the store knows of a triplet.
type verdict uint8

const (
	waiting verdict = iota
	passed
)

// String is the verdict as scripts see it in the message context.
func (v verdict) String() string {
	if v == passed {
		return "passed"
	}
	return "waiting"
}

// entry is a triplet that was seen.
type entry struct {
	triplet triplet
	first   time.Time
	last    time.Time
	passed  bool
}

// store remembers triplets, the most recent ones first. It is lost when the
// module's process ends: then senders wait once more.
type store struct {
	now func() time.Time

	mu     sync.Mutex
	recent *list.List // of *entry
	known  map[triplet]*list.Element
	passed int
}

func newStore(now func() time.Time) *store {
	return &store{now: now, recent: list.New(), known: make(map[triplet]*list.Element)}
}

// seen notes an attempt and says whether it may pass.
func (s *store) seen(t triplet, o *options) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if at := s.known[t]; at != nil && now.Sub(at.Value.(*entry).last) > o.Expire {
		s.forget(at)
	}
	at := s.known[t]
	if at == nil {
		at = s.recent.PushFront(&entry{triplet: t, first: now})
		s.known[t] = at
		for int64(s.recent.Len()) > o.Max {
			s.forget(s.recent.Back())
		}
	}
	e := at.Value.(*entry)
	e.last = now
	s.recent.MoveToFront(at)
	if !e.passed && now.Sub(e.first) >= o.Delay {
		e.passed = true
		s.passed++
	}
	if e.passed {
		return passed
	}
	return waiting
}

func (s *store) forget(at *list.Element) {
	e := s.recent.Remove(at).(*entry)
	delete(s.known, e.triplet)
	if e.passed {
		s.passed--
	}
}

func (s *store) count() (waiting, passed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent.Len() - s.passed, s.passed
}
