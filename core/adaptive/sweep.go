package adaptive

import (
	"fmt"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// Start loads the state, and begins to sweep.
func (e *Engine) Start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped, e.swept = false, e.c.Clock.Now()
	e.load()
	e.arm()
}

// Stop ends the sweeps and writes the state.
func (e *Engine) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	if e.timer != nil {
		e.timer.Stop()
	}
	e.save()
}

// arm sets the timer of the next sweep. The caller holds mu.
func (e *Engine) arm() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	if e.settings != nil && !e.stopped {
		e.timer = e.c.Clock.AfterFunc(max(e.settings.module.Sweep, time.Second), e.sweep)
	}
}

// sweep forgets what has ended, applies the sweep rules where it is time, and
// writes the state.
func (e *Engine) sweep() {
	now := e.c.Clock.Now()
	var due []queue.Lane
	e.mu.Lock()
	if e.settings == nil || e.stopped {
		e.mu.Unlock()
		return
	}
	bounces := e.settings.module.BounceSweep
	isDue := bounces > 0 && now.Sub(e.swept) >= bounces
	if isDue {
		e.swept = now
	}
	for key, st := range e.lanes {
		if st.expire(now) {
			e.dirty = true
		}
		switch {
		case st.idle(now, e.settings.module.CacheTTL):
			delete(e.lanes, key)
		case isDue:
			due = append(due, key)
		}
	}
	for key, last := range e.alerted {
		if now.Sub(last) > 24*time.Hour {
			delete(e.alerted, key)
		}
	}
	e.save()
	e.arm()
	e.mu.Unlock()
	for _, key := range due {
		e.judge(key, now)
	}
}

// judge applies the sweep rules to a lane.
func (e *Engine) judge(key queue.Lane, now time.Time) {
	b := e.c.Base(key)
	if !b.Options.Enabled {
		return
	}
	w := &work{e: e, key: key, base: &b, now: now}
	e.mu.Lock()
	if w.st = e.lanes[key]; w.st != nil && e.settings != nil {
		w.judge()
	}
	e.mu.Unlock()
	w.publish()
}

func (w *work) judge() {
	all := w.st.counts.sum(w.now, w.e.settings.module.Period)
	o := w.base.Options
	if all.attempts == 0 || all.attempts < o.Attempts {
		return
	}
	if share := percent(all.rejected, all.attempts); o.SuspendRate && share > float64(o.Rejections) {
		w.suspend(&w.st.suspension, 0, eventSuspend, fmt.Sprintf("%.1f%% of %d attempts were rejected", share, all.attempts))
	}
	for i := range w.base.Sweeps {
		rule := &w.base.Sweeps[i]
		share := percent(rule.count(&all), all.attempts)
		words, limit := rule.HighAction, rule.High
		if share < rule.High {
			words, limit = rule.LowAction, rule.Low
		}
		if share < limit || len(rule.bounceCodes()) == 0 {
			continue
		}
		why := fmt.Sprintf("sweep rule %q: %.1f%% of %d attempts failed so, the limit is %g%%", rule.Name, share, all.attempts, limit)
		for _, a := range actions(words) {
			w.act(a, why)
		}
	}
}

func (s *Sweep) count(all *tally) (n int64) {
	for _, class := range s.bounceCodes() {
		n += all.classes[class]
	}
	return n
}

func percent(n, of int64) float64 { return float64(n) * 100 / float64(of) }

// Defaults are the sweep rules where none that counts bounces is in force
// (manual, Default Adaptive Sweep Rules).
func Defaults(list []Sweep) []Sweep {
	for i := range list {
		if len(list[i].bounceCodes()) > 0 {
			return list
		}
	}
	return append(list, Sweep{Name: "default_bounce_rule", Codes: []string{"bc:10", "bc:24"},
		Low: 3, LowAction: []string{"throttle", "down"}, High: 10, HighAction: []string{"suspend", "4 hours"}})
}
