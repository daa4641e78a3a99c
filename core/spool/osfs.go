package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OS is the operating system's file system. Mode is that of new files
// (spool_mode); directories get the search bit wherever Mode allows reading.
type OS struct{ Mode fs.FileMode }

func (o OS) mode() fs.FileMode {
	if o.Mode == 0 {
		return 0o640
	}
	return o.Mode.Perm()
}

// MkdirAll is FS.MkdirAll. A directory that it makes is durable when it returns.
func (o OS) MkdirAll(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	m := o.mode()
	if err := os.Mkdir(dir, m|0o300|m&0o444>>2); err != nil {
		return err
	}
	return o.SyncDir(parent)
}

// Create is FS.Create.
func (o OS) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, o.mode())
}

// Open is FS.Open.
func (o OS) Open(name string) (File, error) { return open(name, os.O_RDONLY, 0) }

// OpenWrite is FS.OpenWrite.
func (o OS) OpenWrite(name string) (File, error) { return open(name, os.O_RDWR, 0) }

// Rename is FS.Rename.
func (o OS) Rename(name, to string) error { return os.Rename(name, to) }

// Remove is FS.Remove.
func (o OS) Remove(name string) error { return os.Remove(name) }

// List is FS.List.
func (o OS) List(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// SyncDir is FS.SyncDir.
func (o OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Free is FS.Free: the bytes that are free to us, not to root alone.
func (o OS) Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// Lock is FS.Lock with flock(2), which ends with the process that holds it.
func (o OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, o.mode())
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, name)
		}
		return nil, &os.PathError{Op: "flock", Path: name, Err: err}
	}
	return f, nil
}

func open(name string, flag int, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

type osFile struct{ *os.File }

// Sync is fdatasync: it writes the length too where that is needed to read the
// data back, and leaves out the times.
func (f osFile) Sync() error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = unix.Fdatasync(int(fd)); !errors.Is(result, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if result != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: result}
	}
	return nil
}

// Size is File.Size.
func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
