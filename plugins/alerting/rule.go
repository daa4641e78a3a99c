package alerting

import (
	"regexp"
	"time"

	"github.com/mtad/mtad/sdk"
)

// rule is one rule and what it has seen.
type rule struct {
	ruleOptions
	hook     sdk.Hook // None: it watches a figure
	expr     *regexp.Regexp
	states   map[string]*state // by domain, binding or peer; "" where they count together
	silenced time.Time         // until then nobody is told
	problem  string            // why its figure could not be read last
}

// state is where one alert stands.
type state struct {
	key     string
	tally   tally
	before  *int64    // the reading before, of a figure that grows
	since   time.Time // since when the condition holds; zero: it does not
	held    time.Time // when it held last
	raised  time.Time // zero: it is not
	told    bool      // people know that it is raised
	waiting bool      // it is counted among those that were held back
	value   int64
	detail  string // the last event
}

// maxStates bounds the domains, bindings or peers that a rule knows; what comes
// after them is counted together.
const maxStates = 1000

// others is the key of those.
const others = "(others)"

// state gives the state of a key, which is made where it is not there.
func (r *rule) state(key string) *state {
	if len(r.states) >= maxStates && r.states[key] == nil {
		key = others
	}
	s := r.states[key]
	if s == nil {
		s = &state{key: key}
		r.states[key] = s
	}
	return s
}

// event counts one; the state it belongs to, or nil where it is not counted.
func (r *rule) event(key, text string, now time.Time) *state {
	if !r.expr.MatchString(text) {
		return nil
	}
	s := r.state(key)
	s.detail = text
	s.tally.add(1, r.slot(now))
	return s
}

// reading takes a figure that was read.
func (r *rule) reading(value int64, now time.Time) {
	s := r.state("")
	if !r.grows() {
		s.value = value
		return
	}
	if s.before != nil && value > *s.before {
		s.tally.add(value-*s.before, r.slot(now))
	}
	s.before = &value
}

// slot numbers the part of the window that a time is in.
func (r *rule) slot(now time.Time) int64 { return now.UnixNano() / (int64(r.Window) / slots) }

// change is what became of a state.
type change uint8

const (
	unchanged change = iota
	isRaised         // and still is: whoever does not know may be told
	isOver
)

// look brings a state up to date.
func (r *rule) look(s *state, now time.Time, recovery time.Duration) change {
	if r.hook != sdk.HookNone || r.grows() {
		s.value = s.tally.sum(r.slot(now))
	}
	if !r.passes(s.value) {
		s.since = time.Time{}
		if s.raised.IsZero() || now.Sub(s.held) < recovery {
			return unchanged
		}
		return isOver
	}
	if s.held = now; s.since.IsZero() {
		s.since = now
	}
	if s.raised.IsZero() && (!r.lasts() || now.Sub(s.since) >= r.Window) {
		s.raised = now
	}
	if s.raised.IsZero() {
		return unchanged
	}
	return isRaised
}

// forget drops a state that has nothing to say any more.
func (r *rule) forget(s *state, now time.Time) {
	if s.key != "" && s.raised.IsZero() && s.tally.sum(r.slot(now)) == 0 {
		delete(r.states, s.key)
	}
}

// slots are the parts of a window that a tally keeps.
const slots = 60

// tally counts what happened in a window that slides by one slot.
type tally struct {
	counts [slots]int64
	last   int64 // the newest slot
}

// move makes slot the newest, unless it is older.
func (t *tally) move(slot int64) {
	if slot-t.last >= slots {
		*t = tally{last: slot}
		return
	}
	for ; t.last < slot; t.last++ {
		t.counts[(t.last+1)%slots] = 0
	}
}

func (t *tally) add(n, slot int64) {
	t.move(slot)
	t.counts[t.last%slots] += n
}

func (t *tally) sum(slot int64) (sum int64) {
	t.move(slot)
	for _, n := range t.counts {
		sum += n
	}
	return sum
}
