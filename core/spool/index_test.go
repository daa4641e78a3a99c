package spool

import (
	"context"
	"errors"
	"testing"
)

func indexOf(segs ...uint32) index {
	x := newIndex()
	for _, n := range segs {
		x.segs[n] = &segment{num: n, phase: phaseSealed}
	}
	return x
}

// A done record is needed as long as any segment may hold the message: also
// one that a crash left behind in the middle of its compaction.
func TestDoneIsKeptWhileACopyMayBeLeft(t *testing.T) {
	x := indexOf(1, 2, 3)
	it := item{kind: itemCreate, key: keyOf("a"), seq: 1, off: 40, size: 100}
	x.create(1, &it)
	x.create(2, &it) // the copy that compaction made
	if !x.segs[1].stale || x.segs[1].live != 0 || x.segs[2].live != 100 {
		t.Fatalf("after the copy: %+v, %+v", x.segs[1], x.segs[2])
	}
	x.done(3, &item{kind: itemDone, key: it.key, seq: 2, size: 60, home: 2})
	if len(x.entries) != 0 || x.segs[2].live != 0 || x.segs[3].live != 60 {
		t.Fatalf("after done: %+v, %+v", x.segs[2], x.segs[3])
	}
	delete(x.segs, 2)
	x.sweepDones()
	if x.segs[3].live != 60 || !x.needsDone(2, x.segs[3]) {
		t.Error("the done record went although segment 1 still holds the message")
	}
	delete(x.segs, 1)
	x.sweepDones()
	if x.segs[3].live != 0 || x.needsDone(2, nil) {
		t.Error("the done record stayed although nothing holds the message")
	}
}

// What compaction copies late does not undo a change that was made meanwhile.
func TestCopyBehindAChange(t *testing.T) {
	x := indexOf(1, 2)
	it := item{kind: itemCreate, key: keyOf("a"), seq: 1, off: 40, size: 100}
	x.create(1, &it)
	x.change(2, &item{kind: itemChange, key: it.key, seq: 5, off: 900, size: 120})
	copied := it
	copied.off = 2000
	x.create(2, &copied)
	e := x.entries[it.key]
	if e.seq != 5 || e.off != 900 || e.home != 2 || !e.changed {
		t.Errorf("entry is %+v", e)
	}
	if x.segs[1].live != 0 || x.segs[2].live != 100+120+headerSize {
		t.Errorf("live: %d and %d", x.segs[1].live, x.segs[2].live)
	}
	x.done(2, &item{kind: itemDone, key: it.key, seq: 6, size: 60, home: 2})
	if x.segs[2].live != 0 {
		t.Errorf("live after done: %d", x.segs[2].live)
	}
}

// A done that was on its way while compaction moved its message names a home
// that will go; it is written again.
func TestDoneOfAMovedMessageIsWrittenAgain(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(context.Background(), Batch{Entries: []Entry{{ID: "a"}}}); err != nil {
		t.Fatal(err)
	}
	for _, typ := range []recordType{recDone, recChange} {
		w := lazyWrite{rec: appendDone(newRecord(5), 0, "a"), typ: typ, item: item{kind: itemDone, key: keyOf("a"), size: 37}}
		sl, err := s.takeLazy(&w)
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		e := s.entries[w.item.key]
		err = s.rotate()
		s.create(s.active.num, &item{kind: itemCreate, key: w.item.key, seq: e.seq, size: e.size})
		if err == nil {
			err = s.applyLazy(sl.seg, &w)
		}
		_, there := s.entries[w.item.key]
		s.mu.Unlock()
		sl.finish()
		if !errors.Is(err, errMoved) || !there {
			t.Errorf("type %d: %v, still there: %v", typ, err, there)
		}
	}
	if err := s.Done("a"); err != nil {
		t.Errorf("Done: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
