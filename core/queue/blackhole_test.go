package queue

import (
	"context"
	"testing"

	"github.com/mtad/mtad/core/logs"
)

// TestBlackhole: queued mail fails without a connection, with a bounce unless it
// is internal.
func TestBlackhole(t *testing.T) {
	for how, bounces := range map[string]int{"true": 1, "inline": 1, "internal": 0} {
		b := newBench(t)
		got := 0
		b.OnFail = func(context.Context, *logs.Attempt) error { got++; return nil }
		b.opt.Blackhole = how
		b.Insert(b.message("m"))
		b.quiet()
		if want := "P m 0 " + replyBlackhole.String(); b.l.all() != want || got != bounces || len(b.entries) != 0 {
			t.Errorf("%s: log %q, %d bounces, %d left", how, b.l.all(), got, len(b.entries))
		}
	}
}
