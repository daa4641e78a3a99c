package throttle

import (
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
		d := l.When(now, n)
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
