package spooltest

import (
	"io"
	"math/rand"
)

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

// node is a file's content, as it is seen and as the disk has it.
type node struct {
	data    []byte
	durable []byte
	pending []write // seen, not synced
}

// write is a write, or a cut at off.
type write struct {
	off  int64
	data []byte
	cut  bool
}

func apply(dst []byte, w write) []byte {
	if w.cut {
		return dst[:min(w.off, int64(len(dst)))]
	}
	if grow := w.off + int64(len(w.data)) - int64(len(dst)); grow > 0 {
		dst = append(dst, make([]byte, grow)...)
	}
	copy(dst[w.off:], w.data)
	return dst
}

// sectors cuts a write at the sectors' borders.
func (w write) sectors(f func(sector int64, part write)) {
	for off := w.off; off < w.off+int64(len(w.data)); {
		end := min((off/sectorSize+1)*sectorSize, w.off+int64(len(w.data)))
		f(off/sectorSize, write{off: off, data: w.data[off-w.off : end-w.off]})
		off = end
	}
}

// afterCut is what the disk has when the power is cut. Each sector was written
// back at some moment since the last sync, or not at all.
func (n *node) afterCut(rng *rand.Rand, kept int) []byte {
	left := append([]byte(nil), n.durable...)
	upTo := map[int64]int{}
	for i, w := range n.pending {
		if w.cut {
			if rng.Intn(2) < kept {
				left = apply(left, w)
			}
			continue
		}
		w.sectors(func(sector int64, part write) {
			if _, drawn := upTo[sector]; !drawn {
				upTo[sector] = [...]int{0, rng.Intn(len(n.pending)+1) * rng.Intn(2), len(n.pending)}[kept]
				if kept == 1 && rng.Intn(2) == 0 {
					upTo[sector] = len(n.pending)
				}
			}
			if i < upTo[sector] {
				left = apply(left, part)
			}
		})
	}
	return left
}

func (n *node) sync() {
	for _, w := range n.pending {
		n.durable = apply(n.durable, w)
	}
	n.pending = nil
}

// syncFailed is what a kernel leaves after a failed sync: some of it reached
// the disk, the rest is still seen but will never be written.
func (n *node) syncFailed(rng *rand.Rand) {
	for _, w := range n.pending {
		if w.cut {
			continue
		}
		w.sectors(func(_ int64, part write) {
			if rng.Intn(2) == 0 {
				n.durable = apply(n.durable, part)
			}
		})
	}
	n.pending = nil
}

// file is an open file.
type file struct {
	fs   *FS
	name string
	node *node
}

// ReadAt is io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.enter(OpRead, f.name); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt is io.WriterAt. On a full disk it writes what fits.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.enter(OpWrite, f.name); err != nil {
		return 0, err
	}
	var err error
	n := len(p)
	if room := int64(len(f.node.data)) + f.fs.room(); off+int64(n) > room {
		n, err = int(max(room-off, 0)), full(f.name)
	}
	if n > 0 {
		w := write{off: off, data: append([]byte(nil), p[:n]...)}
		f.node.data = apply(f.node.data, w)
		f.node.pending = append(f.node.pending, w)
	}
	return n, err
}

// Sync is spool.File.Sync.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.enter(OpSync, f.name); err != nil {
		f.node.syncFailed(f.fs.rng)
		return err
	}
	f.node.sync()
	return nil
}

// Truncate is spool.File.Truncate. What it cuts off is gone at once, and comes
// back after a power cut unless it was synced.
func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.enter(OpTruncate, f.name); err != nil {
		return err
	}
	f.node.data = f.node.data[:min(size, int64(len(f.node.data)))]
	f.node.pending = append(f.node.pending, write{off: size, cut: true})
	return nil
}

// Size is spool.File.Size.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

// Close is io.Closer.
func (f *file) Close() error { return nil }
