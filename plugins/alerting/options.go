package alerting

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// options are the alerting scope (reference/datasource.md §3). The two cache
// options are the original's; what is watched and who is told are ours.
type options struct {
	CacheTTL   time.Duration    `opt:"alerting_cache_ttl" default:"3600" unit:"seconds" help:"An alert that was sent is not sent again for this long."`
	CacheSize  int64            `opt:"alerting_cache_size" default:"1048576" unit:"bytes" help:"Memory for alerts that were sent, about 256 bytes each."`
	To         []string         `opt:"to" help:"Who is told by mail. With no target at all alerts go to the paniclog alone."`
	From       string           `opt:"from" help:"Sender of alert mail; default postmaster@<hostname>."`
	Interval   time.Duration    `opt:"check_interval" default:"10" unit:"seconds" help:"How often rules look at figures, and whether an alert is over."`
	Recovery   time.Duration    `opt:"recovery" default:"60" unit:"seconds" help:"An alert is over when its condition has not held for this long."`
	MaxPerHour int64            `opt:"max_alerts_per_hour" default:"60" help:"Further alerts within an hour are held back; the next one says how many."`
	Enabled    bool             `opt:"enabled" default:"true" help:"Watch and tell."`
	DebugLog   string           `opt:"debug_level" default:"ERROR" enum:"DEBUG,INFO,NOTICE,WARNING,ERROR,CRITICAL" help:"Log level of the module."`
	Isolation  string           `opt:"isolation" default:"process" enum:"process,core" help:"Run in a process of its own, or inside the core."`
	Rules      []ruleOptions    `scope:"rule" help:"What is watched."`
	Webhooks   []webhookOptions `scope:"webhook" help:"An HTTP server that is told."`
	Syslogs    []syslogOptions  `scope:"syslog" help:"A syslog server that is told."`
}

// ruleOptions are a rule scope: an event, a metric, a counter or a figure of
// inbound_audit, and the limit.
type ruleOptions struct {
	Name    string        `opt:",instance"`
	Pos     option.Pos    `opt:",pos"`
	Event   string        `opt:"event" enum:"permanent_failure,transient_failure,rejection" help:"What is counted: failures for good or for now, or what policy and the server refuse."`
	Pattern string        `opt:"pattern" help:"Only events whose reply text matches this regular expression."`
	Count   int64         `opt:"count" default:"1" help:"So many events within the window raise the alert."`
	Per     string        `opt:"per" default:"rule" enum:"rule,domain,binding,peer" help:"Count events for each domain, binding or client by itself."`
	Metric  string        `opt:"metric" help:"A metric, of which labels choose series: rejections_total{code=\"4*\"}. Of a counter (_total) it is the increase within the window; anything else has to pass the limit for the whole window."`
	Counter string        `opt:"counter" help:"A counter of a script, by its path: the increase within the window."`
	Audit   string        `opt:"audit" enum:"connections,receptions,rejections,sessions" help:"What inbound_audit has counted in all windows of the monitor."`
	Monitor string        `opt:"monitor" default:"300,6" help:"With audit: a monitor of inbound_audit."`
	Network string        `opt:"network" default:"0.0.0.0/0" help:"With audit: whose traffic."`
	Above   *int64        `opt:"above" help:"More than this raises the alert."`
	Below   *int64        `opt:"below" help:"Less than this raises the alert."`
	Window  time.Duration `opt:"window" default:"300" unit:"seconds" help:"The time in which it has to happen, or for which it has to last."`
}

// maxWindow bounds a window: a day.
const maxWindow = 24 * time.Hour

// parse gives the rule, or what is wrong with it.
func (o *ruleOptions) parse() (*rule, error) {
	wrong := func(format string, args ...any) (*rule, error) {
		return nil, fmt.Errorf("rule %q: %s", o.Name, fmt.Sprintf(format, args...))
	}
	sources := 0
	for _, s := range []string{o.Event, o.Metric, o.Counter, o.Audit} {
		if s != "" {
			sources++
		}
	}
	limited := o.Above != nil || o.Below != nil
	switch {
	case sources != 1:
		return wrong("needs one of event, metric, counter and audit")
	case o.Window < time.Second || o.Window > maxWindow:
		return wrong("window must be from 1 to %d", int(maxWindow.Seconds()))
	case o.Event != "" && limited:
		return wrong("an event has a count, not above or below")
	case o.Event == "" && (!limited || o.Above != nil && o.Below != nil):
		return wrong("needs one of above and below")
	case o.Event == "" && (o.Per != "rule" || o.Pattern != ""):
		return wrong("pattern and per go with an event")
	case o.Count < 1:
		return wrong("count must be 1 or more")
	}
	if _, err := netip.ParsePrefix(o.Network); err != nil {
		return wrong("network: %v", err)
	}
	pattern, err := regexp.Compile(o.Pattern)
	if err != nil {
		return wrong("pattern: %v", err)
	}
	hooks := map[string]sdk.Hook{
		"permanent_failure": sdk.CoreLogPermanentFailure, "transient_failure": sdk.CoreLogTransientFailure, "rejection": sdk.CoreLogRejection,
	}
	return &rule{ruleOptions: *o, hook: hooks[o.Event], expr: pattern, states: map[string]*state{}}, nil
}

// grows says that the figure is an increase.
func (o *ruleOptions) grows() bool {
	name, _, _ := strings.Cut(o.Metric, "{")
	return o.Counter != "" || strings.HasSuffix(strings.TrimSpace(name), "_total")
}

// lasts says that the figure has to pass the limit for the whole window.
func (o *ruleOptions) lasts() bool { return o.Metric != "" && !o.grows() }

// condition says in words what raises the alert.
func (o *ruleOptions) condition() string {
	if o.Event != "" {
		return fmt.Sprintf("%d %s events in %s", o.Count, o.Event, o.Window)
	}
	what := o.Metric + o.Counter
	if o.Audit != "" {
		return fmt.Sprintf("inbound_audit %s of %s in monitor %s %s", o.Audit, o.Network, o.Monitor, o.limit())
	}
	if o.grows() {
		return fmt.Sprintf("%s grows in %s by %s", what, o.Window, o.limit())
	}
	return fmt.Sprintf("%s is %s for %s", what, o.limit(), o.Window)
}

func (o *ruleOptions) limit() string {
	if o.Above != nil {
		return fmt.Sprintf("more than %d", *o.Above)
	}
	return fmt.Sprintf("less than %d", *o.Below)
}

// passes reports whether a figure raises the alert.
func (o *ruleOptions) passes(value int64) bool {
	switch {
	case o.Above != nil:
		return value > *o.Above
	case o.Below != nil:
		return value < *o.Below
	}
	return value >= o.Count
}
