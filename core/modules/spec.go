package modules

import (
	"fmt"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Rank is a module's place in the order of preparation: what others need while
// they prepare comes first (design: datasource, alerting, third party,
// scriptlet). Abort and Close go the other way.
type Rank uint8

// The ranks, in order.
const (
	RankDatasource Rank = iota
	RankAlerting
	RankThirdParty
	RankScriptlet
)

// Spec is what a module is and how it is started. Two generations with equal
// specs share one process.
type Spec struct {
	Name string // its scope in the configuration
	Rank Rank
	// Command starts the module's process; Command[0] is the executable, for a
	// built-in module /proc/self/exe.
	Command []string
	// SHA256 is the executable's checksum in hexadecimal, verified at every
	// start; "" is not verified.
	SHA256 string
	// Procs is the GOMAXPROCS of the process; 0 leaves it to the runtime.
	Procs int
	// Env is added to the environment of the process, as "NAME=value".
	Env []string
	// InCore runs New() inside the core instead of a process (isolation = "core").
	InCore bool
	New    func() sdk.Module
}

// key is equal where one process can serve both specs.
func (s *Spec) key() string {
	return fmt.Sprintf("%q %q %q %d %q %t", s.Name, s.Command, strings.ToLower(s.SHA256), s.Procs, s.Env, s.InCore)
}

// ModuleConfig is a configured module: what it is, and what it is given.
// Config.Generation is set by Prepare.
type ModuleConfig struct {
	Spec
	Config sdk.Config
}

// instance is the label of the module's scope, "" where there are several or
// none.
func (c *ModuleConfig) instance() string {
	if own := c.own(); len(own) == 1 {
		return own[0].Instance
	}
	return ""
}

// own are the module's own scopes, without those of others that a module of ours
// reads too.
func (c *ModuleConfig) own() []option.Scope {
	if c.New == nil {
		return c.Config.Scopes
	}
	var out []option.Scope
	for _, s := range c.Config.Scopes {
		if s.Name == c.Name {
			out = append(out, s)
		}
	}
	return out
}

// Timing is every wait of the supervisor's. The zero value of a field is its
// default.
type Timing struct {
	Heartbeat  time.Duration // between two heartbeats; 1 s
	Stuck      time.Duration // without an answer: killed; 5 s
	Backoff    time.Duration // before the first restart, doubling; 50 ms
	BackoffMax time.Duration // 5 s; a module that ran twice as long begins anew
	Start      time.Duration // until a process has made its handshake; 10 s
	Prepare    time.Duration // of one generation, in a restarted module; 60 s
	Settle     time.Duration // of a commit, abort or retire; 30 s
	Stop       time.Duration // of a module's deinit and exit; 5 s
}

func (t Timing) withDefaults() Timing {
	fields := []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Heartbeat, time.Second},
		{&t.Stuck, 5 * time.Second},
		{&t.Backoff, 50 * time.Millisecond},
		{&t.BackoffMax, 5 * time.Second},
		{&t.Start, 10 * time.Second},
		{&t.Prepare, 60 * time.Second},
		{&t.Settle, 30 * time.Second},
		{&t.Stop, 5 * time.Second},
	}
	for _, f := range fields {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return t
}
