package spool

import (
	"fmt"
	"time"

	"github.com/mtad/mtad/core/message"
)

// maxInline is the largest body that goes into a segment, in bytes; above it a
// body has a file of its own, so that it is written once and never moved.
const maxInline = 1 << 20

// holdLimit is how long a body may wait for the commit that names it. A session
// that was lost before it committed leaves garbage until then.
const holdLimit = time.Hour

// bufSizes are the buffers a body grows through, in bytes, with room for the
// header of the record.
var bufSizes = [...]int{8 << 10, 72 << 10, 264 << 10, maxInline + headerSize}

// Body takes a body while it arrives. One goroutine uses it. It is kept in
// memory, up to maxInline and while there is memory, and written as one record
// by Close; else it streams into a file of its own.
type Body struct {
	s    *Store
	buf  []byte // with room for the header in front
	size int64
	err  error // the first one; sticky
	over bool  // Close or Abort was called
	ref  message.BodyRef

	file File
	num  uint64
	crc  uint32
	off  int64 // of the buffer's first byte in the file
}

// NewBody begins a body. It fails with ErrFull where the disk has no room for
// new mail.
func (s *Store) NewBody() (*Body, error) {
	s.mu.Lock()
	err := s.writable()
	s.mu.Unlock()
	if err == nil {
		err = s.roomy()
	}
	if err != nil {
		return nil, err
	}
	return &Body{s: s}, nil
}

// Write appends p. Once it failed (ErrFull, ErrFailed) it goes on failing.
func (b *Body) Write(p []byte) (int, error) {
	if b.over {
		return 0, ErrClosed
	}
	if b.size+int64(len(p)) > maxContent && b.err == nil {
		b.err = fmt.Errorf("%w: body over %d bytes", ErrInvalid, maxContent)
	}
	total := len(p)
	for len(p) > 0 && b.err == nil {
		n := min(len(p), b.room(len(p)))
		b.buf = append(b.buf, p[:n]...)
		b.size += int64(n)
		p = p[n:]
	}
	return total - len(p), b.err
}

// room makes room in the buffer for some of n bytes and says for how many.
func (b *Body) room(n int) int {
	if free := cap(b.buf) - len(b.buf); free >= n || free > 0 && b.file != nil {
		return free
	}
	if b.file == nil && len(b.buf)+n <= maxInline+headerSize && b.grow(len(b.buf)+n) {
		return n
	}
	if cap(b.buf) == 0 {
		b.grow(headerSize + 1)
	}
	if b.file == nil {
		b.err = b.spill()
	}
	if b.err == nil {
		b.err = b.flush()
	}
	return cap(b.buf) - len(b.buf)
}

// grow moves to a buffer for n bytes. The smallest is always granted: the
// number of sessions bounds those.
func (b *Body) grow(n int) bool {
	class := 0
	for bufSizes[class] < n {
		class++
	}
	more := int64(bufSizes[class] - cap(b.buf))
	if total := b.s.memory.Add(more); class > 0 && total > b.s.opts.BodyMemory {
		b.s.memory.Add(-more)
		return false
	}
	next := b.s.getBuf(class)
	if cap(b.buf) > 0 {
		next = append(next[:0], b.buf...)
		b.s.putBuf(b.buf)
	}
	b.buf = next
	return true
}

func (s *Store) getBuf(class int) []byte {
	if p, ok := s.bufs[class].Get().(*[]byte); ok {
		return (*p)[:headerSize]
	}
	return make([]byte, headerSize, bufSizes[class])
}

// putBuf gives a buffer back to its pool; the account of memory is the
// caller's.
func (s *Store) putBuf(buf []byte) {
	for class, size := range bufSizes {
		if cap(buf) == size {
			s.bufs[class].Put(&buf)
		}
	}
}

func (b *Body) release() {
	if cap(b.buf) > 0 {
		b.s.memory.Add(-int64(cap(b.buf)))
		b.s.putBuf(b.buf)
		b.buf = nil
	}
}

// spill goes over to a file.
func (b *Body) spill() error {
	b.s.mu.Lock()
	b.num = b.s.nextFile
	b.s.nextFile++
	b.s.mu.Unlock()
	f, err := b.s.opts.FS.Create(b.s.path(bodyName(b.num)))
	if err != nil {
		return wrapWrite(err)
	}
	b.file, b.off = f, headerSize
	return nil
}

