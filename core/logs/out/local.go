package out

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// file is a log file. It is written unbuffered: a record that was logged is in
// the file even if the process dies in the next instant.
type file struct {
	path string
	mode os.FileMode

	mu sync.Mutex
	f  *os.File
}

func openFile(path string, mode os.FileMode) (*file, error) {
	f := &file{path: path, mode: mode}
	return f, f.Reopen()
}

// Write is part of Destination. A record that does not fit the disk is not there
// at all.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return 0, os.ErrClosed
	}
	n, err := f.f.Write(p)
	if err != nil && n > 0 {
		f.takeBack(n)
	}
	return n, err
}

// takeBack removes what was written of a record. Where it cannot, a reader sees
// a broken line.
func (f *file) takeBack(n int) {
	if info, err := f.f.Stat(); err == nil && info.Mode().IsRegular() {
		_ = f.f.Truncate(info.Size() - int64(n))
	}
}

// Reopen is part of Destination. The old file is closed once the new one is
// open, so that no record falls between them.
func (f *file) Reopen() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return fmt.Errorf("log directory: %w", err)
	}
	opened, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, f.mode)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	f.mu.Lock()
	old := f.f
	f.f = opened
	f.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// Close is part of Destination.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// journal is a jlog that other programs read.
type journal struct {
	mu sync.Mutex
	k  *kept
}

func openJLog(c *Config, dir string, subscribers []string) (*journal, error) {
	k, err := keep(dir, c, subscribers)
	if err != nil {
		return nil, err
	}
	return &journal{k: k}, nil
}

// Write is part of Destination: each record is a message.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.k.write(p)
}

// Reopen is part of Destination: a jlog rotates by itself.
func (j *journal) Reopen() error { return nil }

// Close is part of Destination.
func (j *journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.k.Close()
}
