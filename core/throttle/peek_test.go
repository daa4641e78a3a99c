package throttle

import (
	"slices"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

func TestWhenForetellsTake(t *testing.T) {
	now := time.Unix(100, 0)
	l := New(option.Throttle{Count: 2, Seconds: 10})
	if d := l.When(now, 2); d != 0 {
		t.Errorf("within the burst: %s", d)
	}
	l.Take(now, 2)
	for n := 1; n <= 3; n++ {
		d := l.When(now, slices.Repeat([]int{1}, n)...)
		if d != time.Duration(n)*5*time.Second {
			t.Errorf("event %d: %s", n, d)
		}
	}
	wait, ok := l.Take(now, 1)
	if ok || wait != l.When(now, 1) {
		t.Errorf("Take says %s, When %s", wait, l.When(now, 1))
	}
	if d := (*Limiter)(nil).When(now, 5); d != 0 {
		t.Errorf("no limit: %s", d)
	}
}

// TestWhenKnowsBatches: a batch goes as a whole, and one of more than a period's
// worth when nothing is owed.
func TestWhenKnowsBatches(t *testing.T) {
	now := time.Unix(100, 0)
	foretold, taken := New(option.Throttle{Count: 4, Seconds: 8}), New(option.Throttle{Count: 4, Seconds: 8})
	batches := []int{3, 3, 1, 9, 2}
	at := now
	for i, n := range batches {
		for wait, ok := taken.Take(at, n); !ok; wait, ok = taken.Take(at, n) {
			at = at.Add(wait)
		}
		if d := foretold.When(now, batches[:i+1]...); d != at.Sub(now) {
			t.Errorf("batch %d: %s, it went after %s", i, d, at.Sub(now))
		}
	}
}
