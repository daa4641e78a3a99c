package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Daemon is where a scanner listens, and how long one scan may take in all.
type Daemon struct {
	Address string // "host:port", "[::1]:port", or the path of a Unix socket
	Timeout time.Duration
}

// maxReply bounds what a daemon may answer, in bytes.
const maxReply = 1 << 20

// The errors of a scan, for whoever logs them.
var (
	errTimeout = errors.New("timed out")
	errBusy    = fmt.Errorf("%w waiting for another scan to end", errTimeout)
	errReply   = errors.New("the answer is not understood")
)

// CheckAddress says what is wrong with a daemon's address.
func CheckAddress(address string) error {
	if strings.HasPrefix(address, "/") {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is no daemon: host:port or the path of a socket is expected", address)
	}
	return nil
}

// exchange connects, and runs talk within the timeout.
func (d Daemon) exchange(ctx context.Context, talk func(ctx context.Context, c net.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	network := "tcp"
	if strings.HasPrefix(d.Address, "/") {
		network = "unix"
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, d.Address)
	if err != nil {
		return plain(ctx, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	return plain(ctx, talk(ctx, c))
}

// plain is an error in few words.
func plain(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)) {
		return errTimeout
	}
	return err
}
