package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
)

func TestRoundTrip(t *testing.T) {
	sizes := []int{0, 1, 100, 8 << 10, 64 << 10, 64<<10 + 1, 300 << 10, 1 << 20, 1<<20 + 1, 3 << 20}
	o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool"), Reserve: 1 << 20}
	s := open(t, o)
	for i, n := range sizes {
		mustPut(t, s, content(n, byte(i)), fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	verify := func() {
		t.Helper()
		for i, n := range sizes {
			check(t, s, fmt.Sprint("a", i), fmt.Sprint("meta of a", i), content(n, byte(i)))
			check(t, s, fmt.Sprint("b", i), fmt.Sprint("meta of b", i), content(n, byte(i)))
		}
	}
	verify()
	s = reopen(t, s, o)
	verify()
	if got := len(each(t, s)); got != 2*len(sizes) {
		t.Errorf("Each gave %d messages, want %d", got, 2*len(sizes))
	}
	if n := s.Stats().BodyMemory; n != 0 {
		t.Errorf("%d bytes of body memory are still held", n)
	}
	mustClose(t, s)
}

func TestChangeAndDone(t *testing.T) {
	o := small(spooltest.New(1))
	s := open(t, o)
	mustPut(t, s, content(100, 1), "a", "b", "c")
	if err := s.Change("b", []byte("second try")); err != nil {
		t.Fatal(err)
	}
	if err := s.Change("b", []byte("third try")); err != nil {
		t.Fatal(err)
	}
	if err := s.Done("a"); err != nil {
		t.Fatal(err)
	}
	verify := func() {
		t.Helper()
		check(t, s, "b", "third try", content(100, 1))
		check(t, s, "c", "meta of c", content(100, 1))
		if _, _, err := s.Meta("a"); !errors.Is(err, spool.ErrNotFound) {
			t.Errorf("a is still there: %v", err)
		}
	}
	verify()
	s = reopen(t, s, o)
	verify()
	if err := s.Done("a"); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("Done twice: %v", err)
	}
	if err := s.Change("a", nil); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("Change of what is done: %v", err)
	}
	mustClose(t, s)
}

func TestBodyIsSharedAndGoesWithTheLast(t *testing.T) {
	s := open(t, small(spooltest.New(1)))
	mustPut(t, s, content(100, 1), "a", "b")
	_, ref, _ := s.Meta("a")
	if err := s.Done("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := readBody(s, ref); err != nil {
		t.Fatalf("body went with the first of two messages: %v", err)
	}
	r, err := s.OpenBody(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Done("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := readBody(s, ref); err != nil {
		t.Errorf("body went while it was open: %v", err)
	}
	r.Close()
	if _, err := readBody(s, ref); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("body stayed: %v", err)
	}
	mustClose(t, s)
}

func TestBodyThatIsNotCommittedGoes(t *testing.T) { synctest.Test(t, bodyThatIsNotCommittedGoes) }

func bodyThatIsNotCommittedGoes(t *testing.T) {
	fs := spooltest.New(1)
	s := open(t, small(fs))
	for _, n := range []int{100, 2 << 20} {
		ref, err := putBody(s, content(n, 1))
		if err != nil {
			t.Fatal(err)
		}
		s.Drop(ref)
		if _, err := s.OpenBody(ref); !errors.Is(err, spool.ErrNotFound) {
			t.Errorf("dropped body of %d bytes: %v", n, err)
		}
		err = s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{{ID: "x", Body: ref}}})
		if !errors.Is(err, spool.ErrNotFound) {
			t.Errorf("commit of a dropped body: %v", err)
		}
		b, _ := s.NewBody()
		if _, err := b.Write(content(n, 2)); err != nil {
			t.Fatal(err)
		}
		b.Abort()
		b.Abort()
	}
	if st := s.Stats(); st.Bodies != 0 || st.LiveBytes != 0 || st.BodyMemory != 0 {
		t.Errorf("something is left: %+v", st)
	}
	pass(2 * time.Second)
	mustClose(t, s)
	names, _ := fs.List("/spool")
	for _, n := range names {
		if strings.HasSuffix(n, ".body") {
			t.Errorf("%s was left over", n)
		}
	}
}

