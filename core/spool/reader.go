package spool

import (
	"fmt"
	"io"
	"sync"

	"github.com/mtad/mtad/core/message"
)

// cachedBody is the size up to which OpenBody reads and verifies a body at
// once: one read, and the reader needs the file no more.
const cachedBody = 64 << 10

// BodyReader reads a body. ReadAt may be called from many goroutines. The body
// stays in the spool until Close, even when its last message is done.
type BodyReader struct {
	s     *Store
	key   bodyKey
	file  *sharedFile
	data  []byte // the whole of a small body
	magic uint64
	base  int64
	size  int64

	mu   sync.Mutex // guards the checksum of a read from the beginning to the end
	want uint32
	sum  uint32
	next int64
	once sync.Once
}

// OpenBody opens a body for reading. It fails with ErrNotFound, or with
// ErrCorrupt where the body is damaged; damage in a body over 64 KiB comes up
// in ReadAt.
func (s *Store) OpenBody(ref message.BodyRef) (*BodyReader, error) {
	r, err := s.pin(ref)
	if err != nil {
		return nil, err
	}
	if err = r.load(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// pin finds a body and keeps it.
func (s *Store) pin(ref message.BodyRef) (*BodyReader, error) {
	k := bodyKeyOf(ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	b, there := s.bodies[k]
	if !there || noBody(ref) {
		return nil, fmt.Errorf("%w: body %v", ErrNotFound, ref)
	}
	r := &BodyReader{s: s, key: k, base: int64(b.off), size: int64(b.size)}
	if !k.file() {
		seg := s.segs[b.seg]
		if seg == nil {
			return nil, fmt.Errorf("%w: body %v: segment %d is not there", ErrCorrupt, ref, b.seg)
		}
		r.file, r.magic = seg.file.acquire(), seg.magic
	}
	b.refs++
	s.bodies[k] = b
	return r, nil
}

// load opens a body's own file, reads the record's header, and all of a small
// body.
func (r *BodyReader) load() error {
	if r.key.file() {
		f, err := r.s.opts.FS.Open(r.s.path(bodyName(r.key.num())))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		r.file, r.magic = share(f), fileMagic
	}
	n := int64(headerSize)
	if r.size <= cachedBody {
		n += r.size
	}
	buf := make([]byte, n)
	if got, err := r.file.ReadAt(buf, r.base-headerSize); int64(got) < n {
		return fmt.Errorf("%w: body: %w", ErrCorrupt, err)
	}
	h, err := parseHeader(buf, r.magic)
	if err != nil || h.typ != recBody || int64(h.length) != r.size {
		return fmt.Errorf("%w: header of a body", ErrCorrupt)
	}
	r.want = h.crc
	if r.size > cachedBody {
		return nil
	}
	if r.data = buf[headerSize:]; crcOf(r.data) != h.crc {
		return fmt.Errorf("%w: body fails its checksum", ErrCorrupt)
	}
	return nil
}

// Size is the body's length in bytes.
func (r *BodyReader) Size() int64 { return r.size }

// ReadAt is io.ReaderAt. A body that is read from its beginning to its end, in
// order, is verified: the last read fails with ErrCorrupt where it is damaged,
// so that damaged mail is never sent to its end.
func (r *BodyReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > r.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > r.size-off
	p = p[:min(int64(len(p)), r.size-off)]
	n := 0
	var err error
	if r.data != nil {
		n = copy(p, r.data[off:])
	} else if n, err = r.file.ReadAt(p, r.base+off); n == len(p) {
		err = r.verify(p, off)
	}
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

func (r *BodyReader) verify(p []byte, off int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if off == 0 {
		r.sum, r.next = 0, 0
	}
	if off != r.next {
		return nil
	}
	r.sum = addCRC(r.sum, p)
	r.next += int64(len(p))
	if r.next == r.size && r.sum != r.want {
		return fmt.Errorf("%w: body fails its checksum", ErrCorrupt)
	}
	return nil
}

// Close lets go of the body. It may be called more than once.
func (r *BodyReader) Close() (err error) {
	r.once.Do(func() {
		if r.file != nil {
			err = r.file.release()
		}
		r.s.mu.Lock()
		r.s.unref(r.key)
		r.s.mu.Unlock()
	})
	return err
}
