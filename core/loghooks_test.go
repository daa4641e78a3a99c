package core

import (
	"context"
	"testing"
)

func TestLogHooksOutsideOfTheirLife(t *testing.T) {
	h := &logHooks{problem: func(text string) { t.Error(text) }}
	ran := 0
	event := func(context.Context) { ran++ }
	h.offer(event)
	h.start()
	h.offer(event)
	h.stop(context.Background())
	h.offer(event)
	if ran != 1 {
		t.Errorf("%d events ran, want the one between start and stop", ran)
	}
}
