package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
)

func inBubble(f func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// failing makes an operation on a segment fail with EIO while on is true.
func failing(op spooltest.Op, on *atomic.Bool) func(spooltest.Op, string) error {
	return func(o spooltest.Op, name string) error {
		if on.Load() && o == op && strings.HasSuffix(name, ".seg") {
			return syscall.EIO
		}
		return nil
	}
}

func TestFailedSync(t *testing.T) { t.Run("", inBubble(failedSync)) }

func failedSync(t *testing.T) {
	fs, on := spooltest.New(1), atomic.Bool{}
	fs.SetFault(failing(spooltest.OpSync, &on))
	o := small(fs)
	s := open(t, o)
	mustPut(t, s, content(500, 1), "before")
	on.Store(true)
	if err := put(s, content(500, 2), "during"); !errors.Is(err, spool.ErrFailed) {
		t.Fatalf("a batch whose sync failed: %v", err)
	}
	if _, _, err := s.Meta("during"); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("it is in the index: %v", err)
	}
	on.Store(false)
	mustPut(t, s, content(500, 3), "after")
	pass(3 * time.Second) // compaction empties the failed segment
	if st := s.Stats(); st.Segments != 1 || st.SyncErrors == 0 {
		t.Errorf("the failed segment is still there: %+v", st)
	}
	s, _ = afterCut(t, s, fs, o)
	check(t, s, "before", "meta of before", content(500, 1))
	check(t, s, "after", "meta of after", content(500, 3))
	mustClose(t, s)
}

func TestBodyOfAFailedSegmentIsNotCommitted(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs, on := spooltest.New(1), atomic.Bool{}
		fs.SetFault(failing(spooltest.OpSync, &on))
		s := open(t, small(fs))
		ref, err := putBody(s, content(500, 1))
		if err != nil {
			t.Fatal(err)
		}
		on.Store(true)
		if err := s.Sync(); !errors.Is(err, spool.ErrFailed) {
			t.Fatalf("Sync: %v", err)
		}
		on.Store(false)
		pass(3 * time.Second)
		err = s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{{ID: "a", Body: ref}}})
		if !errors.Is(err, spool.ErrFailed) {
			t.Errorf("a body that may not be durable was committed: %v", err)
		}
		s.Drop(ref)
		pass(3 * time.Second)
		if err := s.Sync(); err != nil {
			t.Errorf("Sync after recovery: %v", err)
		}
		mustClose(t, s)
	}))
}

func TestDoneAndChangeSurviveAWriteError(t *testing.T) {
	fs := spooltest.New(1)
	var on, struck atomic.Int32
	o := small(fs)
	s := open(t, o)
	mustPut(t, s, content(500, 1), "a", "b")
	fs.SetFault(func(op spooltest.Op, name string) error {
		if op == spooltest.OpWrite && on.CompareAndSwap(1, 0) {
			struck.Add(1)
			return syscall.EIO
		}
		return nil
	})
	on.Store(1)
	if err := s.Done("a"); err != nil {
		t.Errorf("Done: %v", err)
	}
	on.Store(1)
	if err := s.Change("b", []byte("new")); err != nil || struck.Load() != 2 {
		t.Errorf("Change: %v after %d faults", err, struck.Load())
	}
	s = reopen(t, s, o)
	if got := each(t, s); len(got) != 1 || got["b"] != "new" {
		t.Errorf("after reopening: %v", got)
	}
	mustClose(t, s)
}

func TestFullDisk(t *testing.T) { t.Run("", inBubble(fullDisk)) }

func fullDisk(t *testing.T) {
	fs := spooltest.New(1)
	o := small(fs)
	o.Reserve, o.MinFree = 32<<10, 4<<10
	fs.SetCapacity(200 << 10)
	s := open(t, o)
	var ids []string
	for {
		id := fmt.Sprint("m", len(ids))
		err := put(s, content(3000, 1), id)
		if errors.Is(err, spool.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if _, err := s.NewBody(); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a new body below min_free_space: %v", err)
	}
	if err := s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{{ID: "x"}}}); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a batch below min_free_space: %v", err)
	}
	free, _ := fs.Free("")
	fs.SetCapacity(200<<10 - free) // somebody else takes the rest
	for i, id := range ids {
		var err error
		if i%2 == 0 {
			err = s.Done(id)
		} else {
			err = s.Change(id, []byte("again"))
		}
		if err != nil {
			t.Fatalf("%s on a full disk: %v", id, err)
		}
	}
	s, fs = afterSync(t, s, fs, o)
	got := each(t, s)
	for i, id := range ids {
		if want := [...]string{"", "again"}[i%2]; got[id] != want {
			t.Errorf("%s: %q, want %q", id, got[id], want)
		}
	}
	fs.SetCapacity(400 << 10)
	pass(3 * time.Second)
	mustPut(t, s, content(3000, 1), "room again")
	if _, err := fs.Open("/spool/reserve"); err != nil {
		t.Errorf("the reserve did not come back: %v", err)
	}
	mustClose(t, s)
}

