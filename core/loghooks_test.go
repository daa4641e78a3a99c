package core

import (
	"context"
	"testing"
)

func TestLogHooksOutsideOfTheirLife(t *testing.T) {
	h := &logHooks{problem: func(text string) { t.Error(text) }}
	ran, dropped := 0, 0
	offer := func() { h.offer("id", func(context.Context) { ran++ }, func() { dropped++ }) }
	offer()
	h.start()
	offer()
	h.stop(context.Background())
	offer()
	if ran != 1 || dropped != 2 {
		t.Errorf("%d events ran and %d were dropped, want the one between start and stop", ran, dropped)
	}
}
