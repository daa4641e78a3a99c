package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
)

func TestDeadSegmentsGo(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs := spooltest.New(1)
		s := open(t, small(fs))
		for i := range 100 {
			mustPut(t, s, content(2000, 1), fmt.Sprint(i))
		}
		mustPut(t, s, content(2<<20, 1), "big")
		if n := s.Stats().Segments; n < 10 {
			t.Fatalf("%d segments", n)
		}
		for i := range 100 {
			if err := s.Done(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Done("big"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		if st := s.Stats(); st.Segments > 2 || st.LiveBytes != 0 || st.DiskBytes > 32<<10 {
			t.Errorf("left over: %+v", st)
		}
		if names, _ := fs.List("/spool"); len(names) > 2 {
			t.Errorf("files left over: %v", names)
		}
		mustClose(t, s)
	}))
}

// With Preallocate a segment comes from the spare, its zeros are no damage after
// a power cut, and go when it is sealed.
func TestPreallocation(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs, j := spooltest.New(1), &journal{}
		o := small(fs)
		o.Preallocate, o.Log = true, j.add
		s := open(t, o)
		pass(3 * time.Second)
		mustPut(t, s, content(100, 1), "one")
		first := segments(t, fs)[0]
		if n := len(fs.Contents(first)); n != 16<<10 {
			t.Errorf("the first segment has %d bytes", n)
		}
		s, fs = afterCut(t, s, fs, o)
		check(t, s, "one", "meta of one", content(100, 1))
		if n := len(fs.Contents(first)); n > 1000 || j.has("not closed") {
			t.Errorf("after the power cut it has %d bytes; the log says %q", n, j.text)
		}
		mustClose(t, s)
		if names, _ := fs.List("/spool"); slices.Contains(names, "spare") {
			t.Errorf("left over: %v", names)
		}
	}))
}

// The log stays within twice what is live, plus two segments, and everything
// stays readable, also after a power cut.
func TestCompactionUnderLoad(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs := spooltest.New(1)
		o := small(fs)
		s := open(t, o)
		left := make([][]string, 3)
		var wg sync.WaitGroup
		for w := range left {
			wg.Go(func() { left[w] = churn(t, s, w) })
		}
		wg.Wait()
		pass(5 * time.Second)
		st := s.Stats()
		if st.DiskBytes > 2*st.LiveBytes+2*o.SegmentSize {
			t.Errorf("disk %d, live %d", st.DiskBytes, st.LiveBytes)
		}
		if st.Compacted == 0 {
			t.Error("nothing was compacted")
		}
		verify := func() {
			n := 0
			for w, ids := range left {
				for _, id := range ids {
					check(t, s, id, "later "+id, content(1000, byte(w)))
					n++
				}
			}
			if got := len(each(t, s)); got != n {
				t.Errorf("%d messages, want %d", got, n)
			}
		}
		verify()
		s, o.FS = afterCut(t, s, fs, o)
		verify()
		pass(3 * time.Second)
		verify()
		s = reopen(t, s, o)
		verify()
		mustClose(t, s)
	}))
}

// churn puts messages, changes all, and finishes most.
func churn(t *testing.T, s *spool.Store, w int) (left []string) {
	rng := rand.New(rand.NewSource(int64(w)))
	for i := range 400 {
		id := fmt.Sprintf("%d.%d", w, i)
		if err := put(s, content(1000, byte(w)), id, id+"+"); err != nil {
			t.Error(err)
			return nil
		}
		for _, id := range []string{id, id + "+"} {
			if err := s.Change(id, []byte("later "+id)); err != nil {
				t.Error(err)
			}
			left = append(left, id)
		}
		if i%10 == 0 {
			<-time.After(500 * time.Millisecond)
		}
		for len(left) > 40 {
			at := rng.Intn(len(left))
			if err := s.Done(left[at]); err != nil {
				t.Error(err)
			}
			left = append(left[:at], left[at+1:]...)
		}
	}
	return left
}