// afterSync cuts the power once everything lazy is on the disk.
func afterSync(t *testing.T, s *spool.Store, fs *spooltest.FS, o spool.Options) (*spool.Store, *spooltest.FS) {
	t.Helper()
	pass(time.Second)
	return afterCut(t, s, fs, o)
}

func TestBatchThatDidNotFitIsTakenBack(t *testing.T) {
	fs := spooltest.New(1)
	o := small(fs)
	s := open(t, o)
	mustPut(t, s, content(500, 1), "a")
	fs.SetCapacity(3000)
	big := spool.Entry{ID: "big", Meta: content(5000, 1)}
	if err := s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{big}}); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a batch on a full disk: %v", err)
	}
	fs.SetCapacity(0)
	if err := s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{big}}); err != nil {
		t.Errorf("the next try: %v", err)
	}
	s, _ = afterCut(t, s, fs, o)
	if got := each(t, s); len(got) != 2 || got["big"] != string(big.Meta) {
		t.Errorf("there are %d messages", len(got))
	}
	mustClose(t, s)
}

func TestLazyWritesAreDurableWithinASecond(t *testing.T) {
	for seed := range int64(20) {
		synctest.Test(t, func(t *testing.T) {
			fs := spooltest.New(seed)
			s := open(t, small(fs))
			mustPut(t, s, content(500, 1), "a", "b", "c")
			if err := errors.Join(s.Done("a"), s.Change("b", []byte("new"))); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
			s, _ = afterCut(t, s, fs, small(nil))
			if got := each(t, s); len(got) != 2 || got["b"] != "new" || got["c"] != "meta of c" {
				t.Errorf("seed %d: a second later: %v", seed, got)
			}
			mustClose(t, s)
		})
	}
}

func segments(t *testing.T, fs *spooltest.FS) (names []string) {
	t.Helper()
	all, err := fs.List("/spool")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if strings.HasSuffix(n, ".seg") {
			names = append(names, "/spool/"+n)
		}
	}
	slices.Sort(names)
	return names
}

// Every bit flip costs at most the messages whose bytes it hit, and nothing
// that is damaged is handed out as sound.
func TestBitFlips(t *testing.T) {
	o := small(spooltest.New(1))
	s := open(t, o)
	for i := range 10 {
		mustPut(t, s, content(300, byte(i)), fmt.Sprint("m", i))
	}
	mustClose(t, s)
	whole := o.FS.(*spooltest.FS)
	name := segments(t, whole)[0]
	size := len(whole.Contents(name))
	for off := 0; off < size; off += 3 {
		fs := spooltest.New(1)
		copyAll(t, fs, whole)
		fs.Flip(name, int64(off), uint(off))
		j := &journal{}
		f := small(fs)
		f.Log = j.add
		s := open(t, f)
		lost := 0
		for i := range 10 {
			meta, ref, err := s.Meta(fmt.Sprint("m", i))
			body, err2 := readBody(s, ref)
			switch {
			case err != nil || err2 != nil:
				lost++
			case string(meta) != fmt.Sprint("meta of m", i) || !bytes.Equal(body, content(300, byte(i))):
				t.Fatalf("offset %d: message %d is wrong and nobody says so", off, i)
			}
		}
		if lost > 1 {
			t.Errorf("offset %d: one bit cost %d messages", off, lost)
		}
		mustClose(t, s)
		var out bytes.Buffer
		damaged, err := spool.Check(&out, f)
		if err != nil || damaged == 0 && lost > 0 {
			t.Errorf("offset %d: check: %d damaged, %v\n%s", off, damaged, err, out.String())
		}
	}
}

func copyAll(t *testing.T, dst, src *spooltest.FS) {
	t.Helper()
	for _, name := range segments(t, src) {
		f, err := dst.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(src.Contents(name), 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), dst.SyncDir("/spool")); err != nil {
			t.Fatal(err)
		}
	}
}
