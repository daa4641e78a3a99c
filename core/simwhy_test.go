package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/test/simnet"
)

// obstacle is a reason for mail to wait: how a lane comes to it, and what why
// has to name.
type obstacle struct {
	name   string
	config string // of the domain; the first line is that which why names. %d are numbers of the state's own
	limits [][2]int
	host   simnet.Host
	zone   simnet.Zone
	mail   int // messages, at least
	policy bool
	gate   string
	option string // that is set in the line
	// endless: why cannot know when it ends; the next attempt comes when a
	// delivery does, or never.
	endless, never bool
}

func obstacles() []obstacle {
	always := func(at simnet.Stage, k simnet.Kind, text string) []simnet.Fault {
		return []simnet.Fault{{Stage: at, Kind: k, Text: text, Share: 1}}
	}
	return []obstacle{
		{name: "message rate", config: "outbound_throttle_messages = \"%d/%d\"\n", limits: [][2]int{{1, 5}, {600, 5000}}, mail: 7, gate: "throttle", option: "Outbound_Throttle_Messages"},
		{name: "connection rate", config: "outbound_throttle_connections = \"%d/%d\"\nmax_deliveries_per_connection = 1\n", limits: [][2]int{{1, 3}, {600, 5000}}, mail: 5,
			gate: "throttle", option: "Outbound_Throttle_Connections"},
		{name: "connections", config: "max_outbound_connections = %d\n", limits: [][2]int{{1, 3}}, host: simnet.Host{Latency: 4 * time.Minute}, mail: 40,
			gate: "limit", option: "Max_Outbound_Connections", endless: true},
		{name: "configured suspension", config: "suspend_delivery = true\n", gate: "suspension", option: "Suspend_Delivery", endless: true, never: true},
		{name: "refusal", config: "retry_interval = %d\n", limits: [][2]int{{60, 4000}}, host: simnet.Host{Faults: always(simnet.StageRcpt, simnet.Refuse, "451 4.3.2 later")},
			gate: "back-off", option: "Retry_Interval"},
		{name: "no connection", config: "retry_interval = %d\nhost_failure_retry = %d\n", limits: [][2]int{{60, 4000}, {60, 4000}}, mail: 50,
			host: simnet.Host{Faults: always(simnet.StageConnect, simnet.Refuse, "")}, gate: "back-off", option: "Retry_Interval"},
		{name: "no answer", config: "retry_interval = %d\nhost_failure_retry = %d\nconnect_timeout = 30\n", limits: [][2]int{{60, 4000}, {60, 4000}}, mail: 2,
			host: simnet.Host{Faults: always(simnet.StageConnect, simnet.Hang, "")}, gate: "back-off", option: "Retry_Interval"},
		{name: "DNS", config: "retry_interval = %d\n", limits: [][2]int{{60, 4000}}, zone: simnet.Zone{Fails: 1}, gate: "back-off", option: "Retry_Interval"},
		{name: "policy", config: "retry_interval = 60\n", policy: true, gate: "policy"},
	}
}

// whyState is one lane in a state.
type whyState struct {
	*obstacle
	domain   string
	line     string // what why has to name
	held     bool   // beside the obstacle
	resume   time.Time
	asked    time.Time
	answer   *whyAnswer
	letters  []*message.Message
	message  string // that was asked about
	answered *whyAnswer
}

// watch notes when mail is attempted, and when an attempt ends.
type watch struct {
	mu       sync.Mutex
	attempts map[string][]time.Time // by domain, and by id
	ends     map[string][]time.Time // by domain
}

func (w *watch) note(to map[string][]time.Time, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		to[name] = append(to[name], time.Now())
	}
}

// next is the first moment after t; zero: there is none.
func next(at []time.Time, t time.Time) time.Time {
	for _, a := range at {
		if a.After(t) {
			return a
		}
	}
	return time.Time{}
}

// watched has a simulation tell of attempts. Policy never binds what is
// suspended.
func (s *simulation) watched() *watch {
	w := &watch{attempts: map[string][]time.Time{}, ends: map[string][]time.Time{}}
	attempting, outcome := s.queue.Attempting, s.queue.Outcome
	s.queue.Attempting = func(m *message.Message) {
		w.note(w.attempts, m.Domain(), m.ID)
		attempting(m)
	}
	s.queue.Outcome = func(l queue.Lane, r queue.Result) queue.Result {
		w.note(w.ends, l.Domain)
		return outcome(l, r)
	}
	s.queue.Rebind = func(_ context.Context, m *message.Message) (*message.Message, error) {
		w.note(w.attempts, m.Domain(), m.ID)
		return nil, errors.New("policy is out")
	}
	return w
}

