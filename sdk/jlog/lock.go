package jlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// How long a writer waits for another one's lock, and how often it looks.
const (
	lockWait = 10 * time.Second
	lockLook = 2 * time.Millisecond
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
		if pause(ctx, lockLook); ctx.Err() != nil {
			return fmt.Errorf("another writer keeps it locked: %w", ctx.Err())
		}
	}
	defer func() {
		lock := syscall.Flock_t{Type: syscall.F_UNLCK}
		_ = syscall.FcntlFlock(file.Fd(), openFileLock, &lock) // closing it would unlock it too
	}()
	return f()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
