package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// damageFunc is told of bytes that are no sound record.
type damageFunc func(off, length int64, what string)

// tally counts damage, for one line in the log.
type tally struct {
	bytes, first, end int64
	places            int
	what              string
}

func (t *tally) add(off, length int64, what string) {
	if t.places == 0 {
		t.first, t.what = off, what
	}
	t.bytes += length
	t.end = max(t.end, off+length)
	t.places++
}

func (t *tally) String() string {
	return fmt.Sprintf("%d bytes in %d places, the first at offset %d (%s)", t.bytes, t.places, t.first, t.what)
}

// scanner reads the records of a segment one after the other, and finds the
// next one behind damage: by its length where the header is sound, by the
// segment's magic where it is not.
type scanner struct {
	in     window
	magic  uint64
	damage damageFunc
	next   int64 // offset of the record to come
	off    int64 // of the current record
	end    int64 // of the last record
	head   header
}

func newScanner(r io.ReaderAt, size int64, magic uint64, damage damageFunc) *scanner {
	return &scanner{in: window{r: r, size: size, damage: damage}, magic: magic, damage: damage}
}

// advance goes to the next record. It returns io.EOF at the end, and ErrVersion
// for a record of a newer version.
func (s *scanner) advance() error {
	for s.next < s.in.size {
		h, err := parseHeader(s.in.at(s.next, headerSize), s.magic)
		switch {
		case err == nil && s.next+headerSize+int64(h.length) <= s.in.size:
			s.off, s.head = s.next, h
			s.next += headerSize + int64(h.length)
			s.end = s.next
			return nil
		case errors.Is(err, ErrVersion):
			return err
		}
		s.resync()
	}
	return io.EOF
}

// resync looks for the next magic. What lies between is damage, unless it is
// the trailer or zeros, which a body that was never finished leaves.
func (s *scanner) resync() {
	from := s.next
	want := binary.LittleEndian.AppendUint64(nil, s.magic)
	pos := from + 1
	if s.isTrailer(from) {
		s.next = from + trailerSize
		return
	}
	for ; pos < s.in.size; pos += scanStep {
		b := s.in.at(pos, min(scanStep+len(want)-1, int(s.in.size-pos)))
		if i := bytes.Index(b, want); i >= 0 {
			pos += int64(i)
			break
		}
	}
	s.next = min(pos, s.in.size)
	end := from // of what is not zero
	for at := from; at < s.next; at += scanStep {
		b := s.in.at(at, min(scanStep, int(s.next-at)))
		if n := len(bytes.TrimRight(b, "\x00")); n > 0 {
			end = at + int64(n)
		}
	}
	if end > from {
		s.damage(from, end-from, "no sound record")
	}
}

const scanStep = 64 << 10

func (s *scanner) isTrailer(off int64) bool {
	_, _, ok := parseTrailer(s.in.at(off, trailerSize), s.magic, s.in.size)
	return ok
}

// content reads and verifies the current record's content, which is good until
// the next call of any method. What fails the check has been reported.
func (s *scanner) content() ([]byte, bool) {
	b := s.raw()
	if len(b) != int(s.head.length) || crcOf(b) != s.head.crc {
		s.damage(s.off, headerSize+int64(s.head.length), "content fails its checksum")
		return nil, false
	}
	return b, true
}

// raw is content without the check.
func (s *scanner) raw() []byte { return s.in.at(s.off+headerSize, int(s.head.length)) }

// window reads a file in large pieces. A piece that cannot be read is reported
// and reads as zeros, so that the rest can still be looked at.
type window struct {
	r      io.ReaderAt
	size   int64
	damage damageFunc
	step   int // bytes to read at once; 0: windowSize
	buf    []byte
	base   int64
	broken bool // something could not be read
}

const windowSize = 1 << 20

// at gives n bytes at off, fewer at the end of the file. They are good until
// the next call.
func (w *window) at(off int64, n int) []byte {
	n = int(min(int64(n), max(w.size-off, 0)))
	if off < w.base || off+int64(n) > w.base+int64(len(w.buf)) {
		w.load(off, n)
	}
	return w.buf[off-w.base:][:n]
}

func (w *window) load(off int64, n int) {
	step := w.step
	if step == 0 {
		step = windowSize
	}
	n = int(min(int64(max(n, step)), w.size-off))
	if cap(w.buf) < n || cap(w.buf) > 4*windowSize {
		w.buf = make([]byte, n)
	}
	w.buf, w.base = w.buf[:n], off
	if got, err := w.r.ReadAt(w.buf, off); got < n {
		w.piecewise(err)
	}
}

// piecewise reads the window block by block, to lose only what is lost.
func (w *window) piecewise(cause error) {
	const block = 4096
	for i := 0; i < len(w.buf); i += block {
		b := w.buf[i:min(i+block, len(w.buf))]
		if got, err := w.r.ReadAt(b, w.base+int64(i)); got < len(b) {
			clear(b[got:])
			w.broken = true
			if err == nil {
				err = cause
			}
			w.damage(w.base+int64(i), int64(len(b)), "cannot be read: "+err.Error())
		}
	}
}