// states makes the lanes and the configuration of one world.
func whyStates(net *simnet.Net, count int) ([]*whyState, string) {
	var config strings.Builder
	config.WriteString("idle_timeout = 1\n")
	line := 9 // of the file: simulate writes some before
	var list []*whyState
	all := obstacles()
	for i := range count {
		s := &whyState{obstacle: &all[net.Draw(len(all), "obstacle", i)], domain: fmt.Sprintf("w%d.test", i), held: net.Draw(4, "held", i) == 0}
		var numbers []any
		for k, l := range s.limits {
			numbers = append(numbers, l[0]+net.Draw(l[1]-l[0]+1, "limit", i, k))
		}
		text := fmt.Sprintf("domain %q {\n"+s.config+"}\n", append([]any{s.domain}, numbers...)...)
		s.line = fmt.Sprintf("mtad.conf:%d", line+1)
		line += strings.Count(text, "\n")
		config.WriteString(text)
		host := s.host
		host.Name, host.Domain, host.Addr = "mx."+s.domain, s.domain, simnet.Address(i+1)
		if host.Latency == 0 {
			host.Latency = 10 * time.Millisecond
		}
		net.Host(&host)
		zone := s.zone
		zone.MX = []simnet.MX{{Preference: 1, Host: host.Name}}
		net.Name(s.domain, &zone)
		list = append(list, s)
	}
	return list, config.String()
}

// send puts a state's mail into the queue.
func (w *whyState) send(s *simulation, i int) {
	for k := 0; len(w.letters) < w.mail+1; k++ {
		l := letter{sender: "", binding: "default"}
		for n := range 1 + s.net.Draw(3, "recipients", i, k) {
			l.recipients = append(l.recipients, fmt.Sprintf("r%d-%d@%s", k, n, w.domain))
		}
		if w.policy {
			l.suspended = "policy is out"
		}
		w.letters = append(w.letters, s.inject(l)...)
	}
}

// ask asks why for the state's lane and one of its messages.
func (w *whyState) ask(s *simulation, i int) {
	synctest.Wait()
	w.asked = time.Now()
	w.message = w.letters[s.net.Draw(len(w.letters), "message", i)].ID
	if !w.policy {
		w.answer = whyOf(s, w.domain)
	}
	w.answered = whyOf(s, w.message)
}

func whyOf(s *simulation, what string) *whyAnswer {
	a, err := s.why(context.Background(), []string{what})
	if err != nil {
		return nil // it has left the queue
	}
	return a.(*whyAnswer)
}

// putNothingOff leaves mail for hosts that are out of reach its own retries:
// what delays it in bulk spreads it at random.
const putNothingOff = "connect_timeout_to_delay = 0\nmx_failures_to_delay = 0\n"

// whyWorld puts a number of lanes into random states, asks, and looks at what
// happens. It gives how many answers were proved, by obstacle.
func whyWorld(t *testing.T, seed uint64, count int) map[string]int {
	net := simnet.New(seed)
	states, config := whyStates(net, count)
	s := simulate(t, net, config+putNothingOff)
	seen := s.watched()
	s.start()
	defer s.stop()
	began := time.Now()
	type moment struct {
		at time.Duration
		do func()
	}
	var plan []moment
	for i, w := range states {
		at := func(what string, from, d time.Duration) time.Duration {
			return from + time.Duration(net.Draw(int(d), what, i))
		}
		sent := at("send", 0, time.Minute)
		ask := at("ask", sent+time.Minute, 40*time.Minute)
		plan = append(plan, moment{sent, func() { w.send(s, i) }}, moment{ask, func() { w.ask(s, i) }})
		if w.held {
			hold := queue.Hold{Lane: queue.Lane{Domain: w.domain}}
			d := at("held", 0, time.Hour)
			if net.Draw(2, "endless", i) == 0 {
				w.resume = began.Add(ask + d)
				plan = append(plan, moment{ask + d, func() { s.queue.Resume(hold.Lane) }})
				d = 0
			}
			plan = append(plan, moment{at("hold", sent, ask-sent), func() {
				if err := s.queue.Suspend(hold, d); err != nil {
					t.Error(err)
				}
			}})
		}
	}
	slices.SortStableFunc(plan, func(a, b moment) int { return int(a.at - b.at) })
	for _, m := range plan {
		<-time.After(time.Until(began.Add(m.at)))
		m.do()
	}
	s.pass(4 * time.Hour)
	proved := map[string]int{}
	for _, w := range states {
		if !w.policy && w.proveAll(t, w.answer, seen.attempts[w.domain], seen.ends[w.domain]) {
			proved[w.name]++
		}
		if w.proveAll(t, w.answered, seen.attempts[w.message], seen.ends[w.domain]) {
			proved["a message: "+w.name]++
		}
		if w.held {
			proved["held"]++
		}
	}
	return proved
}