func TestReaderOutlivesItsSegment(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		s := open(t, small(spooltest.New(1)))
		want := content(100<<10, 1) // not read at once
		mustPut(t, s, want, "a")
		_, ref, err := s.Meta("a")
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.OpenBody(ref)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 { // the segment is left half dead
			mustPut(t, s, content(3000, 1), fmt.Sprint(i))
		}
		for i := range 60 {
			if err := s.Done(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Done("a"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		got := make([]byte, len(want))
		if _, err := r.ReadAt(got, 0); err != nil || string(got) != string(want) {
			t.Errorf("reading on: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		pass(3 * time.Second)
		if n := s.Stats().LiveBytes; n != 0 {
			t.Errorf("%d bytes are live after the last reader", n)
		}
		mustClose(t, s)
	}))
}

// A message whose metadata is damaged stays where it is, and the rest of its
// segment moves.
func TestDamagedSegmentIsKept(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs, j := spooltest.New(1), &journal{}
		o := small(fs)
		o.Log = j.add
		s := open(t, o)
		mustPut(t, s, content(100, 1), "damaged")
		mustPut(t, s, content(100, 2), "sound")
		for i := range 60 {
			mustPut(t, s, content(3000, 1), fmt.Sprint(i))
		}
		first := segments(t, fs)[0]
		at := bytes.Index(fs.Contents(first), []byte("meta of damaged"))
		fs.Flip(first, int64(at), 0)
		for i := range 60 {
			if i%10 == 9 {
				continue
			}
			if err := s.Done(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			pass(3 * time.Second)
			check(t, s, "sound", "meta of sound", content(100, 2))
			if _, _, err := s.Meta("damaged"); !errors.Is(err, spool.ErrCorrupt) {
				t.Errorf("damaged metadata: %v", err)
			}
			if got := segments(t, fs); got[0] != first {
				t.Errorf("the damaged segment is gone: %v", got)
			}
			if got := each(t, s); len(got) != 7 {
				t.Errorf("Each gave %v", got)
			}
			s = reopen(t, s, o)
		}
		if !j.has("is damaged and kept") {
			t.Errorf("the log does not say so: %q", j.text)
		}
		mustClose(t, s)
	}))
}

// A segment with the end of a message that was moved into it stays until the
// segment that the message came from is gone for good.
func TestDoneOutlivesOlderCopies(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs := spooltest.New(1)
		o := small(fs)
		s := open(t, o)
		many := func(name string, n int) (ids []string) {
			for i := range n {
				ids = append(ids, fmt.Sprint(name, i))
				mustPut(t, s, content(3000, 1), ids[i])
			}
			return ids
		}
		done := func(ids ...string) {
			for _, id := range ids {
				if err := s.Done(id); err != nil {
					t.Fatal(err)
				}
			}
		}
		mustPut(t, s, content(7000, 1), "moved") // with two others the first segment
		dead := many("dead", 2)
		mustPut(t, s, content(60<<10, 1), "ballast") // the second
		done(dead...)
		many("kept", 3) // the third, with too little room for what is moved
		before := segments(t, fs)
		fs.SetFault(func(op spooltest.Op, name string) error {
			if op == spooltest.OpRemove && (strings.HasSuffix(name, before[0]) || strings.HasSuffix(name, before[1])) {
				return syscall.EIO
			}
			return nil
		})
		done("ballast")
		pass(5 * time.Second)
		now := segments(t, fs)
		if len(now) != 4 || s.Stats().Compacted < 7000 {
			t.Fatalf("segments %v, then %v, %+v", before, now, s.Stats())
		}
		done("moved")
		done(many("later", 8)...) // the fourth gets full
		pass(5 * time.Second)
		s, fs = afterCut(t, s, fs, o)
		if got := each(t, s); len(got) != 3 {
			t.Errorf("after the power cut: %v", got)
		}
		pass(5 * time.Second)
		if got := segments(t, fs); slices.Contains(got, now[0]) || slices.Contains(got, now[3]) {
			t.Errorf("left over: %v of %v", got, now)
		}
		mustClose(t, s)
	}))
}

func TestBodyThatNobodyCommitsExpires(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		s := open(t, small(spooltest.New(1)))
		ref, err := putBody(s, content(100, 1))
		if err != nil {
			t.Fatal(err)
		}
		pass(59 * time.Minute)
		if _, err := readBody(s, ref); err != nil {
			t.Errorf("before an hour: %v", err)
		}
		pass(2 * time.Minute)
		if _, err := readBody(s, ref); !errors.Is(err, spool.ErrNotFound) {
			t.Errorf("after an hour: %v", err)
		}
		mustClose(t, s)
	}))
}

// The number of a file that is gone, but that the log still speaks of, is not
// given out again.
func TestFileNumbersAreNotUsedTwice(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		o := small(spooltest.New(1))
		s := open(t, o)
		mustPut(t, s, content(100, 1), "keeps the segment")
		mustPut(t, s, content(2<<20, 1), "old")
		_, first, _ := s.Meta("old")
		if err := s.Done("old"); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		s = reopen(t, s, o)
		mustPut(t, s, content(2<<20, 2), "new")
		if _, ref, _ := s.Meta("new"); ref == first {
			t.Errorf("both are %v", ref)
		}
		s = reopen(t, s, o)
		pass(3 * time.Second)
		check(t, s, "new", "meta of new", content(2<<20, 2))
		mustClose(t, s)
	}))
}
