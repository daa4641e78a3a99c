package alerting

import (
	"context"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// module is the alerting module.
type module struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	ctx    context.Context // of everything that runs beside the calls
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	worlds  map[uint64]*world
	current *world // nil before the first Commit
	sent    *sent
	ticking bool
}

// New makes the module.
func New(now func() time.Time) sdk.Module {
	m := &module{now: now, after: time.After, worlds: map[uint64]*world{}, sent: &sent{at: map[string]time.Time{}}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Info is part of sdk.Module.
func (m *module) Info() sdk.Info {
	s := option.SchemaOf("alerting", options{})
	s.Help = "Rules, and who is told."
	return sdk.Info{Name: "alerting", Version: "1", API: sdk.APIVersion, Schema: s, Powers: sdk.CanControl,
		Help: "Mail, webhooks and syslog when something happens too often or a figure passes its limit."}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	var bad sdk.PrepareError
	w := newWorld(host, c, func(pos option.Pos, text string) {
		bad.Problems = append(bad.Problems, sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Text: text})
	})
	if len(bad.Problems) > 0 {
		return sdk.Subscription{}, &bad
	}
	sub := sdk.Subscription{Controls: []string{controlName}}
	for _, r := range w.rules {
		if w.opts.Enabled && r.hook != sdk.HookNone {
			sub.Hooks.Add(r.hook)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worlds[c.Generation] = w
	return sub, nil
}

// Commit is part of sdk.Module.
func (m *module) Commit(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.worlds[generation]
	if w == nil || w == m.current {
		return
	}
	m.sent.ttl, m.sent.most, m.sent.perHour = w.opts.CacheTTL, max(int(w.opts.CacheSize/entryCost), 1), int(w.opts.MaxPerHour)
	if m.current != nil {
		w.inherit(m.current)
	}
	m.current = w
	w.start(m.ctx, &m.wait, m.after)
	if !m.ticking {
		m.ticking = true
		m.wait.Go(m.tick)
	}
}

// Abort is part of sdk.Module.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire is part of sdk.Module.
func (m *module) Retire(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.worlds[generation]; w != nil {
		w.close()
		delete(m.worlds, generation)
	}
}

// SessionsEnded is part of sdk.Module.
func (m *module) SessionsEnded([]sdk.SessionEnd) {}

// Close is part of sdk.Module. What waits to be sent is given up.
func (m *module) Close() error {
	m.cancel()
	m.mu.Lock()
	for _, w := range m.worlds {
		w.close()
	}
	m.mu.Unlock()
	m.wait.Wait()
	return nil
}