// flush writes the buffer to the file.
func (b *Body) flush() error {
	data := b.buf[headerSize:]
	b.crc = addCRC(b.crc, data)
	if err := b.writeFile(data, b.off); err != nil {
		return err
	}
	b.off += int64(len(data))
	b.buf = b.buf[:headerSize]
	return nil
}

func (b *Body) writeFile(p []byte, off int64) error {
	_, err := b.file.WriteAt(p, off)
	b.s.free.Add(-int64(len(p)))
	if err != nil {
		return wrapWrite(err)
	}
	return nil
}

// Close ends the body and gives its reference, for Commit. The body stays until
// a batch that names it is committed and all its messages are done, until
// Abort or Drop, or for an hour.
func (b *Body) Close() (message.BodyRef, error) {
	if b.over {
		return message.BodyRef{}, ErrClosed
	}
	b.over = true
	defer b.release()
	if b.err == nil && b.file != nil {
		b.err = b.closeFile()
	} else if b.err == nil {
		b.err = b.closeInline()
	}
	if b.err != nil {
		b.discardFile()
		return message.BodyRef{}, b.err
	}
	return b.ref, nil
}

// closeInline appends the body to the log as one record, unsynced: the commit
// that names it syncs it.
func (b *Body) closeInline() error {
	if b.buf == nil {
		b.grow(headerSize)
	}
	crc := crcOf(b.buf[headerSize:])
	s := b.s
	s.mu.Lock()
	if err := s.writable(); err != nil {
		s.mu.Unlock()
		return err
	}
	sl, err := s.take(len(b.buf))
	s.mu.Unlock()
	if err != nil {
		return err
	}
	defer sl.finish()
	off := uint32(sl.off) + headerSize
	header{magic: sl.seg.magic, typ: recBody, length: uint32(b.size), id: uint64(bodyID(sl.seg.num, off)), crc: crc}.put(b.buf)
	if err := s.write(sl, b.buf); err != nil {
		return err
	}
	b.ref = message.BodyRef{Segment: uint64(sl.seg.num), Offset: int64(off), Length: b.size}
	s.hold(b.ref)
	return nil
}

// closeFile finishes the file and makes it durable, before any batch can name
// it.
func (b *Body) closeFile() error {
	if err := b.flush(); err != nil {
		return err
	}
	var head [headerSize]byte
	header{magic: fileMagic, typ: recBody, length: uint32(b.size), id: b.num, crc: b.crc}.put(head[:])
	if err := b.writeFile(head[:], 0); err != nil {
		return err
	}
	if err := b.s.syncFile(b.file); err != nil {
		return wrapWrite(err)
	}
	if err := b.s.syncDir(); err != nil {
		return wrapWrite(err)
	}
	err := b.file.Close()
	b.file = nil
	if err != nil {
		return wrapWrite(err)
	}
	b.ref = message.BodyRef{Segment: b.num, Offset: headerSize, Length: b.size, File: true}
	b.s.hold(b.ref)
	return nil
}

// discardFile removes a file that will not be named.
func (b *Body) discardFile() {
	if b.num == 0 {
		return
	}
	if b.file != nil {
		b.file.Close()
		b.file = nil
	}
	b.s.mu.Lock()
	b.s.garbage = append(b.s.garbage, fileKey(b.num))
	b.s.mu.Unlock()
}

// Abort drops the body, also after Close if no batch has named it. It may be
// called more than once.
func (b *Body) Abort() {
	if b.over {
		b.s.Drop(b.ref)
		return
	}
	b.over = true
	b.release()
	b.discardFile()
}

// hold keeps a body until a commit names it.
func (s *Store) hold(ref message.BodyRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := bodyKeyOf(ref)
	s.ref(k, ref.Length)
	s.held[k] = s.opts.Clock.Now()
	if seg := s.segs[s.bodies[k].seg]; !k.file() && seg != nil && seg.phase == phaseFailed {
		s.lose(k)
	}
}

// lose says that a body may never be durable. The caller holds mu.
func (s *Store) lose(k bodyKey) {
	s.lost[k] = struct{}{}
}

// letGo ends the hold of a body. The caller holds mu.
func (s *Store) letGo(k bodyKey) {
	if _, there := s.held[k]; there {
		delete(s.held, k)
		s.unref(k)
	}
}

// Drop says that a body which Close gave will not be committed. It does nothing
// to a body that was.
func (s *Store) Drop(ref message.BodyRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letGo(bodyKeyOf(ref))
}
