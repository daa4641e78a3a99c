package out

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var errSlow = errors.New("records were not taken in time")

// taken waits until the other side of a pipe or socket has all that was written:
// request is the ioctl that tells how much it has not. gone is closed when there
// is no other side any more.
func taken(ctx context.Context, c syscall.Conn, request uint, gone <-chan struct{}, after func(time.Duration) <-chan time.Time) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	for range takeTime / takeLook {
		left, up, failed := 0, false, error(nil)
		err := raw.Control(func(fd uintptr) {
			left, failed = unix.IoctlGetInt(int(fd), request)
			up = whole(int(fd))
		})
		if err != nil {
			return err
		}
		if !up {
			return errGone
		}
		if failed != nil {
			return failed
		}
		if left == 0 {
			return stillThere(gone)
		}
		select {
		case <-gone:
			return errGone
		case <-ctx.Done():
			return ctx.Err()
		case <-after(takeLook):
		}
	}
	return errSlow
}

func stillThere(gone <-chan struct{}) error {
	select {
	case <-gone:
		return errGone
	default:
		return nil
	}
}
