package spool

import (
	"errors"
	"io"
)

// FS is what the spool asks of a file system. Names are slash-separated paths.
// Errors are those of package os; syscall.ENOSPC in the chain means the disk is
// full. OS is the real one, spooltest.FS a double that loses power. All methods
// are safe for concurrent use.
type FS interface {
	// MkdirAll makes a directory and those above it.
	MkdirAll(dir string) error
	// Create makes a new file, open for reading and writing. It fails where
	// the name exists.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens a file that exists for reading and writing.
	OpenWrite(name string) (File, error)
	// Rename gives a file another name that no file has. After a power cut it
	// has one of the two.
	Rename(name, to string) error
	// Remove deletes a file. Who has it open can go on reading.
	Remove(name string) error
	// List gives the names in a directory, without the directory's own.
	List(dir string) ([]string, error)
	// SyncDir makes creations, renamings and removals in a directory durable.
	SyncDir(dir string) error
	// Free is how many bytes the spool may still write.
	Free(dir string) (int64, error)
	// Lock takes an exclusive lock on a file that it makes where needed, or
	// fails at once with ErrLocked. Closing releases it.
	Lock(name string) (io.Closer, error)
}

// File is an open file. ReadAt and WriteAt may run at the same time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written before it durable (fdatasync).
	Sync() error
	// Truncate cuts the file at size.
	Truncate(size int64) error
	// Size is the file's length in bytes.
	Size() (int64, error)
}

// The errors that callers tell apart with errors.Is.
var (
	// ErrFull: the disk has less than min_free_space left. Of new mail this is
	// 452 4.3.1 (RFC 5321 §4.2.2, RFC 3463 §3.4).
	ErrFull = errors.New("spool: insufficient storage")
	// ErrFailed: what was to be made durable may not be. 451 4.3.0.
	ErrFailed = errors.New("spool: write failed")
	// ErrLocked: another process has the spool open.
	ErrLocked = errors.New("spool: in use by another process")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("spool: closed")
	// ErrNotFound: no message of that id, or no body under that reference.
	ErrNotFound = errors.New("spool: not found")
	// ErrExists: a message of that id is in the spool already.
	ErrExists = errors.New("spool: message exists already")
	// ErrCorrupt: what was read back is not what was written.
	ErrCorrupt = errors.New("spool: damaged")
	// ErrVersion: written by a newer version that this one cannot read.
	ErrVersion = errors.New("spool: written by a newer version; export it there and import it here")
	// ErrReadOnly: the store was opened to look only.
	ErrReadOnly = errors.New("spool: opened for reading only")
	// ErrInvalid: a batch, id or reference that cannot be written.
	ErrInvalid = errors.New("spool: invalid")
)

func isGone(err error) bool { return errors.Is(err, ErrNotFound) }
