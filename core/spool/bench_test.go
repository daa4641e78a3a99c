package spool_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
)

// cpu is what this process used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCommit makes messages durable on a real disk; cpu-us/op is the CPU
// time of the whole process for each.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		for _, writers := range []int{1, 20, 200} {
			b.Run(fmt.Sprintf("%dK/%d", size>>10, writers), func(b *testing.B) { benchCommit(b, size, writers, false) })
		}
	}
	b.Run("4K/20/done", func(b *testing.B) { benchCommit(b, 4<<10, 20, true) })
}

func benchCommit(b *testing.B, size, writers int, done bool) {
	s := open(b, spool.Options{Dir: filepath.Join(b.TempDir(), "spool")})
	body, meta := content(size, 1), message.Encode(letter("00/00-01974-EBDC39A4"))
	var next atomic.Int64
	var wg sync.WaitGroup
	before := cpu(b)
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := benchOne(s, message.ID{Counter: uint16(n), PID: 1974, Second: uint32(n >> 16)}.String(), body, meta, done); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	st := s.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(st.Commits)/float64(st.Groups), "msgs/group")
	mustClose(b, s)
}

func benchOne(s *spool.Store, id string, body, meta []byte, done bool) error {
	w, err := s.NewBody()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	ref, err := w.Close()
	if err != nil {
		return err
	}
	if err := s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{{ID: id, Meta: meta, Body: ref}}}); err != nil {
		return err
	}
	if done {
		return s.Done(id)
	}
	return nil
}

// fill puts n messages of 1 KiB, many at a time.
func fill(b testing.TB, s *spool.Store, n int) {
	body, meta := content(1<<10, 1), message.Encode(letter("00/00-01974-EBDC39A4"))
	for at := 0; at < n; {
		var batch spool.Batch
		for range 50 {
			ref, err := putBody(s, body)
			if err != nil {
				b.Fatal(err)
			}
			id := message.ID{Counter: uint16(at), PID: 1974, Second: uint32(at >> 16)}.String()
			batch.Entries = append(batch.Entries, spool.Entry{ID: id, Meta: meta, Body: ref})
			at++
		}
		if err := s.Commit(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func fillNew(b testing.TB, o spool.Options, n int) {
	s := open(b, o)
	fill(b, s, n)
	mustClose(b, s)
}

// BenchmarkOpen rebuilds the index of 200,000 messages after a crash: all but
// the last segment have footers. Each is the queue's part of a start. The files
// are in the page cache.
func BenchmarkOpen(b *testing.B) {
	const n = 200_000
	o := spool.Options{Dir: filepath.Join(b.TempDir(), "spool"), Unsafe: true}
	fillNew(b, o, n)
	var opening, reading time.Duration
	var heap uint64
	for b.Loop() {
		before := heapInUse()
		start := time.Now()
		s := open(b, o)
		opening += time.Since(start)
		heap = heapInUse() - before
		start = time.Now()
		if got := len(each(b, s)); got != n {
			b.Fatalf("%d messages", got)
		}
		reading += time.Since(start)
		mustClose(b, s)
	}
	rounds := float64(b.N)
	b.ReportMetric(n*rounds/opening.Seconds(), "open-msgs/s")
	b.ReportMetric(n*rounds/reading.Seconds(), "each-msgs/s")
	b.ReportMetric(n*rounds/(opening+reading).Seconds(), "start-msgs/s")
	b.ReportMetric(float64(heap)/n, "heap-B/msg")
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkScan rebuilds the index from a segment without a footer.
func BenchmarkScan(b *testing.B) {
	const n = 20_000
	fs := spooltest.New(1)
	o := spool.Options{Dir: "/spool", FS: fs, Reserve: -1}
	s := open(b, o)
	fill(b, s, n)
	left := fs.Cut()
	_ = s.Close() // the power is off
	o.FS, o.ReadOnly = left, true
	for b.Loop() {
		s := open(b, o)
		if got := s.Stats().Entries; got != n {
			b.Fatalf("%d messages", got)
		}
		mustClose(b, s)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func TestEachAfterHundredThousand(t *testing.T) {
	const n = 100_000
	o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool"), SegmentSize: 8 << 20, Unsafe: true, Reserve: -1}
	fillNew(t, o, n)
	before := heapInUse()
	s := open(t, o)
	if st := s.Stats(); st.Entries != n || st.Bodies != n {
		t.Errorf("%+v", st)
	}
	if grown := int64(heapInUse()) - int64(before); grown > 250*n {
		t.Errorf("%d bytes of memory a message", grown/n)
	}
	if got := len(each(t, s)); got != n {
		t.Errorf("Each gave %d messages, want %d", got, n)
	}
	mustClose(t, s)
}
