package core

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
)

// reason is one thing that holds mail now.
type reason struct {
	Gate     string     `json:"gate"`
	Text     string     `json:"text"`
	Until    *time.Time `json:"until,omitempty"` // when it ends; absent: nobody knows
	Settings []setting  `json:"settings"`

	kind  queue.GateKind
	aside bool // it keeps nothing from being tried: the attempt will fail
}

// explained is what holds one message, or one lane.
type explained struct {
	Message string `json:"message,omitempty"`
	Binding string `json:"binding"`
	Group   string `json:"binding_group"`
	Domain  string `json:"domain"`
	State   string `json:"state,omitempty"` // of a message

	Active      int      `json:"active"`
	Delayed     int      `json:"delayed"`
	Connections int      `json:"connections"`
	Rollup      string   `json:"rolled_up,omitempty"`
	Reasons     []reason `json:"reasons"`
	// Next is when mail is tried next; absent: when the reasons without an end
	// have gone.
	Next    *time.Time `json:"next,omitempty"`
	Expires *time.Time `json:"expires,omitempty"` // of a message
	Expiry  *setting   `json:"expiry,omitempty"`

	now time.Time
}

// whyAnswer is the answer of why.
type whyAnswer struct {
	Subject string      `json:"subject"`
	Lanes   []explained `json:"answers"`
	LeftOut int         `json:"left_out"`
}

func (a *whyAnswer) text(w io.Writer) {
	for i := range a.Lanes {
		a.Lanes[i].text(w)
	}
	if len(a.Lanes) == 0 {
		fmt.Fprintf(w, "%s: no mail is queued.\n", a.Subject)
	}
	if a.LeftOut > 0 {
		fmt.Fprintf(w, "(%d more queues are not shown.)\n", a.LeftOut)
	}
}

func (e *explained) text(w io.Writer) {
	if e.Message != "" {
		fmt.Fprintf(w, "Message %s is %s: ", e.Message, e.State)
	}
	fmt.Fprintf(w, "%s/%s %s: %d active, %d delayed, %d connections\n", e.Group, e.Binding, e.Domain, e.Active, e.Delayed, e.Connections)
	if e.Rollup != "" {
		fmt.Fprintf(w, "  rolled up under %s\n", e.Rollup)
	}
	for _, r := range e.Reasons {
		fmt.Fprintf(w, "  %s: %s\n", r.Gate, r.Text)
		for _, s := range r.Settings {
			fmt.Fprintf(w, "    %s = %s (%s)\n", s.Option, strings.ReplaceAll(s.Value, "\n", " "), s.Where)
		}
	}
	if len(e.Reasons) == 0 {
		fmt.Fprintln(w, "  nothing holds it")
	}
	switch {
	case e.Next == nil:
		fmt.Fprintln(w, "  next attempt: when that ends")
	case e.Next.After(e.now):
		fmt.Fprintf(w, "  next attempt: %s (in %s)\n", e.Next.Format(consoleTime), e.Next.Sub(e.now).Round(time.Second))
	case e.Active > 0 || e.Message != "":
		fmt.Fprintln(w, "  next attempt: now")
	}
	if e.Expires != nil {
		fmt.Fprintf(w, "  expires: %s; %s = %s (%s)\n", e.Expires.Format(consoleTime), e.Expiry.Option, e.Expiry.Value, e.Expiry.Where)
	}
}

// maxWhy bounds the queues that why explains.
const maxWhy = 20

// why answers for a message, a binding, or a domain.
func (c *Core) why(_ context.Context, args []string) (answer, error) {
	if len(args) == 2 && strings.EqualFold(args[0], "binding") {
		if err := c.knownBinding(args[1]); err != nil {
			return nil, err
		}
		return c.whyLanes(args[1], &queue.Selection{Binding: args[1]}), nil
	}
	if len(args) != 1 {
		return nil, usage("name a message, a domain or a binding")
	}
	if _, err := message.ParseID(args[0]); err == nil {
		return c.whyMessage(args[0])
	}
	if c.knownBinding(args[0]) == nil {
		return c.whyLanes(args[0], &queue.Selection{Binding: args[0]}), nil
	}
	domain := strings.ToLower(args[0])
	a := c.whyLanes(domain, &queue.Selection{Domain: domain})
	if len(a.Lanes) == 0 { // what mail would meet
		a.Lanes = append(a.Lanes, c.explain(queue.Lane{Group: binding.Default, Binding: binding.Default, Domain: domain}, 0))
	}
	return a, nil
}