func TestCommitRefuses(t *testing.T) {
	s := open(t, small(spooltest.New(1)))
	mustPut(t, s, nil, "there")
	long := strings.Repeat("x", 256)
	entry := func(ids ...string) (b spool.Batch) {
		for _, id := range ids {
			b.Entries = append(b.Entries, spool.Entry{ID: id})
		}
		return b
	}
	foreign := entry("x")
	foreign.Entries[0].Body = message.BodyRef{Segment: 77, Offset: 32, Length: 5}
	for name, c := range map[string]struct {
		b    spool.Batch
		want error
	}{
		"empty": {spool.Batch{}, spool.ErrInvalid}, "no id": {entry(""), spool.ErrInvalid},
		"long id": {entry(long), spool.ErrInvalid}, "twice": {entry("a", "a"), spool.ErrInvalid},
		"exists": {entry("new", "there"), spool.ErrExists}, "no body": {foreign, spool.ErrNotFound},
	} {
		if err := s.Commit(context.Background(), c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Commit(gone, entry("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := each(t, s); len(got) != 1 {
		t.Errorf("refused batches left something: %v", got)
	}
	mustClose(t, s)
	if err := s.Commit(context.Background(), entry("x")); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := s.Done("there"); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("Done after Close: %v", err)
	}
	if _, err := s.NewBody(); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("NewBody after Close: %v", err)
	}
}

func TestSecondOpenerIsRefused(t *testing.T) {
	for name, o := range map[string]spool.Options{
		"os":     {Dir: t.TempDir(), Reserve: -1},
		"double": small(spooltest.New(1)),
	} {
		s := open(t, o)
		mustPut(t, s, nil, "a")
		if _, err := spool.Open(o); !errors.Is(err, spool.ErrLocked) {
			t.Errorf("%s: second opener: %v", name, err)
		}
		ro := o
		ro.ReadOnly = true
		look := open(t, ro)
		if got := each(t, look); len(got) != 1 {
			t.Errorf("%s: a look beside the daemon sees %v", name, got)
		}
		if err := look.Done("a"); !errors.Is(err, spool.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
		mustClose(t, look)
		s = reopen(t, s, o)
		mustClose(t, s)
	}
}

func TestBodyMemoryIsBounded(t *testing.T) {
	o := small(spooltest.New(1))
	o.BodyMemory = 100 << 10
	s := open(t, o)
	var open []*spool.Body
	for i := range 20 {
		b, err := s.NewBody()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Write(content(60<<10, byte(i))); err != nil {
			t.Fatal(err)
		}
		open = append(open, b)
	}
	if n := s.Stats().BodyMemory; n > 100<<10+20*(8<<10) {
		t.Errorf("bodies hold %d bytes", n)
	}
	for i, b := range open {
		ref, err := b.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readBody(s, ref); err != nil || !bytes.Equal(got, content(60<<10, byte(i))) {
			t.Errorf("body %d: %d bytes, %v", i, len(got), err)
		}
	}
	mustClose(t, s)
}

func TestReadAtInPieces(t *testing.T) {
	s := open(t, small(spooltest.New(1)))
	want := content(200<<10, 3)
	ref, err := putBody(s, want)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.OpenBody(ref)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 5000)
	for _, off := range []int64{0, 199 << 10, 5000, 7, 204800, 204799} {
		n, err := r.ReadAt(p, off)
		if err != nil && err != io.EOF || !bytes.Equal(p[:n], want[off:min(off+5000, int64(len(want)))]) {
			t.Errorf("ReadAt(%d): %d, %v", off, n, err)
		}
		if (err == io.EOF) != (off+5000 > int64(len(want))) {
			t.Errorf("ReadAt(%d): %v", off, err)
		}
	}
	if _, err := r.ReadAt(p, -1); err == nil {
		t.Error("a negative offset was read")
	}
	r.Close()
	r.Close()
	mustClose(t, s)
}

func TestUnsafeSaysSo(t *testing.T) {
	o, j := small(spooltest.New(1)), &journal{}
	o.Unsafe, o.Log = true, j.add
	s := open(t, o)
	mustPut(t, s, nil, "a")
	if n := s.Stats().Syncs; n != 0 {
		t.Errorf("%d syncs", n)
	}
	mustClose(t, s)
	if !j.has("IS LOST") {
		t.Errorf("no warning in %q", j.text)
	}
}
