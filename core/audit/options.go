package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// Options are the inbound_audit scope (reference/modules.tsv, inbound_audit).
type Options struct {
	Monitors     []string      `opt:"monitors" help:"What is counted, as \"SECONDS,COUNT\": windows of so many seconds, and how many of them are kept beside the current one."`
	SerializeDir string        `opt:"serialize_dir" default:"/var/log/mtad/audit_series_persist" help:"Directory where persistent series are kept over a restart."`
	LogDir       string        `opt:"log_dir" default:"/var/log/mtad/audit_series_logs" help:"Taken for compatibility: series are not written to logs."`
	Maintenance  time.Duration `opt:"maintenance_interval" default:"300" unit:"seconds" help:"How often expired counts are dropped and persistent series saved; at least one second."`
	MaxNetworks  int64         `opt:"max_networks" default:"100000" help:"Networks that a monitor keeps apart; beyond them those not heard of for the longest time count only for the networks around them."`
}

// monitor is one item of the option monitors.
type monitor struct {
	name string // "300,6"
	shape
}

// Bounds of what a configuration may ask for.
const (
	minNetworks = 16
	maxNetworks = 10_000_000
	maxWindows  = 10_000
	maxInterval = 366 * 24 * 3600 // seconds
)

// Settings are checked Options. They do not change.
type Settings struct {
	monitors    []monitor
	dir         string // "" without an inbound_audit scope
	maintenance time.Duration
	networks    int
}

// Prepare reads the inbound_audit scopes of a configuration; of several the
// later one counts. Without any there are no monitors, and series are not
// persistent.
func Prepare(scopes []*option.Scope) (*Settings, option.Problems) {
	var o Options
	bad := option.DecodeLayers(&o, scopes...)
	s := &Settings{networks: int(max(min(o.MaxNetworks, maxNetworks), minNetworks)), maintenance: max(o.Maintenance, time.Second)}
	if len(scopes) == 0 {
		return s, bad
	}
	s.dir = o.SerializeDir
	for _, text := range o.Monitors {
		m, err := parseMonitor(text)
		if err != nil {
			bad = append(bad, option.Problem{Pos: position(scopes, "monitors"), Text: err.Error()})
			continue
		}
		s.monitors = append(s.monitors, m)
	}
	return s, bad
}

func position(scopes []*option.Scope, name string) option.Pos {
	last := scopes[len(scopes)-1]
	for _, s := range scopes {
		if a, ok := s.Attr(name); ok {
			return a.Pos
		}
	}
	return last.Pos
}

// parseMonitor reads "300,6". Its six windows are those before the current one,
// as the manual's `inbound_audit show ip` prints them.
func parseMonitor(text string) (monitor, error) {
	seconds, count, ok := strings.Cut(text, ",")
	interval, err1 := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
	windows, err2 := strconv.Atoi(strings.TrimSpace(count))
	if !ok || err1 != nil || err2 != nil || interval < 1 || interval > maxInterval || windows < 1 || windows > maxWindows {
		return monitor{}, fmt.Errorf("monitors: %q is no monitor: a window's seconds and a number of windows are expected, such as \"300,6\"", text)
	}
	return monitor{monitorName(interval, windows), shape{interval: interval, count: windows + 1, figures: trafficFigures}}, nil
}

// monitorName is the name that scripts call a monitor by.
func monitorName(interval int64, windows int) string {
	return fmt.Sprintf("%d,%d", interval, windows)
}
