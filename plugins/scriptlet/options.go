package scriptlet

import (
	"fmt"
	"strconv"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// options is the scriptlet scope.
type options struct {
	Enabled      bool          `opt:"enabled" default:"true" help:"Whether the module runs any script."`
	Interpreters string        `opt:"interpreters" default:"auto" help:"How many Lua worlds there are: a number, or auto: where no callout changes what outlives it one for every two cores (in isolation core, for each), else one. The process of the module has as many processors; heavy scripts on many cores want a number."`
	Isolation    string        `opt:"isolation" enum:"process,core" default:"process" help:"Where scripts run: in a process of their own, or inside the core."`
	OnError      string        `opt:"on_error" enum:"tempfail,continue,reject" default:"tempfail" help:"What a client sees when a callout raises an error."`
	OnBadReturn  string        `opt:"on_bad_return" enum:"cont,tempfail" default:"cont" help:"What a callout counts as that returns no verdict."`
	LimitAction  string        `opt:"limit_action" enum:"tempfail,log" default:"tempfail" help:"What a client sees when a callout exceeds a limit; log: as if it had returned VALIDATE_CONT."`
	CPULimit     time.Duration `opt:"cpu_limit" type:"millis" unit:"ms" default:"250" help:"Lua time of one callout."`
	WallLimit    time.Duration `opt:"wall_limit" type:"seconds" unit:"s" default:"60" help:"Time of one callout, waiting and VALIDATE_AGAIN included, msys.sleep not."`
	MemoryLimit  int64         `opt:"memory_limit" type:"bytes" unit:"bytes" default:"67108864" help:"Growth of the heap during one callout."`
	Coroutines   int64         `opt:"coroutine_limit" default:"200" help:"Live coroutines of one callout."`
	CallDepth    int64         `opt:"call_depth" default:"200" help:"Nested Lua calls."`
	UnsafeLibs   bool          `opt:"unsafe_libs" default:"false" help:"Gives scripts io, all of os and debug, loadfile and dofile."`

	ScriptTTL    int64 `opt:"script_ttl" default:"300" help:"Accepted for compatibility; scripts are read at each reload."`
	ReapInterval int64 `opt:"reap_interval" default:"120" help:"Accepted for compatibility; there is nothing to reap."`
	MaxSpare     int64 `opt:"max_spare_per_master" default:"5000" help:"Accepted for compatibility."`
	GCPause      int64 `opt:"gc_pause" default:"200" help:"Accepted for compatibility; Go collects garbage."`
	GCStepMul    int64 `opt:"gc_stepmul" default:"200" help:"Accepted for compatibility; Go collects garbage."`
	AlwaysGC     bool  `opt:"always_gc" default:"false" help:"Accepted for compatibility; Go collects garbage."`

	DebugLevel string `opt:"debug_level" default:"" help:"Accepted for compatibility; print and errors are always written."`

	Instance string         `opt:",instance,optional"`
	Pos      option.Pos     `opt:",pos"`
	Scripts  []scriptOption `scope:"script" help:"A policy script; scripts run in the order they are declared in."`
}

// scriptOption is a script scope.
type scriptOption struct {
	Source string     `opt:"source" help:"The script, without extension; '.' and '/' both separate directories."`
	Name   string     `opt:",instance,required"`
	Pos    option.Pos `opt:",pos"`
}

func (o *options) limits() limits {
	return limits{
		cpu: o.CPULimit, wall: o.WallLimit, memory: o.MemoryLimit,
		coroutines: int(o.Coroutines), depth: int(o.CallDepth),
	}
}

// check finds what the types cannot say.
func (o *options) check() []sdk.Problem {
	var out []sdk.Problem
	problem := func(pos option.Pos, format string, args ...any) {
		out = append(out, sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Text: fmt.Sprintf(format, args...)})
	}
	if o.Interpreters != "auto" {
		if n, err := strconv.Atoi(o.Interpreters); err != nil || n < 1 || n > maxInterpreters {
			problem(o.Pos, "interpreters is %q; it must be auto or a number from 1 to %d", o.Interpreters, maxInterpreters)
		}
	}
	if o.UnsafeLibs && o.Isolation == "core" {
		problem(o.Pos, "unsafe_libs needs isolation = \"process\": a script could end the whole server")
	}
	if o.CPULimit < time.Millisecond {
		problem(o.Pos, "cpu_limit is %s; it must be at least 1 ms", o.CPULimit)
	}
	if o.CallDepth < 20 {
		problem(o.Pos, "call_depth is %d; it must be at least 20", o.CallDepth)
	}
	for i := range o.Scripts {
		if o.Scripts[i].Source == "" {
			problem(o.Scripts[i].Pos, "script %q has no source", o.Scripts[i].Name)
		}
	}
	return out
}

// maxInterpreters bounds interpreters.
const maxInterpreters = 256

// decode reads the module's scope. Stanzas of the same name are merged already;
// several names are an error (reference/config-syntax.md §1).
func decode(c *sdk.Config) (options, []sdk.Problem) {
	var o options
	if len(c.Scopes) == 0 {
		c.Scopes = []option.Scope{{Name: "scriptlet"}}
	}
	found := option.Decode(&c.Scopes[0], &o)
	problems := make([]sdk.Problem, 0, len(found))
	for _, p := range found {
		problems = append(problems, sdk.Problem{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Text: p.Text})
	}
	for _, s := range c.Scopes[1:] {
		if s.Name != c.Scopes[0].Name {
			continue // of another module, for the functions that need it
		}
		problems = append(problems, sdk.Problem{
			File: s.Pos.File, Line: s.Pos.Line, Column: s.Pos.Column,
			Text: fmt.Sprintf("scriptlet %q: all scriptlet scopes must have one name, and there is %q already", s.Instance, o.Instance),
		})
	}
	return o, append(problems, o.check()...)
}
