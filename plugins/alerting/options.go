package alerting

import (
	"fmt"
	"regexp"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// options are the alerting scope (reference/datasource.md §3). The two cache
// options are the original's; what is counted and who is told are ours.
type options struct {
	CacheTTL  time.Duration `opt:"alerting_cache_ttl" default:"3600" unit:"seconds" help:"An alert that was sent is not sent again for this long."`
	CacheSize int64         `opt:"alerting_cache_size" default:"1048576" unit:"bytes" help:"Memory for alerts that were sent, about 256 bytes each."`
	To        []string      `opt:"to" help:"Who is told; nobody: alerts go to the paniclog alone."`
	From      string        `opt:"from" help:"Sender of alert mail; default postmaster@<hostname>."`
	Enabled   bool          `opt:"enabled" default:"true" help:"Count events."`
	DebugLog  string        `opt:"debug_level" default:"ERROR" enum:"DEBUG,INFO,NOTICE,WARNING,ERROR,CRITICAL" help:"Log level of the module."`
	Isolation string        `opt:"isolation" default:"process" enum:"process,core" help:"Run in a process of its own, or inside the core."`
	Rules     []ruleOptions `scope:"rule"`
}

// ruleOptions are a rule scope.
type ruleOptions struct {
	Name    string        `opt:",instance"`
	Pos     option.Pos    `opt:",pos"`
	Event   string        `opt:"event" enum:"permanent_failure,transient_failure,rejection" help:"What is counted."`
	Pattern string        `opt:"pattern" help:"Only events whose reply text matches this regular expression."`
	Count   int64         `opt:"count" default:"1" help:"How many events raise the alert."`
	Window  time.Duration `opt:"window" default:"300" unit:"seconds" help:"The time in which they must happen."`
}

// rule counts one kind of event in a sliding window of buckets.
type rule struct {
	name    string
	hook    sdk.Hook
	pattern *regexp.Regexp
	count   int
	window  time.Duration
	times   []time.Time // of the last count events
}

func newRule(o ruleOptions) (*rule, error) {
	hooks := map[string]sdk.Hook{
		"permanent_failure": sdk.CoreLogPermanentFailure,
		"transient_failure": sdk.CoreLogTransientFailure,
		"rejection":         sdk.CoreLogRejection,
	}
	hook, ok := hooks[o.Event]
	if !ok {
		return nil, fmt.Errorf("rule %q needs an event: permanent_failure, transient_failure or rejection", o.Name)
	}
	if o.Count < 1 || o.Count > maxCount {
		return nil, fmt.Errorf("rule %q: count must be from 1 to %d", o.Name, maxCount)
	}
	pattern, err := regexp.Compile(o.Pattern)
	if err != nil {
		return nil, fmt.Errorf("rule %q: pattern: %w", o.Name, err)
	}
	return &rule{name: o.Name, hook: hook, pattern: pattern, count: int(o.Count), window: o.Window}, nil
}

// maxCount bounds what a rule remembers.
const maxCount = 10000

// hit counts an event; true when it is the one that raises the alert.
func (r *rule) hit(text string, now time.Time) bool {
	if !r.pattern.MatchString(text) {
		return false
	}
	r.times = append(r.times, now)
	if len(r.times) < r.count {
		return false
	}
	first := r.times[len(r.times)-r.count]
	r.times = append(r.times[:0], r.times[len(r.times)-r.count+1:]...)
	return now.Sub(first) <= r.window
}

// sent remembers what was sent, so that it is not sent again too soon.
type sent struct {
	ttl  time.Duration
	most int
	at   map[string]time.Time
}

// entryCost is about what one remembered alert takes, in bytes.
const entryCost = 256

// first reports whether key was not sent within the ttl, and remembers it.
func (s *sent) first(key string, now time.Time) bool {
	if t, ok := s.at[key]; ok && now.Sub(t) < s.ttl {
		return false
	}
	if len(s.at) >= s.most {
		s.forgetOldest()
	}
	s.at[key] = now
	return true
}

func (s *sent) forgetOldest() {
	var oldest string
	var when time.Time
	for k, t := range s.at {
		if oldest == "" || t.Before(when) {
			oldest, when = k, t
		}
	}
	delete(s.at, oldest)
}

func addresses(list []string) []smtp.Address {
	out := make([]smtp.Address, len(list))
	for i, a := range list {
		out[i] = smtp.Address(a)
	}
	return out
}
