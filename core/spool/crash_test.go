package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
)

// What is promised of a message, as far as its owner knows.
type fate uint8

const (
	unknown  fate = iota // Commit did not return nil: all of the batch, or nothing
	accepted             // Commit returned nil: it must be there
	leaving              // Done was called: it may come back
	gone                 // Done, and a sync since; or not there after a crash
)

// mail is what the model knows of a message.
type mail struct {
	id      string
	batch   int
	body    []byte
	fate    fate
	metas   []string // what its metadata may be, oldest first
	changed bool     // a change since the last sync
	unsure  bool     // a change failed
}

// model is the world as the spool's users know it.
type model struct {
	mu      sync.Mutex
	mails   map[string]*mail
	batches int
}

// user is one of several that work on the spool at the same time, each on
// messages of its own.
type user struct {
	m    *model
	s    *spool.Store
	rng  *rand.Rand
	name string
	mine []*mail
	next int
}

func (u *user) work(off func() bool) {
	for !off() {
		switch n := u.rng.Intn(20); {
		case n < 8:
			u.put()
		case n < 11:
			u.change()
		case n < 16:
			u.done()
		case n < 17:
			u.sync()
		case n < 19:
			u.read()
		default:
			<-time.After(time.Duration(u.rng.Intn(1500)) * time.Millisecond)
		}
	}
}

func (u *user) put() {
	sizes := []int{0, 1, 300, 300, 300, 2000, 2000, 9000}
	size := sizes[u.rng.Intn(len(sizes))]
	if u.rng.Intn(40) == 0 {
		size = 1<<20 + 300
	}
	body := make([]byte, size)
	u.rng.Read(body)
	u.m.mu.Lock()
	u.m.batches++
	batch := u.m.batches
	var made []*mail
	for range 1 + u.rng.Intn(4) {
		u.next++
		m := &mail{id: fmt.Sprintf("%s-%d", u.name, u.next), batch: batch, body: body, metas: []string{fmt.Sprint("v1 ", u.next)}}
		u.m.mails[m.id] = m
		made = append(made, m)
	}
	u.m.mu.Unlock()
	ref, err := putBody(u.s, body)
	if err != nil {
		return
	}
	var b spool.Batch
	for _, m := range made {
		b.Entries = append(b.Entries, spool.Entry{ID: m.id, Meta: []byte(m.metas[0]), Body: ref})
	}
	if u.s.Commit(context.Background(), b) != nil {
		return
	}
	for _, m := range made {
		m.fate = accepted
		u.mine = append(u.mine, m)
	}
}

func (u *user) any() *mail {
	if len(u.mine) == 0 {
		return nil
	}
	return u.mine[u.rng.Intn(len(u.mine))]
}

func (u *user) change() {
	if m := u.any(); m != nil && m.fate == accepted {
		u.next++
		meta := fmt.Sprintf("by %s, %d", u.name, u.next)
		m.metas = append(m.metas, meta)
		m.changed = true
		if u.s.Change(m.id, []byte(meta)) != nil {
			m.unsure = true // which it is, nobody can say
		}
	}
}

func (u *user) done() {
	if m := u.any(); m != nil && m.fate == accepted {
		m.fate = leaving
		if u.s.Done(m.id) != nil {
			u.mine = slices.DeleteFunc(u.mine, func(o *mail) bool { return o == m })
		}
	}
}

// sync makes what this user did before it certain.
func (u *user) sync() {
	if u.s.Sync() != nil {
		return
	}
	for _, m := range u.mine {
		if m.fate == leaving {
			m.fate = gone
		}
		m.changed = false
	}
	u.mine = slices.DeleteFunc(u.mine, func(m *mail) bool { return m.fate == gone })
}

// read looks at a message while everybody else works.
func (u *user) read() {
	m := u.any()
	if m == nil || m.fate != accepted {
		return
	}
	_, ref, err := u.s.Meta(m.id)
	if err != nil {
		if !errors.Is(err, spooltest.ErrPowerOff) {
			m.metas = append(m.metas, "UNREADABLE "+err.Error())
		}
		return
	}
	got, err := readBody(u.s, ref)
	if err == nil && !bytes.Equal(got, m.body) || err != nil && !errors.Is(err, spooltest.ErrPowerOff) {
		m.metas = append(m.metas, fmt.Sprintf("WRONG BODY %v", err))
	}
}

