package spooltest

import (
	"bytes"
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/mtad/mtad/core/spool"
)

func create(t *testing.T, f *FS, name string) spool.File {
	t.Helper()
	file, err := f.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func write1(t *testing.T, f spool.File, off int64, b []byte) {
	t.Helper()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

func TestPowerCut(t *testing.T) {
	lost, kept, torn, nameless := 0, 0, 0, 0
	for seed := range int64(200) {
		f := New(seed)
		a := create(t, f, "/d/synced")
		write1(t, a, 0, bytes.Repeat([]byte("a"), 2000))
		if err := errors.Join(a.Sync(), f.SyncDir("/d")); err != nil {
			t.Fatal(err)
		}
		write1(t, a, 1000, bytes.Repeat([]byte("b"), 2000))
		write1(t, create(t, f, "/d/nameless"), 0, []byte("x"))
		left := f.Cut()
		if _, err := a.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrPowerOff) {
			t.Errorf("a file works without power: %v", err)
		}
		got := left.Contents("/d/synced")
		if len(got) < 2000 || !bytes.Equal(got[:1000], bytes.Repeat([]byte("a"), 1000)) {
			t.Fatalf("seed %d: synced bytes are lost", seed)
		}
		n := bytes.Count(got, []byte("b"))
		switch {
		case n == 0:
			lost++
		case n == 2000:
			kept++
		default:
			torn++
			if got[1023] != got[1000] || len(got) > 1536 && got[1024] != got[1535] {
				t.Errorf("seed %d: torn inside a sector", seed)
			}
		}
		if _, err := left.Open("/d/nameless"); errors.Is(err, fs.ErrNotExist) {
			nameless++
		}
	}
	if lost == 0 || kept == 0 || torn == 0 || nameless == 0 || nameless == 200 {
		t.Errorf("%d lost, %d kept, %d torn, %d nameless: chance takes no part", lost, kept, torn, nameless)
	}
}

func TestFailedSyncLosesData(t *testing.T) {
	lost := 0
	for seed := range int64(50) {
		f := New(seed)
		a := create(t, f, "/d/a")
		write1(t, a, 0, []byte("x"))
		if err := f.SyncDir("/d"); err != nil {
			t.Fatal(err)
		}
		f.SetFault(func(op Op, _ string) error {
			if op == OpSync {
				return syscall.EIO
			}
			return nil
		})
		if err := a.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("Sync: %v", err)
		}
		f.SetFault(nil)
		if err := a.Sync(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Contents("/d/a"), []byte("x")) {
			t.Error("what was written is not seen any more")
		}
		if len(f.Cut().Contents("/d/a")) == 0 {
			lost++
		}
	}
	if lost == 0 || lost == 50 {
		t.Errorf("%d of 50 lost", lost)
	}
}

func TestFullDisk(t *testing.T) {
	f := New(1)
	f.SetCapacity(100)
	a := create(t, f, "/d/a")
	n, err := a.WriteAt(make([]byte, 150), 0)
	if n != 100 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := a.WriteAt(make([]byte, 50), 50); err != nil {
		t.Errorf("overwriting needs no room: %v", err)
	}
	if free, _ := f.Free("/d"); free != 0 {
		t.Errorf("%d bytes are free", free)
	}
	if err := f.Remove("/d/a"); err != nil {
		t.Fatal(err)
	}
	if free, _ := f.Free("/d"); free != 100 {
		t.Errorf("%d bytes are free", free)
	}
}
