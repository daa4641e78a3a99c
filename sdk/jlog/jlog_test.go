package jlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func create(t *testing.T, segment uint32, subscribers ...string) (*Writer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "x.jlog")
	return reopen(t, dir, segment, subscribers...), dir
}

func reopen(t *testing.T, dir string, segment uint32, subscribers ...string) *Writer {
	t.Helper()
	w, err := CreateWith(context.Background(), dir, Options{Mode: 0o640, Segment: segment}, subscribers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func write(t *testing.T, w *Writer, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := w.Write(fmt.Appendf(nil, "message %03d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir, who string) *Reader {
	t.Helper()
	r, err := Open(dir, who)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// expect reads messages, and the end behind them.
func expect(t *testing.T, r *Reader, from, to int) (last ID) {
	t.Helper()
	for i := from; i < to; i++ {
		rec, err := r.Next()
		if err != nil || string(rec.Data) != fmt.Sprintf("message %03d", i) {
			t.Fatalf("message %d: %q, %v", i, rec.Data, err)
		}
		last = rec.ID
	}
	if rec, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("behind the end: %q, %v", rec.Data, err)
	}
	return last
}

func TestEverySubscriberGetsAllAndSegmentsGo(t *testing.T) {
	w, dir := create(t, 100, "a", "b")
	write(t, w, 0, 20)
	a, b := open(t, dir, "a"), open(t, dir, "b")
	last := expect(t, a, 0, 20)
	if err := a.Checkpoint(last); err != nil {
		t.Fatal(err)
	}
	write(t, w, 20, 30)
	expect(t, a, 20, 30) // never said to be had
	last = expect(t, b, 0, 30)
	before, _ := Look(dir)
	if err := b.Checkpoint(last); err != nil {
		t.Fatal(err)
	}
	after, err := Look(dir)
	if err != nil || len(before.Segments) < 8 || after.Segments[0].Number != a.Done().Segment || len(after.Segments) >= len(before.Segments) {
		t.Errorf("before %v, after %v, %v", before, after, err)
	}
	expect(t, open(t, dir, "a"), 20, 30)
	if err := a.Rewind(); err != nil {
		t.Fatal(err)
	}
	expect(t, a, 20, 30)
}

func TestSubscribeAtTheStartAndTheEnd(t *testing.T) {
	w, dir := create(t, SegmentLimit, "a")
	write(t, w, 0, 3)
	for name, first := range map[string]bool{"old": true, "new": false} {
		if err := Subscribe(context.Background(), dir, name, first); err != nil {
			t.Fatal(err)
		}
	}
	write(t, w, 3, 5)
	expect(t, open(t, dir, "old"), 0, 5)
	expect(t, open(t, dir, "new"), 3, 5)
	if err := Unsubscribe(dir, "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "old"); err == nil {
		t.Error("an unsubscribed reader can read")
	}
	if _, err := Look(filepath.Dir(dir)); err == nil {
		t.Error("another directory passes for a jlog")
	}
}

// TestATornMessage: what a writer left of a message when it died is cut off by
// the next one, and left out by readers.
func TestATornMessage(t *testing.T) {
	w, dir := create(t, SegmentLimit, "a")
	write(t, w, 0, 2)
	name := filepath.Join(dir, "00000000")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []int{5, headerSize, headerSize + 4} {
		if err := os.WriteFile(name, append(whole[:len(whole):len(whole)], whole[:torn]...), 0o640); err != nil {
			t.Fatal(err)
		}
		expect(t, open(t, dir, "a"), 0, 2)
		w := reopen(t, dir, SegmentLimit)
		if info, err := os.Stat(name); err != nil || info.Size() != int64(len(whole)) {
			t.Errorf("torn at %d: %v, %v", torn, info.Size(), err)
		}
		write(t, w, 2, 3)
		expect(t, open(t, dir, "a"), 0, 3)
	}
	damaged := append(append(whole[:len(whole):len(whole)], "garbage"...), whole...)
	if err := os.WriteFile(name, damaged, 0o640); err != nil {
		t.Fatal(err)
	}
	r, n := open(t, dir, "a"), 0
	for {
		if _, err := r.Next(); err != nil {
			break
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d messages around the damage", n)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(append(numbers(magic, 1, 2, 3), "abc"...))
	f.Add([]byte("garbage"))
	f.Fuzz(func(t *testing.T, segment []byte) {
		w, dir := create(t, SegmentLimit, "a")
		w.Close()
		if err := os.WriteFile(filepath.Join(dir, "00000000"), segment, 0o640); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir, "a")
		for n := 0; ; n++ {
			if _, err := r.Next(); err != nil {
				break
			}
			if n > len(segment)/headerSize {
				t.Fatal("more messages than there is room for")
			}
		}
		w = reopen(t, dir, SegmentLimit)
		if _, err := w.Write([]byte("more")); err != nil {
			t.Fatal(err)
		}
	})
}
