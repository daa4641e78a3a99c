package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// holdStore keeps holds in memory.
type holdStore struct {
	saved []Hold
	fail  error
}

func (s *holdStore) Load() ([]Hold, error) { return s.saved, s.fail }
func (s *holdStore) Save(holds []Hold) error {
	if s.fail == nil {
		s.saved = slices.Clone(holds)
	}
	return s.fail
}

// TestHoldsSurviveARestart: what was suspended is suspended after a restart, and
// ends when it was to end.
func TestHoldsSurviveARestart(t *testing.T) {
	store := &holdStore{}
	b := newBench(t)
	b.HoldStore = store
	if err := b.Suspend(Hold{Lane: Lane{Domain: "x.test"}, Why: "w"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	b.message("m", to("x.test"))
	b.Stop(context.Background())
	b.holds = holdTable{}
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	key := Lane{"default", "default", "x.test"}
	if v := b.Explain(key, 0); v.Active != 1 || len(v.Gates) != 1 || v.Gates[0].Kind != GateHeld || v.Gates[0].Hold.Why != "w" {
		t.Errorf("after the restart: %+v", v)
	}
	b.c.advance(time.Hour + time.Second)
	b.deliver(Result{Verdict: Delivered}, "m")
}

// TestHoldThatCannotBeSaved is in force all the same, and says so.
func TestHoldThatCannotBeSaved(t *testing.T) {
	b := newBench(t)
	b.HoldStore = &holdStore{fail: errors.New("disk full")}
	key := Lane{Domain: "x.test"}
	if err := b.Suspend(Hold{Lane: key}, 0); !errors.Is(err, ErrNotSaved) || len(b.Holds()) != 1 {
		t.Errorf("%v, %v", err, b.Holds())
	}
	if n, err := b.Resume(key); n != 1 || !errors.Is(err, ErrNotSaved) || len(b.Holds()) != 0 {
		t.Errorf("%d, %v, %v", n, err, b.Holds())
	}
}
