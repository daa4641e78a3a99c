package spooltest

import (
	"errors"
	"io"
	"io/fs"
	"math/rand"
	"path"
	"sync"
	"syscall"

	"github.com/mtad/mtad/core/spool"
)

// Op is a kind of operation.
type Op uint8

// The operations that a fault can hit.
const (
	OpCreate Op = iota
	OpOpen
	OpRead
	OpWrite
	OpSync
	OpRemove
	OpRename
	OpTruncate
	OpSyncDir
)

// ErrPowerOff is what every operation fails with after the power was cut.
var ErrPowerOff = errors.New("spooltest: power is off")

// FS is the file system. It is safe for concurrent use.
type FS struct {
	mu       sync.Mutex
	rng      *rand.Rand
	seen     map[string]*node // names as a process sees them
	disk     map[string]*node // names as the disk has them
	names    []nameOp         // not synced
	locked   map[string]bool
	fault    func(Op, string) error
	capacity int64
	ops      int // until the power is cut; negative: never
	image    *FS // what the power cut left
}

// nameOp is a creation or a removal (node nil) of a name, or both at once.
type nameOp struct {
	name string
	node *node
	from string // the name it had, "": none
}

// New makes an empty file system; seed decides what a power cut takes.
func New(seed int64) *FS {
	return &FS{
		rng: rand.New(rand.NewSource(seed)), seen: map[string]*node{}, disk: map[string]*node{},
		locked: map[string]bool{}, ops: -1,
	}
}

// SetFault makes f decide, before each operation, whether it fails. nil: none
// does.
func (f *FS) SetFault(fault func(Op, string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// SetCapacity limits the bytes in all files; 0: no limit.
func (f *FS) SetCapacity(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = n
}

// CutAfter cuts the power before the n-th operation from now that changes
// something.
func (f *FS) CutAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops = n
}

// Cut cuts the power, unless CutAfter did, and gives what the disk holds after
// it: everything that was synced, and of the rest whatever chance left.
func (f *FS) Cut() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut()
	return f.image
}

// Off reports whether the power is cut.
func (f *FS) Off() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.image != nil
}

// Flip changes one bit of a file.
func (f *FS) Flip(name string, off int64, bit uint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.seen[name]
	n.data[off] ^= 1 << (bit % 8)
	n.durable = append(n.durable[:0], n.data...)
	n.pending = nil
}

// Contents gives a file's bytes.
func (f *FS) Contents(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]byte(nil), f.seen[name].data...)
}

func (f *FS) cut() {
	if f.image != nil {
		return
	}
	for _, op := range f.names {
		// Each name reaches the disk by itself.
		if f.rng.Intn(2) == 0 {
			f.setDisk(op)
		}
	}
	f.image = New(f.rng.Int63())
	f.image.capacity = f.capacity
	kept := f.rng.Intn(3) // nothing, chance, or all of what was not synced
	for name, n := range f.disk {
		data := n.afterCut(f.rng, kept)
		left := &node{data: data, durable: append([]byte(nil), data...)}
		f.image.seen[name], f.image.disk[name] = left, left
	}
}

func (f *FS) setDisk(op nameOp) {
	if op.from != "" {
		delete(f.disk, op.from)
	}
	if op.node == nil {
		delete(f.disk, op.name)
	} else {
		f.disk[op.name] = op.node
	}
}

// enter begins an operation: it is where the power goes and faults strike. The
// caller holds mu.
func (f *FS) enter(op Op, name string) error {
	if op != OpRead && op != OpOpen && f.ops >= 0 {
		if f.ops--; f.ops < 0 {
			f.cut()
		}
	}
	if f.image != nil {
		return ErrPowerOff
	}
	if f.fault != nil {
		if err := f.fault(op, name); err != nil {
			return &fs.PathError{Op: "spooltest", Path: name, Err: err}
		}
	}
	return nil
}

// MkdirAll is spool.FS.MkdirAll: directories need not be made here.
func (f *FS) MkdirAll(string) error { return nil }

// Create is spool.FS.Create.
func (f *FS) Create(name string) (spool.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpCreate, name); err != nil {
		return nil, err
	}
	if f.seen[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &node{}
	f.seen[name] = n
	f.names = append(f.names, nameOp{name: name, node: n})
	return &file{fs: f, name: name, node: n}, nil
}

// Open is spool.FS.Open.
func (f *FS) Open(name string) (spool.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpOpen, name); err != nil {
		return nil, err
	}
	n := f.seen[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{fs: f, name: name, node: n}, nil
}

// OpenWrite is spool.FS.OpenWrite.
func (f *FS) OpenWrite(name string) (spool.File, error) { return f.Open(name) }

// Remove is spool.FS.Remove.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpRemove, name); err != nil {
		return err
	}
	if f.seen[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(f.seen, name)
	f.names = append(f.names, nameOp{name: name})
	return nil
}

// Rename is spool.FS.Rename.
func (f *FS) Rename(name, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpRename, name); err != nil {
		return err
	}
	n := f.seen[name]
	if n == nil || f.seen[to] != nil {
		return &fs.PathError{Op: "rename", Path: name, Err: fs.ErrNotExist}
	}
	delete(f.seen, name)
	f.seen[to] = n
	f.names = append(f.names, nameOp{name: to, node: n, from: name})
	return nil
}

// List is spool.FS.List.
func (f *FS) List(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpOpen, dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range f.seen {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// SyncDir is spool.FS.SyncDir.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(OpSyncDir, dir); err != nil {
		return err
	}
	for _, op := range f.names {
		f.setDisk(op)
	}
	f.names = nil
	return nil
}

// Free is spool.FS.Free.
func (f *FS) Free(string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.room(), nil
}

// room is how many bytes fit. The caller holds mu.
func (f *FS) room() int64 {
	if f.capacity == 0 {
		return 1 << 40
	}
	left := f.capacity
	for _, n := range f.seen {
		left -= int64(len(n.data))
	}
	return max(left, 0)
}

// Lock is spool.FS.Lock.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.image != nil {
		return nil, ErrPowerOff
	}
	if f.locked[name] {
		return nil, spool.ErrLocked
	}
	f.locked[name] = true
	return closer(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.locked, name)
		return nil
	}), nil
}

type closer func() error

// Close is io.Closer.
func (c closer) Close() error { return c() }

// full is the error of a disk without room.
func full(name string) error {
	return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
}
