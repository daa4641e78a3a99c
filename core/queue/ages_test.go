package queue

import (
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
)

func TestAges(t *testing.T) {
	b := newBench(t)
	if oldest, bands := b.Ages(); oldest != 0 || len(bands) != 6 {
		t.Errorf("an empty queue: %s, %v", oldest, bands)
	}
	aged := func(age time.Duration) func(*message.Message) {
		return func(m *message.Message) {
			m.Received, m.Next = b.c.Now().Truncate(time.Minute).Add(-age), b.c.Now().Add(time.Hour)
		}
	}
	for id, age := range map[string]time.Duration{"a": 0, "b": 5 * time.Minute, "c": 30 * time.Minute, "d": 2 * time.Hour, "e": 20 * time.Hour, "f": 50 * time.Hour, "g": 60 * time.Hour} {
		b.Insert(b.message(id, aged(age)))
	}
	b.Insert(b.message("g", aged(70*time.Hour))) // it is there already
	oldest, bands := b.Ages()
	if off := oldest - 60*time.Hour; off < 0 || off >= time.Minute {
		t.Errorf("the oldest has %s", oldest)
	}
	for i, want := range []int{1, 1, 1, 1, 1, 2} {
		if bands[i].Messages != want {
			t.Errorf("band %d (%s) has %d, want %d", i, bands[i].Limit, bands[i].Messages, want)
		}
	}
	b.Insert(b.message("now"))
	b.deliver(Result{Verdict: Delivered}, "now")
	b.quiet()
	if _, bands := b.Ages(); bands[0].Messages != 1 {
		t.Errorf("%d young messages once one is delivered", bands[0].Messages)
	}
}
