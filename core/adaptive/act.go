package adaptive

import (
	"fmt"
	"time"

	rules "github.com/mtad/mtad/sdk/adaptive"
)

// Events that can be told by mail (adaptive_notification_events).
const (
	eventThrottle  = "throttle"
	eventSuspend   = "suspension"
	eventBlackhole = "blackhole"
)

// act takes one action on the lane.
func (w *work) act(a rules.Action, why string) {
	switch a.Verb {
	case rules.Suspend:
		w.suspend(&w.st.suspension, a.Span, eventSuspend, why)
	case rules.Blackhole:
		w.suspend(&w.st.blackhole, a.Span, eventBlackhole, why)
	case rules.Throttle:
		w.lower(knobRate, func(v int64) int64 { return v - max(v/5, 1) }, eventThrottle, why)
	case rules.ReduceConnections:
		w.lower(knobConnections, func(v int64) int64 { return v - a.Number }, "", why)
	case rules.ReduceDeliveries:
		w.lower(knobDeliveries, func(v int64) int64 { return v - a.Number }, "", why)
	case rules.Greylisted:
		w.greylisted(seconds(a.Span), why)
	case rules.Warmup:
		w.e.ages[w.key.Binding], w.e.dirty = w.now.Add(-time.Duration(a.Number)*time.Second), true
		w.event("", fmt.Sprintf("age of binding %s is %d seconds: %s", w.key.Binding, a.Number, why))
	}
}

func (w *work) event(kind, text string) {
	w.events = append(w.events, Event{w.key, kind, text})
}

// suspend begins a suspension or a blackhole. One that runs is neither made
// longer nor shorter (manual, How Sweep Rules are Determined).
func (w *work) suspend(slot **Suspension, span time.Duration, kind, why string) {
	if *slot != nil {
		return
	}
	if span == 0 {
		span, _ = rules.ParseSpan(w.base.Options.Suspension)
	}
	*slot = &Suspension{Since: w.now, Until: w.now.Add(span), Why: why}
	w.change()
	w.event(kind, fmt.Sprintf("%s for %s: %s", kind, span, why))
	key := w.key
	w.e.c.Clock.AfterFunc(span+time.Millisecond, func() { w.e.c.Changed(key) })
}

func (w *work) change() {
	w.st.shaped, w.changed, w.e.dirty = nil, true, true
}

// lower takes an option's value down. Without a value there is nothing to take
// it down from (manual, Implementing Adaptive Delivery).
func (w *work) lower(name string, to func(int64) int64, kind, why string) {
	k, managed := w.e.settings.find(name)
	if !managed || w.now.Sub(w.st.changed) < w.base.Options.AdjustEvery {
		return
	}
	v := w.e.settings.value(k, w.key, w.base, w.st)
	if v.now == 0 {
		w.st.changed = w.now
		w.event("", fmt.Sprintf("%s is not set, so that it cannot be lowered: %s", name, why))
		return
	}
	next := max(v.clamp(max(to(v.now), 1)), 1)
	if next != v.now {
		w.set(name, v.now, next, kind, why)
	}
}

func (w *work) set(name string, from, to int64, kind, why string) {
	w.st.adapted[name] = Adapted{Value: to, Since: w.now, Why: why}
	w.st.changed, w.st.raised = w.now, w.now
	w.change()
	w.event(kind, fmt.Sprintf("%s %d -> %d: %s", name, from, to, why))
}

// greylisted has the next attempts wait for span seconds.
func (w *work) greylisted(span int64, why string) {
	for _, name := range []string{knobRetry, knobMaxRetry} {
		k, managed := w.e.settings.find(name)
		if !managed {
			continue
		}
		v := w.e.settings.value(k, w.key, w.base, w.st)
		next := v.clamp(span)
		if name == knobMaxRetry {
			next = max(v.now, span)
		}
		if next != v.now {
			w.set(name, v.now, next, "", why)
		}
	}
}

// raise takes adapted values a step back to what the configuration says, where
// mail has been delivered for long enough.
func (w *work) raise() {
	if len(w.st.adapted) == 0 || w.now.Sub(w.st.raised) < w.base.Options.RaiseEvery {
		return
	}
	w.st.raised = w.now
	for name, a := range w.st.adapted {
		k, managed := w.e.settings.find(name)
		if !managed {
			delete(w.st.adapted, name)
			continue
		}
		v := w.e.settings.value(k, w.key, w.base, w.st)
		next := v.now + max(v.now/10, 1)
		if name == knobRetry || name == knobMaxRetry || v.initial > 0 && next >= v.initial {
			delete(w.st.adapted, name)
			next = v.initial
		} else {
			a.Value, a.Since, a.Why = next, w.now, "mail has been delivered"
			w.st.adapted[name] = a
		}
		w.change()
		w.event("", fmt.Sprintf("%s %d -> %d: mail has been delivered for %s", name, v.now, next, w.base.Options.RaiseEvery))
	}
}
