package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
)

func TestDelayDomain(t *testing.T) {
	b := newBench(t)
	b.opt.Suspend = true // nothing is taken while the test looks
	b.Insert(b.message("a"))
	b.Insert(b.message("b", func(m *message.Message) { m.Retries, m.Priority = 1, 1 }))
	b.Insert(b.message("other", func(m *message.Message) { m.Recipient = "r@elsewhere.test" }))
	const note = "451 4.4.1 [internal] manually delayed domain"
	if n, err := b.DelayDomain(context.Background(), "example.com", note); n != 2 || err != nil {
		t.Errorf("%d delayed, %v", n, err)
	}
	if active, delayed, _, _ := b.Totals(); active != 1 || delayed != 2 {
		t.Errorf("%d active, %d delayed", active, delayed)
	}
	for id, wait := range map[string]time.Duration{"a": 20 * time.Minute, "b": 40 * time.Minute} {
		m, err := b.read(id)
		if err != nil || !m.Next.Equal(b.c.Now().Add(wait)) || m.LastReply != note {
			t.Errorf("%s: next %v, %q, %v", id, m.Next, m.LastReply, err)
		}
	}
	if n, err := b.DelayDomain(context.Background(), "example.com", note); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
	b.c.advance(21 * time.Minute)
	if active, _, _, _ := b.Totals(); active != 2 {
		t.Errorf("%d are due again", active)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.DelayDomain(ended, "example.com", note); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
