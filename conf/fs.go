package conf

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// FS is what conf needs of a file system. Errors are those of package os:
// errors.Is with fs.ErrNotExist and errors.As with syscall.Errno work on them.
type FS interface {
	ReadFile(name string) ([]byte, error)
	ReadDir(name string) ([]fs.DirEntry, error) // sorted by name
	Stat(name string) (fs.FileInfo, error)
}

// OS is the real file system.
type OS struct{}

// ReadFile is os.ReadFile.
func (OS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

// ReadDir is os.ReadDir.
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Stat is os.Stat.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// errno finds the number and the text of a file error, as strerror has it
// ("No such file or directory").
func errno(err error) (int, string) {
	number := syscall.EIO
	switch {
	case errors.As(err, &number):
	case errors.Is(err, fs.ErrNotExist):
		number = syscall.ENOENT
	case errors.Is(err, fs.ErrPermission):
		number = syscall.EACCES
	}
	text := number.Error()
	return int(number), strings.ToUpper(text[:1]) + text[1:]
}

// readBounded reads a file of at most limit bytes. A device would have no end.
func readBounded(fsys FS, name string, limit int64) ([]byte, error) {
	info, err := fsys.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	if info.Mode()&fs.ModeDevice != 0 {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EINVAL}
	}
	if info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EFBIG}
	}
	return fsys.ReadFile(name)
}
