package alerting

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// module is the alerting module.
type module struct {
	now func() time.Time

	mu     sync.Mutex
	worlds map[uint64]*world
	sent   *sent // outlives a reload
}

// world is one generation's rules.
type world struct {
	host     sdk.Host
	opts     options
	rules    []*rule
	hostname string
}

// New makes the module.
func New(now func() time.Time) sdk.Module {
	return &module{now: now, worlds: map[uint64]*world{}, sent: &sent{at: map[string]time.Time{}}}
}

// Info is part of sdk.Module.
func (m *module) Info() sdk.Info {
	s := option.SchemaOf("alerting", options{})
	s.Help = "Alert mail."
	return sdk.Info{Name: "alerting", Version: "1", API: sdk.APIVersion, Schema: s, Help: "Mail to the postmaster when events happen too often."}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	w := &world{host: host, hostname: c.Hostname}
	var bad sdk.PrepareError
	report := func(pos option.Pos, text string) {
		bad.Problems = append(bad.Problems, sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Text: text})
	}
	for i := range c.Scopes {
		for _, p := range option.Decode(&c.Scopes[i], &w.opts) {
			report(p.Pos, p.Text)
		}
	}
	var sub sdk.Subscription
	for _, o := range w.opts.Rules {
		r, err := newRule(o)
		if err != nil {
			report(o.Pos, err.Error())
			continue
		}
		w.rules = append(w.rules, r)
		if w.opts.Enabled {
			sub.Hooks.Add(r.hook)
		}
	}
	if len(bad.Problems) > 0 {
		return sdk.Subscription{}, &bad
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
	if w := m.worlds[generation]; w != nil {
		m.sent.ttl, m.sent.most = w.opts.CacheTTL, max(int(w.opts.CacheSize/entryCost), 1)
	}
}

// Abort is part of sdk.Module.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire is part of sdk.Module.
func (m *module) Retire(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.worlds, generation)
}

// SessionsEnded is part of sdk.Module.
func (m *module) SessionsEnded([]sdk.SessionEnd) {}

// Close is part of sdk.Module.
func (m *module) Close() error { return nil }

// Call is part of sdk.Module: it counts the event of each phase.
func (m *module) Call(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
	ans := &sdk.Answer{Results: make([]sdk.PhaseResult, len(c.Phases))}
	for _, p := range c.Phases {
		w, raised := m.count(c, p)
		for _, r := range raised {
			if err := w.alert(ctx, r, p.Line); err != nil {
				w.host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "alerting", Text: fmt.Sprintf("alert %q could not be sent: %v", r, err)})
			}
		}
	}
	return ans, nil
}

// count gives the names of the rules that a phase's event raised.
func (m *module) count(c *sdk.Call, p sdk.Phase) (*world, []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.worlds[c.Generation]
	if w == nil {
		return nil, nil
	}
	var raised []string
	for _, r := range w.rules {
		if r.hook == p.Hook && r.hit(p.Line, m.now()) && m.sent.first(r.name, m.now()) {
			raised = append(raised, r.name)
		}
	}
	return w, raised
}

// alert says it in the paniclog, and by mail to whoever is to be told.
func (w *world) alert(ctx context.Context, name, event string) error {
	w.host.Log(sdk.LogRecord{Level: sdk.LevelWarning, Source: "alerting", Text: fmt.Sprintf("alert %q: %s", name, event)})
	if len(w.opts.To) == 0 {
		return nil
	}
	from := w.opts.From
	if from == "" {
		from = "postmaster@" + w.hostname
	}
	body := []byte(fmt.Sprintf("Alert %q was raised on %s.\r\n\r\nThe last event: %s\r\n", name, w.hostname, oneLine(event)))
	_, err := w.host.Inject(ctx, &sdk.Injection{
		Sender: smtp.Address(from), Recipients: addresses(w.opts.To),
		Header: []byte("From: <" + from + ">\r\nTo: " + strings.Join(w.opts.To, ", ") + "\r\nSubject: alert: " + oneLine(name) +
			"\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"),
		Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	})
	return err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
