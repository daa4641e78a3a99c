package adaptive

import (
	"time"

	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/throttle"
	rules "github.com/mtad/mtad/sdk/adaptive"
)

// Suspension stops a lane's deliveries.
type Suspension struct {
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Why      string    `json:"why"`
	Disabled bool      `json:"disabled,omitempty"` // by the console, adaptive override
}

// Adapted is an option's value as an action left it.
type Adapted struct {
	Value int64     `json:"value"`
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// state is what is known of a lane. Engine.mu guards it.
type state struct {
	suspension *Suspension
	blackhole  *Suspension
	adapted    map[string]Adapted

	changed time.Time // the last change of a value
	raised  time.Time // the last step back, or change
	seen    time.Time
	hits    map[*rules.Response][]time.Time
	counts  ring

	limiter *throttle.Limiter // of the adapted rate
	limited int64
	base    Base    // what shaped was made of
	shaped  *Shaped // nil: to be made again
}

// hold is the suspension in force, as the queue knows it.
func (st *state) hold(key queue.Lane, now time.Time) *queue.Hold {
	s := st.suspension
	if s == nil || s.Disabled || !now.Before(s.Until) {
		return nil
	}
	return &queue.Hold{Lane: key, Since: s.Since, Until: s.Until, Why: s.Why, By: "adaptive delivery"}
}

// idle reports a state that holds nothing worth keeping.
func (st *state) idle(now time.Time, ttl time.Duration) bool {
	return st.suspension == nil && st.blackhole == nil && len(st.adapted) == 0 && now.Sub(st.seen) > ttl
}

// expire drops what has ended, and reports whether anything has.
func (st *state) expire(now time.Time) bool {
	over := false
	for _, s := range []**Suspension{&st.suspension, &st.blackhole} {
		if *s != nil && !now.Before((*s).Until) {
			*s, over = nil, true
		}
	}
	if over {
		st.shaped = nil
	}
	return over
}

// hit counts a match, and says whether it is one too many. The first time is
// where no count is asked for.
func (st *state) hit(r *rules.Response, now time.Time) bool {
	if r.Trigger.Count == 0 {
		return true
	}
	if st.hits == nil {
		st.hits = make(map[*rules.Response][]time.Time)
	}
	kept := st.hits[r][:0]
	for _, at := range st.hits[r] {
		if now.Sub(at) < r.Trigger.Within {
			kept = append(kept, at)
		}
	}
	kept = append(kept, now)
	if len(kept) > r.Trigger.Count {
		delete(st.hits, r)
		return true
	}
	st.hits[r] = kept
	return false
}

// ringSize is how many parts the period of counting has.
const ringSize = 12

// ring counts outcomes over the last period, part by part.
type ring struct {
	parts [ringSize]tally
}

// tally is what happened in one part.
type tally struct {
	slot               int64
	attempts, rejected int64
	classes            map[int]int64
}

// at gives the part of a time, emptied where it is of a period before.
func (r *ring) at(now time.Time, period time.Duration) *tally {
	slot := slotOf(now, period)
	t := &r.parts[slot%ringSize]
	if t.slot != slot {
		*t = tally{slot: slot}
	}
	return t
}

func slotOf(now time.Time, period time.Duration) int64 {
	return now.Unix() / max(int64(period/time.Second)/ringSize, 1)
}

// sum is what the period holds.
func (r *ring) sum(now time.Time, period time.Duration) tally {
	last := slotOf(now, period)
	all := tally{classes: map[int]int64{}}
	for i := range r.parts {
		t := &r.parts[i]
		if t.slot == 0 || last-t.slot >= ringSize {
			continue
		}
		all.attempts += t.attempts
		all.rejected += t.rejected
		for class, n := range t.classes {
			all.classes[class] += n
		}
	}
	return all
}
