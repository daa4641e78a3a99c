package api

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// Begin prepares f, and the call's state, for phase number i of c. A copy that
// was discarded has nothing left to decide (sdk.State.Skips).
func (f *Frame) Begin(ctx context.Context, c *sdk.Call, i int) (wanted bool) {
	f.Ctx, f.State, f.Phase, f.Session = ctx, c.State, c.Phases[i], c.State.Conn.Session
	if i == 0 {
		f.Reply = c.Reply
	}
	c.State.Enter(f.Phase, c.SplitIDs)
	return c.State.Copies == nil || !c.State.Skips(f.Phase)
}

// End finishes a phase that refused nothing.
func (f *Frame) End() { f.State.Leave(f.Phase, false) }

// Arguments appends what the callouts of f's phase are called with, behind
// self (sdk.HookInfo.Args). All callouts of a phase get the same objects.
func Arguments(e *Env, L *lua.LState, f *Frame, args []lua.LValue) []lua.LValue {
	if f.args == nil {
		f.args = HookArgs(e, L, f)
	}
	return append(args, f.args...)
}
