package api

import (
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/scriptlet/cidr"
)

// sharedFor is the Shared of a test's world; its lists are never read again by
// themselves.
func sharedFor(t testing.TB, w *fakeWorld) *Shared {
	store := cidr.NewStore(cidr.Config{
		Now:       func() time.Time { return w.now },
		AfterFunc: func(time.Duration, func()) func() bool { return func() bool { return false } },
	})
	t.Cleanup(store.Close)
	return NewShared(store)
}
