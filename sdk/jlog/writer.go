package jlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The numbers of the format.
const (
	magic = 0x663A7318
	safe  = 1 // the library's default: no sync
	// SegmentLimit is what a segment of a new jlog holds, in bytes; the last
	// message may reach over it.
	SegmentLimit = 4 << 20
	// MaxMessage bounds a message, in bytes.
	MaxMessage = 64 << 20

	headerSize = 16
)

// ErrFormat is the error of a directory that holds something else.
var ErrFormat = errors.New("not a jlog, or a compressed one")

// Writer appends messages. Writers of several processes may share a jlog.
type Writer struct {
	dir  string
	mode os.FileMode
	meta *os.File

	number uint32 // of segment
	limit  uint32
	data   *os.File
}

// Split takes PATH=>SUBSCRIBER, or PATH?subscribers=A,B=>, apart.
func Split(rest string) (dir string, subscribers []string) {
	dir, names, _ := strings.Cut(rest, "=>")
	if i := strings.LastIndex(dir, "?subscribers="); i >= 0 {
		dir, names = dir[:i], dir[i+len("?subscribers="):]
	}
	for _, name := range strings.Split(names, ",") {
		if name != "" {
			subscribers = append(subscribers, name)
		}
	}
	return dir, subscribers
}

// Create opens a jlog to write to, and makes what is not there. A new subscriber
// gets what is written from now on.
func Create(ctx context.Context, dir string, mode os.FileMode, subscribers ...string) (*Writer, error) {
	return CreateWith(ctx, dir, Options{Mode: mode, Segment: SegmentLimit}, subscribers...)
}

// Options are for a jlog that is made.
type Options struct {
	Mode    os.FileMode
	Segment uint32 // bytes of a segment
}

// CreateWith is Create with segments of another size.
func CreateWith(ctx context.Context, dir string, o Options, subscribers ...string) (*Writer, error) {
	if err := makeEmpty(dir, o); err != nil {
		return nil, err
	}
	meta, err := os.OpenFile(filepath.Join(dir, "metastore"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, mode: o.Mode, meta: meta}
	err = locked(ctx, meta, w.readMeta)
	for _, name := range subscribers {
		if err == nil {
			err = subscribe(dir, name, ID{Segment: w.number}, o.Mode)
		}
	}
	if err == nil {
		err = w.openSegment()
	}
	if err == nil {
		err = locked(ctx, w.data, w.mend)
	}
	if err != nil {
		_ = w.Close() // it is not used
		return nil, err
	}
	return w, nil
}

// makeEmpty makes an empty jlog where there is none. The metastore appears with
// its content, so that nobody reads an empty one.
func makeEmpty(dir string, o Options) error {
	name := filepath.Join(dir, "metastore")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if err := os.Mkdir(dir, o.Mode|o.Mode>>2&0o111); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(dir, ".metastore")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(numbers(0, o.Segment, safe, magic))
	if err = errors.Join(err, f.Chmod(o.Mode), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func numbers(list ...uint32) []byte {
	var out []byte
	for _, v := range list {
		out = binary.NativeEndian.AppendUint32(out, v)
	}
	return out
}

// readMetastore gives the segment that is written to and the limit of one.
func readMetastore(f io.ReaderAt) (number, limit uint32, err error) {
	var b [16]byte
	if _, err := f.ReadAt(b[:], 0); err != nil || binary.NativeEndian.Uint32(b[12:]) != magic {
		return 0, 0, ErrFormat
	}
	return binary.NativeEndian.Uint32(b[:]), binary.NativeEndian.Uint32(b[4:]), nil
}

func (w *Writer) readMeta() (err error) {
	w.number, w.limit, err = readMetastore(w.meta)
	return err
}

func segmentName(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%08x", number))
}

func (w *Writer) openSegment() (err error) {
	if w.data != nil {
		_ = w.data.Close() // all is written
	}
	w.data, err = os.OpenFile(segmentName(w.dir, w.number), os.O_RDWR|os.O_CREATE|os.O_APPEND, w.mode)
	return err
}

// mend cuts off what a writer that died left of a message.
func (w *Writer) mend() error {
	info, err := w.data.Stat()
	if err != nil {
		return err
	}
	var at int64
	for at < info.Size() {
		h, err := readHeader(w.data, at)
		if err != nil || at+headerSize+int64(h.length) > info.Size() {
			break
		}
		at += headerSize + int64(h.length)
	}
	if at == info.Size() || !w.onlyTorn(at, info.Size()) {
		return nil
	}
	return w.data.Truncate(at)
}

// onlyTorn reports that no message begins behind a broken one.
func (w *Writer) onlyTorn(at, size int64) bool {
	_, found, err := findHeader(w.data, at+1, size)
	return err == nil && !found
}

// Write appends a message. What does not fit the disk is not there at all.
func (w *Writer) Write(p []byte) (int, error) {
	if len(p) > MaxMessage {
		return 0, fmt.Errorf("a message of %d bytes is too long", len(p))
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	now := time.Now()
	record := append(numbers(magic, uint32(now.Unix()), uint32(now.Nanosecond()/1000), uint32(len(p))), p...)
	for {
		full := false
		err := locked(ctx, w.data, func() (err error) {
			full, err = w.append(record)
			return err
		})
		if err != nil {
			return 0, err
		}
		if !full {
			return len(p), nil
		}
		if err := w.roll(ctx); err != nil {
			return 0, err
		}
	}
}

func (w *Writer) append(record []byte) (full bool, err error) {
	info, err := w.data.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() >= int64(w.limit) {
		return true, nil
	}
	if _, err = w.data.Write(record); err != nil {
		return false, errors.Join(err, w.data.Truncate(info.Size()))
	}
	return false, nil
}

// roll goes to the next segment, unless another writer did.
func (w *Writer) roll(ctx context.Context) error {
	err := locked(ctx, w.meta, func() error {
		was := w.number
		if err := w.readMeta(); err != nil || w.number != was {
			return err
		}
		w.number++
		_, err := w.meta.WriteAt(numbers(w.number), 0)
		return err
	})
	if err != nil {
		return err
	}
	return w.openSegment()
}

// Close closes the files.
func (w *Writer) Close() error {
	var err error
	if w.data != nil {
		err = w.data.Close()
	}
	return errors.Join(err, w.meta.Close())
}
