package credential

import (
	"errors"
	"os"
	"sync"
)

// Reader looks passwords up for a long time. It reads the files again when they
// are others. It is safe for concurrent use.
type Reader struct {
	Files

	mu    sync.Mutex
	seen  [2]os.FileInfo
	keys  keys
	store *store
}

// Lookup gives the password for an account; found is false where there is none.
// No error holds a password.
func (r *Reader) Lookup(a Account) (password string, found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(); err != nil {
		return "", false, err
	}
	password, found, err = r.find(a)
	if err != nil { // read while credmgr was between the two files?
		r.store = nil
		if err := r.refresh(); err != nil {
			return "", false, err
		}
		return r.find(a)
	}
	return password, found, err
}

func (r *Reader) find(a Account) (password string, found bool, err error) {
	e := r.store.find(a)
	if e == nil {
		return "", false, nil
	}
	password, err = e.open(r.keys)
	return password, err == nil, err
}

// Check reads the files, so that a configuration which names useless ones is
// refused.
func (r *Reader) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh()
}

func (r *Reader) refresh() error {
	var now [2]os.FileInfo
	for i, path := range [...]string{r.Key, r.Files.Store} {
		st, err := os.Stat(path)
		if err != nil {
			r.store = nil
			return err
		}
		now[i] = st
	}
	if r.store != nil && same(now[0], r.seen[0]) && same(now[1], r.seen[1]) {
		return nil
	}
	r.store = nil
	s, err := readStore(r.Files.Store)
	ks, failed := readKeys(r.Key)
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	r.store, r.keys, r.seen = s, ks, now
	return nil
}

func same(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
