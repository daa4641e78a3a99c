package alerting

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Call is part of sdk.Module: it counts the event of each phase.
func (m *module) Call(_ context.Context, c *sdk.Call) (*sdk.Answer, error) {
	for _, p := range c.Phases {
		m.count(c, &p)
	}
	return &sdk.Answer{Results: make([]sdk.PhaseResult, len(c.Phases))}, nil
}

func (m *module) count(c *sdk.Call, p *sdk.Phase) {
	msg := messageOf(c.State, p.Copy)
	if msg != nil {
		if _, ours := msg.Context.Get(markOfAlerts); ours {
			return // an alert about alert mail would be alert mail again
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.worlds[c.Generation]
	if w == nil {
		return
	}
	now := m.now()
	for _, r := range w.rules {
		if r.hook != p.Hook {
			continue
		}
		if s := r.event(keyOf(r.Per, c.State, msg), p.Line, now); s != nil {
			m.judge(w, r, s, now)
		}
	}
}

// messageOf is the message that a phase is about, or nil.
func messageOf(s *sdk.State, i int) *sdk.Message {
	switch {
	case s == nil:
		return nil
	case i >= 0 && i < len(s.Copies):
		return s.Copies[i]
	}
	return s.Message
}

// keyOf is what a rule counts an event under.
func keyOf(per string, s *sdk.State, msg *sdk.Message) string {
	switch {
	case per == "peer" && s != nil && s.Conn.Peer.IsValid():
		return s.Conn.Peer.Addr().String()
	case per == "domain" && msg != nil:
		return domainOf(msg.Recipient)
	case per == "binding" && msg != nil:
		return msg.Binding
	}
	return ""
}

func domainOf(a smtp.Address) string {
	s := string(a)
	return strings.ToLower(s[strings.LastIndexByte(s, '@')+1:])
}

// tick looks at the rules of the current generation until Close.
func (m *module) tick() {
	for {
		m.mu.Lock()
		pause := m.current.opts.Interval
		m.mu.Unlock()
		select {
		case <-m.ctx.Done():
			return
		case <-m.after(pause):
			m.check(m.ctx)
		}
	}
}

// check reads the figures, and says what is raised, lasts or is over.
func (m *module) check(ctx context.Context) {
	m.mu.Lock()
	w := m.current
	m.mu.Unlock()
	if w == nil || !w.opts.Enabled {
		return
	}
	for _, r := range w.rules {
		var value int64
		var err error
		if r.hook == sdk.HookNone {
			value, err = w.read(ctx, &r.ruleOptions)
		}
		m.mu.Lock()
		m.checkOne(w, r, value, err)
		m.mu.Unlock()
	}
}

// checkOne is check for one rule, whose figure was read outside of the lock. An
// error leaves the rule as it stands.
func (m *module) checkOne(w *world, r *rule, value int64, err error) {
	if err != nil {
		if text := err.Error(); text != r.problem {
			r.problem = text
			w.host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "alerting", Text: "rule " + strconv.Quote(r.Name) + ": " + text})
		}
		return
	}
	r.problem = ""
	now := m.now()
	if r.hook == sdk.HookNone {
		r.reading(value, now)
	}
	for _, s := range r.states {
		m.judge(w, r, s, now)
		r.forget(s, now)
	}
}

// readTimeout is for one figure.
const readTimeout = 5 * time.Second

// read asks the core for a rule's figure.
func (w *world) read(ctx context.Context, o *ruleOptions) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	switch {
	case o.Metric != "":
		return w.host.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterRead, Path: sdk.MetricPath + o.Metric})
	case o.Counter != "":
		return w.host.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterRead, Path: o.Counter})
	}
	figures := map[string]sdk.TrafficFigure{
		"connections": sdk.TrafficConnections, "receptions": sdk.TrafficReceptions, "rejections": sdk.TrafficRejections, "sessions": sdk.TrafficSessions,
	}
	q := &sdk.TrafficQuery{Figure: figures[o.Audit], Network: o.Network}
	if q.Figure != sdk.TrafficSessions {
		q.Monitor, q.End = o.Monitor, lastWindow(o.Monitor)
	}
	return w.host.Traffic(ctx, q)
}

// lastWindow is the last window of a monitor, "seconds,windows"; what is none
// inbound_audit refuses.
func lastWindow(monitor string) int {
	_, windows, _ := strings.Cut(monitor, ",")
	n, err := strconv.Atoi(strings.TrimSpace(windows))
	if err != nil {
		return 0
	}
	return max(n-1, 0)
}

// judge tells of a state what there is to tell.
func (m *module) judge(w *world, r *rule, s *state, now time.Time) {
	switch r.look(s, now, w.opts.Recovery) {
	case isRaised:
		m.raised(w, r, s, now)
	case isOver:
		if s.told {
			w.tell(m.notice(r, s, kindRecovered, now))
		}
		s.raised, s.told, s.waiting = time.Time{}, false, false
	}
}

func (m *module) raised(w *world, r *rule, s *state, now time.Time) {
	key := r.Name + "\x00" + s.key
	if now.Before(r.silenced) || !m.sent.fresh(key, now) {
		return
	}
	if !m.sent.room(now) {
		if !s.waiting {
			s.waiting = true
			m.sent.held++
		}
		return
	}
	m.sent.remember(key, now)
	kind := kindRaised
	if s.told {
		kind = kindOngoing
	}
	s.told, s.waiting = true, false
	w.tell(m.notice(r, s, kind, now))
	m.sent.held = 0
}

func (m *module) notice(r *rule, s *state, kind string, now time.Time) *notice {
	return &notice{
		Rule: r.Name, Key: s.key, Kind: kind, Condition: r.condition(), Value: s.value, Detail: oneLine(s.detail),
		Since: s.raised, Time: now, Held: m.sent.held,
	}
}
