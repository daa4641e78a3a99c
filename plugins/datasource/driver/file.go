package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxFile is the largest file that a statement may read, in bytes.
const MaxFile = 64 << 20

// FilePath is the file that a statement names: an absolute path, with or without
// file:// in front.
func FilePath(text string) (string, error) {
	path := strings.TrimPrefix(text, "file://")
	switch {
	case strings.Contains(path, "://"):
		return "", &Error{Text: "only files can be read; for http there is the driver http"}
	case strings.ContainsRune(path, 0) || !filepath.IsAbs(path):
		return "", &Error{Text: "the query must be the absolute path of a file"}
	}
	return filepath.Clean(path), nil
}

// ReadFile reads a regular file of at most limit bytes. A failure is an *Error.
func ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	// Nonblocking: opening a pipe that nobody writes into would not return.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fileError(err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, &Error{Text: path + " is no regular file"}
	}
	b, err := io.ReadAll(io.LimitReader(&patient{ctx, f}, limit+1))
	if err != nil {
		return nil, fileError(err)
	}
	if int64(len(b)) > limit {
		return nil, &Error{Text: fmt.Sprintf("%s has more than %d bytes", path, limit)}
	}
	return b, nil
}

func fileError(err error) *Error {
	var code syscall.Errno
	if errors.As(err, &code) {
		return &Error{Code: int(code), Text: err.Error()}
	}
	return &Error{Text: err.Error()}
}

// patient reads as long as somebody waits for it.
type patient struct {
	ctx context.Context
	io.Reader
}

// Read is part of io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

// FileStamp tells one state of a file from the next; "" where it is not there.
func FileStamp(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return ""
	}
	inode := uint64(0)
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		inode = sys.Ino
	}
	return fmt.Sprintf("%d.%d.%d", st.ModTime().UnixNano(), st.Size(), inode)
}