// whyLanes explains the lanes that hold mail, those with the most of it first.
func (c *Core) whyLanes(subject string, s *queue.Selection) *whyAnswer {
	a := &whyAnswer{Subject: subject, Lanes: []explained{}}
	lanes := slices.DeleteFunc(c.queue.Lanes(s), func(v queue.LaneView) bool { return v.Active+v.Delayed == 0 })
	slices.SortStableFunc(lanes, func(x, y queue.LaneView) int { return cmp.Compare(y.Active+y.Delayed, x.Active+x.Delayed) })
	for i := range lanes {
		if i == maxWhy {
			a.LeftOut = len(lanes) - i
			break
		}
		a.Lanes = append(a.Lanes, c.explain(lanes[i].Lane, 0))
	}
	return a
}

func (c *Core) whyMessage(id string) (answer, error) {
	m, at, err := c.queue.Find(id)
	if err != nil {
		return nil, err
	}
	e := c.explain(at.Lane, at.Ahead)
	e.Message, e.State, e.Domain = id, at.State.String(), m.Domain()
	switch at.State {
	case queue.StateDelivering:
		e.Reasons, e.Next = nil, &e.now
	case queue.StateDelayed:
		e.Reasons = slices.DeleteFunc(e.Reasons, func(r reason) bool {
			return !r.aside && (r.kind == queue.GateDelayed || r.kind == queue.GatePolicy)
		})
		e.Reasons = append([]reason{c.waiting(m, at)}, e.Reasons...)
		if at.Ahead > 0 {
			e.Reasons = append(e.Reasons, e.order(at.Ahead))
		}
		e.settle()
	case queue.StateActive:
		if m.Suspended != "" && len(e.Reasons) > 0 {
			e.Reasons[0].Text = "policy has to bind it first: " + m.Suspended
		}
		if at.Ahead > 0 {
			e.Reasons = append(e.Reasons, e.order(at.Ahead))
		}
	}
	expiry := c.settingOf(at.Lane, "message_expiration")
	expires := m.Received.Add(c.lane(at.Lane.Group, at.Lane.Binding, at.Lane.Domain).queue.Expiration)
	e.Expires, e.Expiry = &expires, &expiry
	return &whyAnswer{Subject: id, Lanes: []explained{e}}, nil
}

// order is the reason of a message that is not the first.
func (e *explained) order(ahead int) reason {
	return reason{Gate: "order", Text: fmt.Sprintf("%d messages are due before it", ahead), Settings: []setting{}, Until: &e.now, aside: true}
}

// waiting is the reason of a message that waits for its time.
func (c *Core) waiting(m *message.Message, at queue.Place) reason {
	r := reason{Gate: "back-off", Until: &at.Due, Settings: []setting{}}
	switch {
	case m.Suspended != "":
		r.Gate, r.Text = gateNames[queue.GatePolicy], "policy is asked for its binding again then: "+m.Suspended
		return r
	case m.LastReply == "":
		r.Text = "it was put off"
		return r
	}
	r.Text = fmt.Sprintf("%d attempts failed, the last with %q", m.Retries, m.LastReply)
	if a, changed := c.adapted(at.Lane, "retry_interval"); changed {
		r.Settings = append(r.Settings, a)
	}
	r.Settings = append(r.Settings, c.settingOf(at.Lane, "retry_interval"), c.settingOf(at.Lane, "max_retry_interval"), c.settingOf(at.Lane, "max_retries"))
	return r
}

// gateNames are the words of the reasons.
var gateNames = [...]string{
	queue.GatePolicy: "policy", queue.GateHeld: "suspension", queue.GateClosed: "binding", queue.GateSuspended: "suspension", queue.GateUnreached: "back-off", queue.GateProbe: "back-off",
	queue.GateDelayed: "back-off", queue.GateServer: "limit", queue.GateConnections: "limit", queue.GateBusy: "limit",
	queue.GateShare: "limit", queue.GateHost: "limit",
	queue.GateConnectRate: "throttle", queue.GateMessageRate: "throttle",
}

// gateTexts say what each reason means, and gateOptions which options it goes
// back to.
var gateTexts = [...]string{
	queue.GatePolicy:      "policy could not bind this mail; it is asked again",
	queue.GateHeld:        "an operator suspended deliveries",
	queue.GateClosed:      "nothing leaves through this binding",
	queue.GateSuspended:   "deliveries are suspended by the configuration",
	queue.GateUnreached:   "no connection to its next hop could be made; there is none until then",
	queue.GateProbe:       "its next hop could not be reached lately; one connection tries it",
	queue.GateDelayed:     "all of it waits for its next attempt",
	queue.GateServer:      "the server has as many outbound connections as it may",
	queue.GateShare:       "a limit that it shares is reached",
	queue.GateHost:        "a limit of the host it goes to is reached",
	queue.GateConnections: "all the connections it may have are busy",
	queue.GateBusy:        "its connections are busy, and there is too little due mail for another",
	queue.GateConnectRate: "the rate of new connections is used up",
	queue.GateMessageRate: "the rate of messages is used up",
}