// verify holds the model against what is there after a crash, and goes on from
// that.
func (m *model) verify(t *testing.T, s *spool.Store) {
	t.Helper()
	there := each(t, s)
	here, missing := map[int]string{}, map[int]string{}
	for id, meta := range there {
		if m.mails[id] == nil {
			t.Errorf("%s was never written: %q", id, meta)
		}
	}
	for id, mail := range m.mails {
		meta, found := there[id]
		switch {
		case found && mail.fate == gone:
			t.Errorf("%s came back after it was gone for good", id)
		case !found && mail.fate == accepted:
			t.Errorf("%s was accepted and is lost", id)
		case found:
			here[mail.batch] = id
			m.same(t, s, mail, meta)
		case mail.fate == unknown:
			missing[mail.batch] = id
		}
	}
	for batch, id := range missing {
		if other, some := here[batch]; some {
			t.Errorf("batch %d is there in part: %s is, %s is not", batch, other, id)
		}
	}
	for id, mail := range m.mails {
		if meta, found := there[id]; found {
			mail.fate, mail.metas, mail.changed, mail.unsure = accepted, []string{meta}, false, false
		} else {
			mail.fate = gone
		}
	}
}

func (m *model) same(t *testing.T, s *spool.Store, mail *mail, meta string) {
	t.Helper()
	for _, bad := range mail.metas {
		if bytes.HasPrefix([]byte(bad), []byte("UNREADABLE")) || bytes.HasPrefix([]byte(bad), []byte("WRONG")) {
			t.Errorf("%s: %s", mail.id, bad)
		}
	}
	at := slices.Index(mail.metas, meta)
	if at < 0 {
		t.Errorf("%s: metadata %q is none of %q", mail.id, meta, mail.metas)
	}
	if !mail.changed && !mail.unsure && mail.fate == accepted && at != len(mail.metas)-1 {
		t.Errorf("%s: metadata %q is old: %q was synced", mail.id, meta, mail.metas[len(mail.metas)-1])
	}
	_, ref, err := s.Meta(mail.id)
	if err != nil {
		t.Errorf("%s: %v", mail.id, err)
		return
	}
	if got, err := readBody(s, ref); err != nil || !bytes.Equal(got, mail.body) {
		t.Errorf("%s: fate %d, body %+v: %d bytes, %v, want %d bytes", mail.id, mail.fate, ref, len(got), err, len(mail.body))
	}
}

// trouble is what goes wrong beside the power.
type trouble func(fs *spooltest.FS, rng *rand.Rand)

// schedule runs several lives of a spool on one disk, each ended by a power
// cut.
func schedule(t *testing.T, seed int64, o spool.Options, bad trouble) {
	rng := rand.New(rand.NewSource(seed))
	fs := spooltest.New(seed)
	o.Preallocate = seed%2 == 1
	m := &model{mails: map[string]*mail{}}
	for life := range 6 {
		j := &journal{}
		o.FS, o.Log = fs, j.add
		s, err := spool.Open(o)
		if err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
		m.verify(t, s)
		if t.Failed() {
			_ = s.Close()
			t.Fatalf("seed %d, life %d; the log says:\n%q", seed, life, j.text)
		}
		bad(fs, rng)
		fs.CutAfter(20 + rng.Intn(500))
		m.live(t, s, rng, life, fs.Off)
		next := fs.Cut()
		_ = s.Close() // the power is off
		fs = next
		fs.SetFault(nil)
	}
}

func (m *model) live(t *testing.T, s *spool.Store, rng *rand.Rand, life int, off func() bool) {
	left := map[int][]*mail{}
	i := 0
	for _, mail := range m.mails {
		if mail.fate == accepted {
			left[i%4] = append(left[i%4], mail)
			i++
		}
	}
	limit := time.Now().Add(time.Hour)
	var wg sync.WaitGroup
	for n := range 4 {
		u := &user{m: m, s: s, rng: rand.New(rand.NewSource(rng.Int63())), name: fmt.Sprintf("%d.%d", life, n), mine: left[n]}
		wg.Go(func() { u.work(func() bool { return off() || time.Now().After(limit) }) })
	}
	wg.Wait()
}

func TestCrashes(t *testing.T) {
	for seed := range int64(25) {
		synctest.Test(t, func(t *testing.T) {
			schedule(t, seed, small(nil), func(*spooltest.FS, *rand.Rand) {})
		})
	}
}

func TestCrashesWithFailingSyncs(t *testing.T) {
	for seed := range int64(25) {
		synctest.Test(t, func(t *testing.T) {
			schedule(t, seed, small(nil), func(fs *spooltest.FS, rng *rand.Rand) {
				one := rand.New(rand.NewSource(rng.Int63()))
				fs.SetFault(func(op spooltest.Op, _ string) error {
					if (op == spooltest.OpSync || op == spooltest.OpWrite || op == spooltest.OpSyncDir) && one.Intn(40) == 0 {
						return syscall.EIO
					}
					return nil
				})
			})
		})
	}
}

func TestCrashesOnAFullDisk(t *testing.T) {
	for seed := range int64(25) {
		synctest.Test(t, func(t *testing.T) {
			o := small(nil)
			o.Reserve = 8 << 10
			schedule(t, seed, o, func(fs *spooltest.FS, rng *rand.Rand) { fs.SetCapacity(100<<10 + rng.Int63n(100<<10)) })
		})
	}
}
