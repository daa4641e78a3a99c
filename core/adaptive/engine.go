package adaptive

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/core/queue"
	rules "github.com/mtad/mtad/sdk/adaptive"
	"github.com/mtad/mtad/sdk/smtp"
)

// Config is what an Engine is given.
type Config struct {
	Clock queue.Clock
	// Base is what the configuration says of a lane.
	Base func(queue.Lane) Base
	// Changed is told of a lane whose options have changed. No lock is held.
	Changed func(queue.Lane)
	// Classify gives the bounce class of a reply.
	Classify func(reply string) int
	// Tell writes what was done to the logs, and Alert sends mail about it.
	Tell  func(Event)
	Alert func(Event, *Options)
	// Problem is told of what went wrong with the state's file.
	Problem func(text string)
}

// Event is a change that was made, or refused, with its reason.
type Event struct {
	Lane queue.Lane
	Kind string // of adaptive_notification_events; "" for what nobody is told of by mail
	Text string
}

// Settings are what a configuration says. They do not change.
type Settings struct {
	module Module
	dir    string // of the state's file, "" for none
	rules  rules.Rules
	knobs  []knob
}

// NewSettings puts together what was read.
func NewSettings(m Module, store Store, r rules.Rules) *Settings {
	s := &Settings{module: m, dir: store.Path, rules: r}
	for _, k := range knobs() {
		unmanaged := slices.ContainsFunc(m.Unmanage, func(n string) bool { return strings.EqualFold(n, k.name) })
		managed := k.managed || slices.ContainsFunc(m.Manage, func(n string) bool { return strings.EqualFold(n, k.name) })
		if managed && !unmanaged {
			s.knobs = append(s.knobs, k)
		}
	}
	return s
}

// Engine is adaptive delivery at work. Without Settings it does nothing. It is
// safe for concurrent use.
type Engine struct {
	c Config

	mu       sync.Mutex
	settings *Settings // nil: off
	lanes    map[queue.Lane]*state
	ages     map[string]time.Time // when a binding was first used
	alerted  map[string]time.Time
	dirty    bool
	swept    time.Time
	timer    queue.Timer
	stopped  bool
}

// New makes an engine that is off.
func New(c Config) *Engine {
	return &Engine{c: c, lanes: map[queue.Lane]*state{}, ages: map[string]time.Time{}, alerted: map[string]time.Time{}}
}

// Use moves to the settings of another configuration; nil switches it off.
// Suspensions and adapted values stay.
func (e *Engine) Use(s *Settings) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settings = s
	for _, st := range e.lanes {
		st.shaped, st.hits = nil, nil
	}
	e.arm()
}

// on gives a lane's state where adaptive delivery is on for it. The caller holds
// mu.
func (e *Engine) on(key queue.Lane, b *Base) *state {
	if e.settings == nil || !b.Options.Enabled {
		return nil
	}
	st := e.lanes[key]
	if st == nil {
		if int64(len(e.lanes)) >= e.settings.module.CacheSize {
			return nil
		}
		st = &state{adapted: map[string]Adapted{}}
		e.lanes[key] = st
	}
	st.seen = e.c.Clock.Now()
	if _, known := e.ages[key.Binding]; !known {
		e.ages[key.Binding], e.dirty = st.seen, true
	}
	return st
}