var gateOptions = [...][]string{
	queue.GatePolicy:      nil,
	queue.GateHeld:        nil,
	queue.GateClosed:      nil,
	queue.GateSuspended:   {"suspend_delivery"},
	queue.GateUnreached:   {"host_failure_retry", "retry_interval"},
	queue.GateProbe:       {"connect_timeout_to_delay", "mx_failures_to_delay"},
	queue.GateDelayed:     {"retry_interval", "max_retry_interval"},
	queue.GateServer:      {"server_max_outbound_connections", "server_reserve_outbound_connections"},
	queue.GateShare:       nil,
	queue.GateHost:        nil,
	queue.GateConnections: {"max_outbound_connections"},
	queue.GateBusy:        nil,
	queue.GateConnectRate: {"outbound_throttle_connections"},
	queue.GateMessageRate: {"outbound_throttle_messages"},
}

// explain gives a lane with what holds it. ahead is how many messages go before
// the one that is meant.
func (c *Core) explain(key queue.Lane, ahead int) explained {
	v := c.queue.Explain(key, ahead)
	e := explained{
		Binding: key.Binding, Group: key.Group, Domain: key.Domain, Active: v.Active, Delayed: v.Delayed,
		Connections: v.Connections, Reasons: []reason{}, now: time.Now(),
	}
	for _, g := range v.Gates {
		e.Reasons = append(e.Reasons, c.reasonOf(key, g))
	}
	if key.Binding != binding.Suspended {
		e.Rollup = c.settings.Load().lane(key).rollup
		if r := c.unreachable(key, c.courier.Inspect(key, c.dns.Cached)); r != nil {
			e.Reasons = append(e.Reasons, *r)
		}
	}
	e.settle()
	return e
}

func (c *Core) reasonOf(key queue.Lane, g queue.Gate) reason {
	r := reason{Gate: gateNames[g.Kind], Text: gateTexts[g.Kind], Settings: []setting{}, kind: g.Kind}
	if !g.Until.IsZero() {
		r.Until = &g.Until
	}
	for _, name := range gateOptions[g.Kind] {
		r.Settings = append(r.Settings, c.settingOf(key, name))
		if a, changed := c.adapted(key, name); changed {
			r.Settings = append(r.Settings, a)
		}
	}
	if g.Hold != nil && g.Hold.By != "" {
		r.Text = g.Hold.By + " suspended deliveries of " + holdName(g.Hold.Lane) + " at " + g.Hold.Since.Format(consoleTime) + ": " + g.Hold.Why
		r.Settings = append(r.Settings, c.settingOf(key, "adaptive_enabled"))
		return r
	}
	if g.Why != "" {
		r.Text += ": " + g.Why
		r.Settings = append(r.Settings, c.settingOf(key, c.closedBy(key)))
	}
	if g.Share.Option != "" {
		r.Text += ", that of " + g.Share.Scope
		r.Settings = append(r.Settings, c.settingAt(g.Share))
	}
	if g.Hold != nil {
		r.Text += " of " + holdName(g.Hold.Lane) + " at " + g.Hold.Since.Format(consoleTime)
		if g.Hold.Why != "" {
			r.Text += ": " + g.Hold.Why
		}
		r.Settings = append(r.Settings, setting{"binding suspend", holdName(g.Hold.Lane), "console"})
	}
	return r
}

// unreachable is what is known of a lane's next hop, where it is nothing good.
// It does not keep the lane from its next attempt.
func (c *Core) unreachable(key queue.Lane, w delivery.Way) *reason {
	if w.Failures > 0 || w.Problem != "" && len(w.Hosts) == 0 && w.TTL > 0 {
		r := &reason{Gate: "DNS", aside: true, Text: fmt.Sprintf("the lookup of its exchangers gave %s, %d times in a row", cmp.Or(w.Problem, "no addresses"), w.Failures),
			Settings: []setting{c.settingOf(key, "mx_failures_fallback_to_a"), c.settingOf(key, "dns_failures_to_purge")}}
		until := time.Now().Add(w.TTL)
		r.Until = &until
		return r
	}
	var failed []string
	var until time.Time
	for _, h := range w.Hosts {
		for _, a := range h.Addresses {
			if !a.Silent {
				return nil // one is left to try
			}
			failed = append(failed, a.Addr.String())
			if until.IsZero() || a.Until.Before(until) {
				until = a.Until
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &reason{Gate: "back-off", aside: true, Text: "no address answered lately: " + strings.Join(failed[:min(5, len(failed))], ", "), Until: &until,
		Settings: []setting{c.settingOf(key, "host_failure_retry")}}
}

// settle finds out when the next attempt is: when the last of the reasons ends
// that keep the mail.
func (e *explained) settle() {
	next := e.now
	for _, r := range e.Reasons {
		switch {
		case r.aside:
		case r.Until == nil:
			e.Next = nil
			return
		case r.Until.After(next):
			next = *r.Until
		}
	}
	e.Next = &next
}
