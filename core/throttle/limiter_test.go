package throttle

import (
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

func TestLimiter(t *testing.T) {
	now := time.Unix(100, 0)
	l := New(option.Throttle{Count: 10, Seconds: 5})
	for i := range 10 {
		if l.Spent(now) {
			t.Fatalf("spent before event %d of 10", i+1)
		}
		if _, ok := l.Take(now, 1); !ok {
			t.Fatalf("event %d of 10 was refused", i+1)
		}
	}
	wait, ok := l.Take(now, 1)
	if ok || wait != 500*time.Millisecond {
		t.Fatalf("eleventh: ok=%v wait=%v, want 500ms", ok, wait)
	}
	if !l.Spent(now) || l.Spent(now.Add(wait)) {
		t.Fatal("it is spent until the wait is over")
	}
	if _, ok := l.Take(now.Add(wait), 1); !ok {
		t.Fatal("refused after the wait it asked for")
	}
	if _, ok := l.Take(now.Add(time.Minute), 25); !ok {
		t.Fatal("a batch larger than the rate must go when nothing is owed")
	}
	if wait, ok := l.Take(now.Add(time.Minute), 1); ok || wait <= 0 {
		t.Fatal("the large batch was not counted")
	}
}

func TestNoLimit(t *testing.T) {
	l := New(option.Throttle{})
	if _, ok := l.Take(time.Unix(1, 0), 1e6); l != nil || !ok {
		t.Fatal("the zero rate must limit nothing")
	}
}
