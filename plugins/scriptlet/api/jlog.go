package api

import (
	"context"
	"os"

	"github.com/mtad/mtad/sdk/jlog"
)

// jlogFile is a jlog that a script writes to.
type jlogFile struct{ *jlog.Writer }

// openJLog opens PATH=>SUBSCRIBER, or PATH?subscribers=A,B=>, and makes what is
// not there.
func openJLog(ctx context.Context, rest string, mode os.FileMode) (ioHandle, error) {
	dir, subscribers := jlog.Split(rest)
	w, err := jlog.Create(ctx, dir, mode, subscribers...)
	if err != nil {
		return nil, err
	}
	return &jlogFile{w}, nil
}

// Read is for the subscribers' own programs.
func (j *jlogFile) Read([]byte) (int, error) { return 0, errIOWrite }
