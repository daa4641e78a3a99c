package counter

import (
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// A handle stands for the counter that was opened, for five minutes after it was
// unlinked; its path stands for another.
func TestUnlinkedCounter(t *testing.T) {
	now := time.Unix(1000, 0)
	c := New(func() time.Time { return now })
	do := func(op sdk.CounterOp) int64 {
		t.Helper()
		n, err := c.Do(op)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	handle := uint64(do(sdk.CounterOp{Kind: sdk.CounterOpen, Path: "/x"}))
	other := uint64(do(sdk.CounterOp{Kind: sdk.CounterOpen, Path: "/y"}))
	if handle == 0 || handle == other || uint64(do(sdk.CounterOp{Kind: sdk.CounterOpen, Path: "/x"})) != handle {
		t.Errorf("handles %d and %d", handle, other)
	}
	do(sdk.CounterOp{Kind: sdk.CounterAdd, Path: "/x", Handle: handle, Delta: 5})
	do(sdk.CounterOp{Kind: sdk.CounterUnlink, Path: "/x"})
	do(sdk.CounterOp{Kind: sdk.CounterUnlink, Path: "/nowhere"})
	do(sdk.CounterOp{Kind: sdk.CounterAdd, Path: "/x", Handle: handle, Delta: 1})
	if n := len(c.List()); n != 1 {
		t.Errorf("%d counters are listed", n)
	}
	do(sdk.CounterOp{Kind: sdk.CounterAdd, Path: "/x", Delta: 100})
	for _, want := range []struct {
		after  time.Duration
		byPath int64
		byHand int64
	}{{0, 100, 6}, {299 * time.Second, 100, 6}, {time.Second, 100, 100}} {
		now = now.Add(want.after)
		path := do(sdk.CounterOp{Kind: sdk.CounterRead, Path: "/x"})
		hand := do(sdk.CounterOp{Kind: sdk.CounterRead, Path: "/x", Handle: handle})
		if path != want.byPath || hand != want.byHand {
			t.Errorf("at %s: %d by its path, %d by its handle", now, path, hand)
		}
	}
	do(sdk.CounterOp{Kind: sdk.CounterUnlink, Path: "/y"})
	if n := len(c.unlinked); n != 1 {
		t.Errorf("%d unlinked counters are kept", n)
	}
}
