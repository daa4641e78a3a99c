package alerting

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// world is one generation: its rules and whom it tells.
type world struct {
	host     sdk.Host
	opts     options
	rules    []*rule
	outlets  []*outlet
	hostname string
	closed   bool // its outlets take nothing more
}

// newWorld reads the configuration; every problem goes to report.
func newWorld(host sdk.Host, c sdk.Config, report func(option.Pos, string)) *world {
	w := &world{host: host, hostname: c.Hostname}
	for i := range c.Scopes {
		for _, p := range option.Decode(&c.Scopes[i], &w.opts) {
			report(p.Pos, p.Text)
		}
	}
	var at option.Pos
	if len(c.Scopes) > 0 {
		at = c.Scopes[0].Pos
	}
	if w.opts.Interval < time.Second || w.opts.Interval > time.Hour {
		report(at, "check_interval must be from 1 to 3600")
	}
	if w.opts.MaxPerHour < 1 || w.opts.MaxPerHour > 10000 {
		report(at, "max_alerts_per_hour must be from 1 to 10000")
	}
	for i := range w.opts.Rules {
		r, err := w.opts.Rules[i].parse()
		if err != nil {
			report(w.opts.Rules[i].Pos, err.Error())
			continue
		}
		w.rules = append(w.rules, r)
	}
	w.addTargets(report)
	return w
}

func (w *world) addTargets(report func(option.Pos, string)) {
	if len(w.opts.To) > 0 {
		from := w.opts.From
		if from == "" {
			from = "postmaster@" + w.hostname
		}
		w.outlets = append(w.outlets, newOutlet(&mail{host: w.host, from: from, to: w.opts.To}, mailRetries, mailTimeout))
	}
	for _, o := range w.opts.Webhooks {
		t, err := newWebhook(o)
		if err != nil {
			report(o.Pos, err.Error())
			continue
		}
		w.outlets = append(w.outlets, newOutlet(t, o.Retries, o.Timeout))
	}
	for _, o := range w.opts.Syslogs {
		t, err := newSyslog(o)
		if err != nil {
			report(o.Pos, err.Error())
			continue
		}
		w.outlets = append(w.outlets, newOutlet(t, o.Retries, o.Timeout))
	}
}

// start runs the outlets until they are closed or ctx ends.
func (w *world) start(ctx context.Context, wait *sync.WaitGroup, after func(time.Duration) <-chan time.Time) {
	for _, o := range w.outlets {
		wait.Go(func() { o.run(ctx, w.host, after) })
	}
}

// close lets the outlets finish what waits.
func (w *world) close() {
	if w.closed {
		return
	}
	w.closed = true
	for _, o := range w.outlets {
		close(o.queue)
	}
}

// inherit takes over what the rules before have seen, where a rule is the same.
func (w *world) inherit(before *world) {
	for _, r := range w.rules {
		for _, old := range before.rules {
			if r.Name == old.Name && r.condition() == old.condition() && r.Pattern == old.Pattern && r.Per == old.Per {
				r.states, r.silenced = old.states, old.silenced
			}
		}
	}
}

// tell says a notice in the paniclog, and to every target.
func (w *world) tell(n *notice) {
	n.Host = w.hostname
	n.Text = n.summary()
	w.host.Log(sdk.LogRecord{Level: sdk.LevelWarning, Source: "alerting", Text: fmt.Sprintf("alert %s: %s", n.Kind, n.Text)})
	if w.closed {
		return
	}
	for _, o := range w.outlets {
		o.tell(n)
	}
}
