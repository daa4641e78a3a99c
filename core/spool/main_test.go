package spool_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal keeps what the store logs.
type journal struct {
	mu   sync.Mutex
	text []string
}

func (j *journal) add(r sdk.LogRecord) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, r.Text)
}

func (j *journal) has(part string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range j.text {
		if bytes.Contains([]byte(t), []byte(part)) {
			return true
		}
	}
	return false
}

// small is a store with segments so small that tests fill many.
func small(fs spool.FS) spool.Options {
	return spool.Options{Dir: "/spool", FS: fs, SegmentSize: 16 << 10, Reserve: -1}
}

func open(t testing.TB, o spool.Options) *spool.Store {
	t.Helper()
	s, err := spool.Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func mustClose(t testing.TB, s *spool.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func putBody(s *spool.Store, content []byte) (message.BodyRef, error) {
	b, err := s.NewBody()
	if err != nil {
		return message.BodyRef{}, err
	}
	for len(content) > 0 {
		n := min(len(content), 10000)
		if _, err := b.Write(content[:n]); err != nil {
			b.Abort()
			return message.BodyRef{}, err
		}
		content = content[n:]
	}
	return b.Close()
}

// put stores one message per id, all of one body.
func put(s *spool.Store, content []byte, ids ...string) error {
	ref, err := putBody(s, content)
	if err != nil {
		return err
	}
	var b spool.Batch
	for _, id := range ids {
		b.Entries = append(b.Entries, spool.Entry{ID: id, Meta: []byte("meta of " + id), Body: ref})
	}
	return s.Commit(context.Background(), b)
}

func mustPut(t testing.TB, s *spool.Store, content []byte, ids ...string) {
	t.Helper()
	if err := put(s, content, ids...); err != nil {
		t.Fatalf("put %v: %v", ids, err)
	}
}

func readBody(s *spool.Store, ref message.BodyRef) ([]byte, error) {
	r, err := s.OpenBody(ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// check reads a message back whole.
func check(t testing.TB, s *spool.Store, id, meta string, content []byte) {
	t.Helper()
	got, ref, err := s.Meta(id)
	if err != nil || string(got) != meta {
		t.Errorf("%s: metadata %q, %v, want %q", id, got, err, meta)
		return
	}
	body, err := readBody(s, ref)
	if err != nil || !bytes.Equal(body, content) {
		t.Errorf("%s: body of %d bytes, %v, want %d bytes", id, len(body), err, len(content))
	}
}

func each(t testing.TB, s *spool.Store) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := s.Each(func(id string, meta []byte) error {
		if _, twice := found[id]; twice {
			return fmt.Errorf("%s twice", id)
		}
		found[id] = string(meta)
		return nil
	})
	if err != nil {
		t.Fatalf("Each: %v", err)
	}
	return found
}

func content(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ seed
	}
	return b
}

// reopen closes the store and opens it on the same files.
func reopen(t testing.TB, s *spool.Store, o spool.Options) *spool.Store {
	t.Helper()
	mustClose(t, s)
	return open(t, o)
}

// afterCut cuts the power and opens what is left.
func afterCut(t testing.TB, s *spool.Store, fs *spooltest.FS, o spool.Options) (*spool.Store, *spooltest.FS) {
	t.Helper()
	left := fs.Cut()
	s.Close()
	o.FS = left
	return open(t, o), left
}

// pass lets time go by inside a synctest bubble, until everything rests.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
