package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// jlogFile writes a jlog, a queue of messages for several readers in a directory
// (the format is that of OmniTI's libjlog, numbers in the machine's byte order):
//
//	metastore      number of the segment written to, its size limit, safety, magic
//	00000000       a segment: of each message magic, seconds, microseconds, length, content
//	cp.HEX         where a subscriber has read to: segment, message; HEX is its name
type jlogFile struct {
	dir  string
	mode os.FileMode
	meta *os.File

	number uint32 // of segment
	limit  uint32
	data   *os.File
}

const (
	jlogMagic = 0x663A7318
	jlogLimit = 4 << 20 // bytes of a segment
	jlogSafe  = 1       // the library's default: no sync
	jlogMax   = 64 << 20
)

var errJLogFormat = errors.New("not a jlog, or a compressed one")

// openJLog opens PATH=>SUBSCRIBER, or PATH=>?subscribers=A,B, and makes what is
// not there.
func openJLog(ctx context.Context, rest string, mode os.FileMode) (ioHandle, error) {
	dir, names, _ := strings.Cut(rest, "=>")
	if i := strings.LastIndex(dir, "?subscribers="); i >= 0 {
		dir, names = dir[:i], dir[i+len("?subscribers="):]
	}
	if err := makeJLog(dir, mode); err != nil {
		return nil, err
	}
	meta, err := os.OpenFile(filepath.Join(dir, "metastore"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	j := &jlogFile{dir: dir, mode: mode, meta: meta}
	err = locked(ctx, meta, j.readMeta)
	for _, name := range strings.Split(names, ",") {
		if err == nil && name != "" {
			err = j.subscribe(name)
		}
	}
	if err == nil {
		err = j.openSegment()
	}
	if err != nil {
		_ = j.Close() // it is not used
		return nil, err
	}
	return j, nil
}

// makeJLog makes an empty jlog where there is none. The metastore appears with
// its content, so that nobody reads an empty one.
func makeJLog(dir string, mode os.FileMode) error {
	name := filepath.Join(dir, "metastore")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	if err := os.Mkdir(dir, mode|mode>>2&0o111); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(dir, ".metastore")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(jlogNumbers(0, jlogLimit, jlogSafe, jlogMagic))
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func jlogNumbers(list ...uint32) []byte {
	var out []byte
	for _, v := range list {
		out = binary.NativeEndian.AppendUint32(out, v)
	}
	return out
}

func (j *jlogFile) readMeta() error {
	var b [16]byte
	if _, err := j.meta.ReadAt(b[:], 0); err != nil || binary.NativeEndian.Uint32(b[12:]) != jlogMagic {
		return errJLogFormat
	}
	j.number, j.limit = binary.NativeEndian.Uint32(b[:]), binary.NativeEndian.Uint32(b[4:])
	return nil
}

// subscribe lets a reader of that name find what is written from now on.
func (j *jlogFile) subscribe(name string) error {
	f, err := os.OpenFile(filepath.Join(j.dir, fmt.Sprintf("cp.%x", name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, j.mode)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(jlogNumbers(j.number, 0))
	return errors.Join(err, f.Close())
}

func (j *jlogFile) openSegment() (err error) {
	if j.data != nil {
		_ = j.data.Close() // all is written
	}
	j.data, err = os.OpenFile(filepath.Join(j.dir, fmt.Sprintf("%08x", j.number)), os.O_WRONLY|os.O_CREATE|os.O_APPEND, j.mode)
	return err
}

// Write appends a message.
func (j *jlogFile) Write(p []byte) (int, error) {
	if len(p) > jlogMax {
		return 0, fmt.Errorf("a message of %d bytes is too long", len(p))
	}
	ctx, cancel := context.WithTimeout(context.Background(), jlogWait)
	defer cancel()
	now := time.Now()
	record := append(jlogNumbers(jlogMagic, uint32(now.Unix()), uint32(now.Nanosecond()/1000), uint32(len(p))), p...)
	for {
		full := false
		err := locked(ctx, j.data, func() error {
			info, err := j.data.Stat()
			if err != nil {
				return err
			}
			if full = info.Size() >= int64(j.limit); full {
				return nil
			}
			_, err = j.data.Write(record)
			return err
		})
		if err != nil {
			return 0, err
		}
		if !full {
			return len(p), nil
		}
		if err := j.roll(ctx); err != nil {
			return 0, err
		}
	}
}

// roll goes to the next segment, unless another writer did.
func (j *jlogFile) roll(ctx context.Context) error {
	err := locked(ctx, j.meta, func() error {
		was := j.number
		if err := j.readMeta(); err != nil || j.number != was {
			return err
		}
		j.number++
		_, err := j.meta.WriteAt(jlogNumbers(j.number), 0)
		return err
	})
	if err != nil {
		return err
	}
	return j.openSegment()
}

// Read is for the subscribers' own programs.
func (j *jlogFile) Read([]byte) (int, error) { return 0, errIOWrite }

// Close closes the files.
func (j *jlogFile) Close() error {
	var err error
	if j.data != nil {
		err = j.data.Close()
	}
	return errors.Join(err, j.meta.Close())
}

// How long a writer waits for another one's lock, and how often it looks.
const (
	jlogWait = 10 * time.Second
	jlogLook = 2 * time.Millisecond
)

// openFileLock is F_OFD_SETLK: the lock is the open file's, not the process's,
// and other processes' record locks respect it.
const openFileLock = 37

// locked runs f while the file is locked against other writers.
func locked(ctx context.Context, file *os.File, f func() error) error {
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	for {
		err := syscall.FcntlFlock(file.Fd(), openFileLock, &lock)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if pause(ctx, jlogLook); ctx.Err() != nil {
			return fmt.Errorf("another writer keeps it locked: %w", ctx.Err())
		}
	}
	defer func() {
		lock := syscall.Flock_t{Type: syscall.F_UNLCK}
		_ = syscall.FcntlFlock(file.Fd(), openFileLock, &lock) // closing it would unlock it too
	}()
	return f()
}
