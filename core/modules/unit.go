package modules

import (
	"context"
	"time"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// unit is one running module, wherever it runs. It serves several generations
// at once.
type unit interface {
	info() sdk.Info
	prepare(ctx context.Context, cfg sdk.Config) (sdk.Subscription, error)
	// settle cannot fail: a module that dies over it is brought to the same
	// point when it is restarted.
	settle(step rpc.Step, generation uint64)
	call(ctx context.Context, c *sdk.Call, seat *validate.Seat) (*sdk.Answer, error)
	ended(end sdk.SessionEnd, seat validate.Seat)
	query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)
	control(ctx context.Context, words []string) (string, error)
	authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error)
	status() Status
	// stop ends the module, with deinit, and waits for it.
	stop()
}

// UnitState is what a module is doing.
type UnitState uint8

// The states of a unit.
const (
	Running UnitState = iota
	Restarting
	Stopped
)

// String is the state for `module list`.
func (s UnitState) String() string {
	switch s {
	case Running:
		return "running"
	case Restarting:
		return "restarting"
	}
	return "stopped"
}

// Isolation is where a module runs.
type Isolation uint8

// The isolations (option isolation of a built-in module's scope).
const (
	InProcess Isolation = iota // a process of its own
	InCore
)

// String is the option's value.
func (i Isolation) String() string {
	if i == InCore {
		return "core"
	}
	return "process"
}

// Status is one line of `module list`.
type Status struct {
	Name, Instance string
	Version, Help  string
	Isolation      Isolation
	State          UnitState
	PID            int    // the core's own in isolation "core"; 0 while there is none
	Incarnation    uint64 // which run holds sessions' state now
	Hooks          sdk.HookSet
	Since          time.Time // of the present run
	Restarts       int
}

// caller is one module in one generation, as core/validate sees it.
type caller struct {
	unit       unit
	name       string
	generation uint64
	hooks      sdk.HookSet
}

var _ validate.Caller = (*caller)(nil)

func (c *caller) Name() string       { return c.name }
func (c *caller) Hooks() sdk.HookSet { return c.hooks }

func (c *caller) Call(ctx context.Context, call *sdk.Call, seat *validate.Seat) (*sdk.Answer, error) {
	return c.unit.call(ctx, call, seat)
}

func (c *caller) SessionEnded(session uint64, seat validate.Seat) {
	c.unit.ended(sdk.SessionEnd{Session: session, Generation: c.generation}, seat)
}
