package adaptive

import (
	"maps"
	"slices"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// Selection picks lanes; an empty list is any.
type Selection struct{ Bindings, Domains []string }

func (s Selection) has(key queue.Lane) bool {
	return (len(s.Bindings) == 0 || slices.Contains(s.Bindings, key.Binding)) &&
		(len(s.Domains) == 0 || slices.Contains(s.Domains, key.Domain))
}

// Value is a line of adaptive list.
type Value struct {
	Lane    queue.Lane
	Option  string
	Value   int64
	Initial int64
	Since   time.Time // zero: it is the rules' own
	Why     string
}

// Values are the options that are not as the configuration has them.
func (e *Engine) Values(s Selection) []Value {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Value
	for _, key := range e.selected(s) {
		st := e.lanes[key]
		if e.settings == nil || st.base.Queue == nil && len(st.adapted) == 0 {
			continue
		}
		b := e.c.Base(key)
		for i := range e.settings.knobs {
			k := &e.settings.knobs[i]
			if v := e.settings.value(k, key, &b, st); v.now != k.get(&b) {
				a := st.adapted[k.name]
				out = append(out, Value{key, k.name, v.now, v.initial, a.Since, a.Why})
			}
		}
	}
	return out
}

// selected lists lanes in order. The caller holds mu.
func (e *Engine) selected(s Selection) []queue.Lane {
	var out []queue.Lane
	for key := range e.lanes {
		if s.has(key) {
			out = append(out, key)
		}
	}
	sortLanes(out)
	return out
}

// Held is a suspension or a blackhole with its lane.
type Held struct {
	Lane queue.Lane
	Kind string
	Suspension
}

// Suspensions are those in force, also those that the console disabled.
func (e *Engine) Suspensions(s Selection) []Held {
	now := e.c.Clock.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Held
	for _, key := range e.selected(s) {
		st := e.lanes[key]
		st.expire(now)
		if st.suspension != nil {
			out = append(out, Held{key, eventSuspend, *st.suspension})
		}
		if st.blackhole != nil {
			out = append(out, Held{key, eventBlackhole, *st.blackhole})
		}
	}
	return out
}

// Override changes suspensions and says how many there were: change sees each.
func (e *Engine) Override(s Selection, change func(*Suspension)) int {
	now := e.c.Clock.Now()
	n := 0
	var changed []queue.Lane
	e.mu.Lock()
	for _, key := range e.selected(s) {
		st := e.lanes[key]
		st.expire(now)
		for _, on := range []*Suspension{st.suspension, st.blackhole} {
			if on != nil {
				change(on)
				n++
				changed = append(changed, key)
				e.c.Clock.AfterFunc(on.Until.Sub(now)+time.Millisecond, func() { e.c.Changed(key) })
			}
		}
		st.shaped, e.dirty = nil, true
	}
	e.mu.Unlock()
	for _, key := range changed {
		e.c.Changed(key)
	}
	return n
}

// Reset forgets the adapted values, and says how many there were.
func (e *Engine) Reset(s Selection) int {
	n := 0
	e.mu.Lock()
	keys := e.selected(s)
	for _, key := range keys {
		st := e.lanes[key]
		n += len(st.adapted)
		st.adapted, st.shaped, e.dirty = map[string]Adapted{}, nil, true
		st.changed = time.Time{}
	}
	e.mu.Unlock()
	for _, key := range keys {
		e.c.Changed(key)
	}
	return n
}

// SweepView is a sweep rule with what it counts now.
type SweepView struct {
	Sweep
	Count, Total int64
}

// Sweeps are the sweep rules of a lane.
func (e *Engine) Sweeps(key queue.Lane) []SweepView {
	b := e.c.Base(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	var all tally
	if st := e.lanes[key]; st != nil && e.settings != nil {
		all = st.counts.sum(e.c.Clock.Now(), e.settings.module.Period)
	}
	out := make([]SweepView, 0, len(b.Sweeps))
	for _, s := range b.Sweeps {
		out = append(out, SweepView{s, s.count(&all), all.attempts})
	}
	return out
}

// Ages are how long each binding has been in use.
func (e *Engine) Ages() map[string]time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.c.Clock.Now()
	out := make(map[string]time.Duration, len(e.ages))
	for _, name := range slices.Collect(maps.Keys(e.ages)) {
		out[name] = now.Sub(e.ages[name])
	}
	return out
}

// SetAge says how old a binding is.
func (e *Engine) SetAge(binding string, age time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ages[binding], e.dirty = e.c.Clock.Now().Add(-age), true
}

// On reports whether there is an adaptive scope at all.
func (e *Engine) On() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings != nil
}