// slack is what a prediction may be off: holds end at the next millisecond.
const slack = 2 * time.Millisecond

// proveAll compares an answer with what happened; false: there was nothing to
// say.
func (w *whyState) proveAll(t *testing.T, a *whyAnswer, attempts, ends []time.Time) bool {
	if a == nil || len(a.Lanes) == 0 {
		return false
	}
	e := &a.Lanes[0]
	if e.State == "delivering" || e.Message == "" && e.Active+e.Delayed == 0 {
		return false
	}
	at := next(attempts, w.asked)
	complain := func(what string) {
		var text strings.Builder
		a.text(&text)
		t.Errorf("%s, %s, asked at %s: %s; the next attempt was at %s\n%s", w.domain, w.name, w.asked, what, at, text.String())
	}
	behind := slices.ContainsFunc(e.Reasons, func(r reason) bool { return r.Gate == "order" })
	switch {
	case e.Next == nil && w.waitsForEnd(e):
		ended := slices.ContainsFunc(ends, at.Equal) || near(at, w.resume) ||
			slices.ContainsFunc(e.Reasons, func(r reason) bool { return r.Until != nil && near(at, *r.Until) })
		if !at.IsZero() && !ended && !behind {
			complain("an attempt that no end of another allowed")
		}
	case e.Next == nil && !w.resume.IsZero() && !w.never:
		if !at.IsZero() && at.Before(w.resume.Add(-slack)) {
			complain("an attempt before the suspension ended")
		}
		if !behind && w.onlyHeld(e) && !near(at, w.resume) {
			complain("no attempt when the suspension ended")
		}
	case e.Next == nil:
		if !at.IsZero() {
			complain("an attempt though nothing ends")
		}
	case e.Connections > 0: // what becomes of these attempts is not known
		if !at.IsZero() && at.Before(e.Next.Add(-slack)) {
			complain("too early")
		}
	case at.IsZero():
		if !behind && e.Next.Before(w.asked.Add(3*time.Hour)) {
			complain("no attempt")
		}
	case behind && (w.name != "message rate" || w.held):
		if at.Before(e.Next.Add(-slack)) {
			complain("too early")
		}
	case !near(at, *e.Next):
		complain("not then")
	}
	if e.Next == nil || e.Next.After(w.asked) {
		w.named(e, complain)
	}
	return true
}

// waitsForEnd: a connection limit is all that has no end.
func (w *whyState) waitsForEnd(e *explained) bool {
	return !slices.ContainsFunc(e.Reasons, func(r reason) bool { return r.Until == nil && r.Gate != "limit" })
}

// onlyHeld: what else holds the mail ends before the suspension does.
func (w *whyState) onlyHeld(e *explained) bool {
	return !slices.ContainsFunc(e.Reasons, func(r reason) bool {
		return !r.aside && (r.Gate == "limit" || r.Until != nil && r.Until.After(w.resume))
	})
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= slack }

// named: what holds the mail is the obstacle with its line, or the hold.
func (w *whyState) named(e *explained, complain func(string)) {
	for _, r := range e.Reasons {
		if r.Gate == "suspension" && w.held && r.Settings[0].Where == "console" && ends(&r, e) {
			return
		}
		if r.Gate != w.gate || !ends(&r, e) {
			continue
		}
		if w.option == "" || slices.ContainsFunc(r.Settings, func(s setting) bool { return s.Option == w.option && s.Where == w.line }) {
			return
		}
	}
	complain("the line that holds it, " + w.line + ", is not named")
}

// ends: it is this reason that decides when the next attempt is.
func ends(r *reason, e *explained) bool {
	return r.Until == nil || e.Next != nil && r.Until.Equal(*e.Next)
}

// TestWhyIsWhatHappens: in random states, what why names is what holds the mail,
// and it is tried when why says. MTAD_SIM_STATES sets their number.
func TestWhyIsWhatHappens(t *testing.T) {
	const world = 250
	states := 500
	if n, err := strconv.Atoi(os.Getenv("MTAD_SIM_STATES")); err == nil {
		states = n
	}
	all := map[string]int{}
	for i := range states / world {
		synctest.Test(t, func(t *testing.T) {
			for name, n := range whyWorld(t, uint64(i+1), world) {
				all[name] += n
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Log(all)
	for _, o := range obstacles() {
		if all["a message: "+o.name] == 0 {
			t.Errorf("%s: no state was proved", o.name)
		}
	}
}
