package adaptive

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Any is the name under which rules for every domain stand. They come after
// those of the domain itself.
const Any = "*"

// Rules are the rules of all domains, by their lower case names.
type Rules map[string]*Domain

// Domain is what is known of one receiver.
type Domain struct {
	// Alias names the domain whose rules count here too; it is no alias itself.
	Alias     string
	Responses []Response
	Settings  map[string]Range // by option name
}

// Response is a rule: what a reply looks like, and what to do about it.
type Response struct {
	Code    *regexp.Regexp // matched with the reply on one line: "421 4.7.0 ..."
	Trigger Trigger
	Actions []Action
	Message string // told to the operator
	// Phase is where in the dialogue the reply is expected. It is shown, and
	// limits nothing (manual, Custom Rules).
	Phase string
}

// Trigger is how often a reply has to come before its actions are taken: more
// than Count times within Within. The zero value means the first time.
type Trigger struct {
	Count  int
	Within time.Duration
}

// Verb is what an action does.
type Verb uint8

// The verbs (manual, Rule Actions).
const (
	Suspend           Verb = iota // stop deliveries for Span
	Blackhole                     // discard mail for Span
	Throttle                      // send fewer messages
	Greylisted                    // wait Span before the next attempt
	Warmup                        // Number is the age of the binding in seconds
	ReduceConnections             // by Number
	ReduceDeliveries              // by Number, of one connection
	Transcode                     // the reply becomes Text
)

// Action is one thing to do.
type Action struct {
	Verb   Verb
	Span   time.Duration // of Suspend and Blackhole; 0: adaptive_default_suspension
	Number int64
	Text   string
}

// Range bounds the value of an option; Low and High are equal for one that is
// forced. Rates are in messages an hour.
type Range struct{ Low, High int64 }

// Clamp brings a value into the range.
func (r Range) Clamp(v int64) int64 { return min(max(v, r.Low), r.High) }

// Mode says what becomes of the rules that are there.
type Mode uint8

// The modes.
const (
	Augment Mode = iota // they stay, behind those that come
	Replace             // they go
)

// ParseMode reads the second argument of registerRules. The manual calls the
// second mode "replace", its reference page "override".
func ParseMode(word string) (Mode, error) {
	switch strings.ToLower(word) {
	case "augment":
		return Augment, nil
	case "replace", "override":
		return Replace, nil
	}
	return 0, errors.New(`the mode must be "augment" or "replace"`)
}

// With gives the rules with others put in front of them, domain by domain; none
// of the two is changed.
func (r Rules) With(add Rules, mode Mode) Rules {
	if mode == Replace {
		return add
	}
	out := maps.Clone(r)
	if out == nil {
		out = make(Rules, len(add))
	}
	for name, more := range add {
		out[name] = more.over(out[name])
	}
	return out
}

// over is d in front of an older entry.
func (d *Domain) over(old *Domain) *Domain {
	if old == nil {
		return d
	}
	sum := &Domain{Alias: d.Alias, Responses: slices.Concat(d.Responses, old.Responses), Settings: maps.Clone(old.Settings)}
	if sum.Alias == "" {
		sum.Alias = old.Alias
	}
	if sum.Settings == nil {
		sum.Settings = make(map[string]Range, len(d.Settings))
	}
	maps.Copy(sum.Settings, d.Settings)
	return sum
}

// Of are the rules of a domain in the order in which they count: its own, those
// of the domain that it is an alias of, and those for any.
func (r Rules) Of(domain string) []*Domain {
	var out []*Domain
	if d := r[strings.ToLower(domain)]; d != nil {
		out = append(out, d)
		if to := r[d.Alias]; d.Alias != "" && to != nil {
			out = append(out, to)
		}
	}
	if d := r[Any]; d != nil {
		out = append(out, d)
	}
	return out
}

// Setting is the range that a domain's rules give an option.
func (r Rules) Setting(domain, option string) (Range, bool) {
	for _, d := range r.Of(domain) {
		if v, ok := d.Settings[option]; ok {
			return v, true
		}
	}
	return Range{}, false
}
