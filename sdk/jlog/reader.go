package jlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ID is a place in a jlog: a segment, and the number of a message in it, from 1
// on. As a checkpoint it is the last message that was had; message 0 is none.
type ID struct{ Segment, Message uint32 }

// String is the library's form: 00000002:0000001f.
func (id ID) String() string { return fmt.Sprintf("%08x:%08x", id.Segment, id.Message) }

// Record is a message.
type Record struct {
	ID   ID
	Time time.Time // when it was written
	Data []byte
}

// header is what stands before a message.
type header struct {
	seconds, micros, length uint32
}

func parseHeader(b []byte) (header, bool) {
	n := binary.NativeEndian
	h := header{n.Uint32(b[4:]), n.Uint32(b[8:]), n.Uint32(b[12:])}
	return h, n.Uint32(b) == magic && h.length <= MaxMessage
}

func readHeader(f io.ReaderAt, at int64) (header, error) {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return header{}, err
	}
	h, ok := parseHeader(b[:])
	if !ok {
		return h, ErrFormat
	}
	return h, nil
}

// findHeader looks for the next message between two offsets.
func findHeader(f io.ReaderAt, from, to int64) (at int64, found bool, err error) {
	mark := numbers(magic)
	buf := make([]byte, 64<<10)
	for from < to {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return 0, false, err
		}
		if i := bytes.Index(buf[:n], mark); i >= 0 {
			return from + int64(i), true, nil
		}
		from += int64(max(1, n-len(mark)+1))
	}
	return 0, false, nil
}

// Reader gives a subscriber its messages. One goroutine uses it.
type Reader struct {
	dir  string
	meta *os.File
	cp   *os.File
	data *os.File
	last ID    // what was read last
	at   int64 // offset behind it
	done ID    // the checkpoint
}

// Open opens a jlog for a subscriber, who begins behind its checkpoint.
func Open(dir, subscriber string) (*Reader, error) {
	meta, err := os.Open(filepath.Join(dir, "metastore"))
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, meta: meta}
	if _, _, err = readMetastore(meta); err == nil {
		r.cp, err = os.OpenFile(checkpointName(dir, subscriber), os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("no subscriber %q", subscriber)
		}
	}
	if err == nil {
		r.done, err = readCheckpoint(r.cp)
	}
	if err == nil {
		err = r.seek()
	}
	if err != nil {
		_ = r.Close() // it is not used
		return nil, err
	}
	return r, nil
}

// seek goes behind the checkpoint.
func (r *Reader) seek() error {
	r.last, r.at = ID{Segment: r.done.Segment}, 0
	for r.last.Message < r.done.Message {
		rec, err := r.inSegment()
		if errors.Is(err, io.EOF) {
			return nil // it is off the end: the library goes on at the end, too
		}
		if err != nil {
			return err
		}
		r.last = rec.ID
	}
	return nil
}

// Next gives the next message; io.EOF: there is none yet. A message that is
// damaged is left out.
func (r *Reader) Next() (Record, error) {
	for {
		newest, _, err := readMetastore(r.meta) // before the look for more: a segment behind is complete
		if err != nil {
			return Record{}, err
		}
		rec, err := r.inSegment()
		if !errors.Is(err, io.EOF) {
			r.last = rec.ID
			return rec, err
		}
		if r.last.Segment >= newest {
			return Record{}, io.EOF
		}
		if r.data != nil {
			_ = r.data.Close() // it was read only
			r.data = nil
		}
		r.last, r.at = ID{Segment: r.last.Segment + 1}, 0
	}
}

// inSegment reads the next message of the segment.
func (r *Reader) inSegment() (Record, error) {
	if r.data == nil {
		f, err := os.Open(segmentName(r.dir, r.last.Segment))
		if errors.Is(err, os.ErrNotExist) {
			return Record{}, io.EOF
		}
		if err != nil {
			return Record{}, err
		}
		r.data = f
	}
	info, err := r.data.Stat()
	if err != nil {
		return Record{}, err
	}
	h, err := readHeader(r.data, r.at)
	if errors.Is(err, ErrFormat) {
		var found bool
		if r.at, found, err = r.resync(info.Size()); err == nil && !found {
			err = io.EOF
		}
		if err == nil {
			h, err = readHeader(r.data, r.at)
		}
	}
	if err != nil {
		return Record{}, err
	}
	if r.at+headerSize+int64(h.length) > info.Size() {
		return Record{}, io.EOF // it is being written
	}
	data := make([]byte, h.length)
	if _, err := r.data.ReadAt(data, r.at+headerSize); err != nil {
		return Record{}, err
	}
	r.at += headerSize + int64(h.length)
	id := ID{r.last.Segment, r.last.Message + 1}
	return Record{id, time.Unix(int64(h.seconds), int64(h.micros)*1000), data}, nil
}

// resync goes to the next message that is whole to look at.
func (r *Reader) resync(size int64) (int64, bool, error) {
	for at := r.at + 1; ; at++ {
		next, found, err := findHeader(r.data, at, size)
		if err != nil || !found {
			return r.at, false, err
		}
		if _, err := readHeader(r.data, next); err == nil {
			return next, true, nil
		}
		at = next
	}
}

// Checkpoint says that all up to id has been had. Segments that nobody waits for
// any more are removed.
func (r *Reader) Checkpoint(id ID) error {
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	old := r.done
	err := locked(ctx, r.cp, func() error {
		_, err := r.cp.WriteAt(numbers(id.Segment, id.Message), 0)
		return err
	})
	if err != nil {
		return err
	}
	r.done = id
	if id.Segment > old.Segment {
		return prune(r.dir, id.Segment)
	}
	return nil
}

// Done is the checkpoint.
func (r *Reader) Done() ID { return r.done }

// Rewind goes back to the checkpoint.
func (r *Reader) Rewind() error {
	if r.data != nil {
		_ = r.data.Close() // it was read only
		r.data = nil
	}
	return r.seek()
}

// Close closes the files.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range []*os.File{r.meta, r.cp, r.data} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