// Shape gives a lane's options as they count now.
func (e *Engine) Shape(key queue.Lane) *Shaped {
	b := e.c.Base(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.on(key, &b)
	if st == nil {
		return &Shaped{b.Queue, b.Delivery}
	}
	now := e.c.Clock.Now()
	st.expire(now)
	if st.shaped == nil || st.base.Queue != b.Queue || st.base.Delivery != b.Delivery {
		st.shaped, st.base = e.settings.shape(key, &b, st, now), b
	}
	return st.shaped
}

// Blackholed is the reason why a lane's mail is to be discarded, nil where it is
// not.
func (e *Engine) Blackholed(key queue.Lane) *Suspension {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.lanes[key]
	if e.settings == nil || st == nil || st.blackhole == nil || st.blackhole.Disabled || !e.c.Clock.Now().Before(st.blackhole.Until) {
		return nil
	}
	found := *st.blackhole
	return &found
}

// Outcome is told what became of an attempt, and gives it as it is to count: a
// rule may rewrite the reply.
func (e *Engine) Outcome(key queue.Lane, r queue.Result) queue.Result {
	b := e.c.Base(key)
	if !b.Options.Enabled || r.Verdict == queue.NotAttempted {
		return r
	}
	w := &work{e: e, key: key, base: &b, now: e.c.Clock.Now()}
	e.mu.Lock()
	if w.st = e.on(key, &b); w.st != nil {
		w.st.expire(w.now)
		if w.st.blackhole == nil { // what was discarded says nothing of the receiver
			r = w.outcome(r)
		}
	}
	e.mu.Unlock()
	w.publish()
	return r
}

// work is one look at a lane under the engine's lock; what it found out is
// published after it.
type work struct {
	e       *Engine
	key     queue.Lane
	base    *Base
	st      *state
	now     time.Time
	events  []Event
	changed bool
}

func (w *work) publish() {
	for _, event := range w.events {
		w.e.c.Tell(event)
		if event.Kind != "" && w.e.mayAlert(event, w.base.Options, w.now) {
			w.e.c.Alert(event, w.base.Options)
		}
	}
	if w.changed {
		w.e.c.Changed(w.key)
	}
}

// mayAlert keeps to adaptive_notification_events and _interval.
func (e *Engine) mayAlert(event Event, o *Options, now time.Time) bool {
	if len(o.AlertTo) == 0 || !slices.Contains(o.AlertEvents, event.Kind) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := event.Kind + " " + event.Lane.Binding + " " + event.Lane.Domain
	if last, ok := e.alerted[key]; ok && now.Sub(last) < o.AlertEvery {
		return false
	}
	e.alerted[key] = now
	return true
}

func (w *work) outcome(r queue.Result) queue.Result {
	s := w.e.settings
	t := w.st.counts.at(w.now, s.module.Period)
	t.attempts++
	if r.Verdict == queue.Delivered {
		w.raise()
		return r
	}
	if r.Reply == nil {
		return r
	}
	text := r.Reply.String()
	if r.Verdict == queue.PermanentFailure {
		t.rejected++
	}
	if s.module.BounceStats {
		if t.classes == nil {
			t.classes = map[int]int64{}
		}
		t.classes[w.e.c.Classify(text)]++
	}
	for _, d := range s.rules.Of(w.key.Domain) {
		for i := range d.Responses {
			rule := &d.Responses[i]
			if rule.Code.MatchString(text) && w.st.hit(rule, w.now) {
				r = w.apply(rule, text, r)
			}
		}
	}
	return r
}

// apply takes the actions of a rule.
func (w *work) apply(rule *rules.Response, reply string, r queue.Result) queue.Result {
	why := fmt.Sprintf("reply %q matches rule \"%s\"", reply, rule.Code)
	if rule.Message != "" {
		why += " (" + rule.Message + ")"
	}
	for _, a := range rule.Actions {
		if a.Verb == rules.Transcode {
			r = w.transcode(a, reply, why, r)
			continue
		}
		w.act(a, why)
	}
	return r
}

// transcode puts another reply in the place of the receiver's. Our own permanent
// failures stay (manual, response_transcode).
func (w *work) transcode(a rules.Action, old, why string, r queue.Result) queue.Result {
	if r.Verdict == queue.PermanentFailure && strings.Contains(old, "[internal]") {
		return r
	}
	text := a.Text
	if len(text) == 3 { // only the code changes
		text += strings.TrimPrefix(old, old[:min(3, len(old))])
	}
	reply, ok := smtp.ParseReply(text)
	if !ok {
		return r
	}
	r.Reply, r.Verdict = reply, queue.TransientFailure
	if reply.Permanent() {
		r.Verdict = queue.PermanentFailure
	}
	w.events = append(w.events, Event{w.key, "", fmt.Sprintf("transcode to %q: %s", text, why)})
	return r
}
