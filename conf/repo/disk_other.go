//go:build !linux

package repo

import (
	"context"
	"errors"
	"os"
)

// Sync is part of disk.
func (osDisk) Sync(string) error { return errors.ErrUnsupported }

// Exchange is part of disk.
func (osDisk) Exchange(string, string) error { return errors.ErrUnsupported }

func lock(context.Context, string) (*os.File, error) { return nil, errors.ErrUnsupported }
