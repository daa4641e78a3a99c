package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestConnectionError(t *testing.T) {
	for err, want := range map[error]int64{
		syscall.ECONNREFUSED: sdk.ConnErrorConnect,
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}: sdk.ConnErrorConnect | sdk.ConnErrorNetwork,
		fmt.Errorf("x: %w", syscall.EADDRNOTAVAIL):                                        sdk.ConnErrorConnect | sdk.ConnErrorBind,
		context.DeadlineExceeded:                                                          sdk.ConnErrorConnect | sdk.ConnErrorTimeout,
		errors.New("something"):                                                           sdk.ConnErrorConnect,
	} {
		if got := connectionError(err); got != want {
			t.Errorf("%v is %b, want %b", err, got, want)
		}
	}
}
