package scriptlet

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// callout is one function that a script registered for a hook.
type callout struct {
	reg  *registration
	fn   *lua.LFunction
	hook sdk.HookInfo
}

// where is "file:line: " of the callout's definition, "" if it is no Lua.
func (c *callout) where() string {
	if c.fn.Proto == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", c.fn.Proto.SourceName, c.fn.Proto.LineDefined)
}

// AGAIN asks a callout once more after a pause that grows between these.
const (
	againFirst = 10 * time.Millisecond
	againMost  = time.Second
)

// serve runs the phases of a call, in order, until one ends the run.
func (in *interpreter) serve(ctx context.Context, s *session, c *sdk.Call) *sdk.Answer {
	ans := &sdk.Answer{Results: make([]sdk.PhaseResult, 0, len(c.Phases))}
	r := in.begin(ctx, in.limits)
	r.sess = s
	t := in.enter(r)
	frames := make([]api.Frame, len(c.Phases))
	for i, p := range c.Phases {
		c.State.Enter(p, c.SplitIDs)
		var result sdk.PhaseResult
		if c.State.Copies == nil || !c.State.Skips(p) {
			frames[i] = api.Frame{Ctx: ctx, State: c.State, Phase: p, Session: c.State.Conn.Session}
			if i == 0 {
				frames[i].Reply = c.Reply
			}
			result, t = in.phase(r, t, &frames[i])
		}
		ans.Results = append(ans.Results, result)
		if result.EndsRun() {
			break
		}
		c.State.Leave(p, false)
	}
	r.frame = nil
	in.leave(r, t)
	return ans
}

// phase runs every callout of one phase, in configuration order.
func (in *interpreter) phase(r *run, t *thread, f *api.Frame) (sdk.PhaseResult, *thread) {
	var result sdk.PhaseResult
	r.frame = f
	for _, c := range in.hooks[f.Phase.Hook] {
		r.rearm(in.limits)
		verdict, failure, broken := in.ask(r, t, c)
		if broken {
			t = in.thread(r)
		}
		if failure != nil {
			result.Failed = true
			result.Reply = failure
			break
		}
		if verdict == sdk.Done {
			result.Verdict = sdk.Done
			break
		}
	}
	result.Changes = f.Changes
	if f.SetCode && !result.Failed {
		result.Reply = f.Reply
	}
	return result, t
}

// ask calls one callout, again and again while it says so. A failure is the
// reply that the client gets for it.
func (in *interpreter) ask(r *run, t *thread, c *callout) (verdict sdk.Verdict, failure *smtp.Reply, broken bool) {
	for pause := againFirst; ; pause = min(2*pause, againMost) {
		got, err := in.invoke(r, t, c)
		if err != nil {
			in.gen.reportError(c.hook.Name, c.reg.name, err)
			return sdk.Continue, in.gen.failure(c.hook, err, r.dead != nil), true
		}
		if c.hook.Void {
			return sdk.Continue, nil, false
		}
		verdict, ok := verdictOf(got, c.hook)
		if !ok {
			return sdk.Continue, in.gen.badReturn(c, got), false
		}
		if verdict != sdk.Again {
			return verdict, nil, false
		}
		if err := in.pauseAgain(r, t, pause); err != nil {
			in.gen.reportError(c.hook.Name, c.reg.name, err)
			return sdk.Continue, in.gen.failure(c.hook, err, true), false
		}
	}
}

// invoke calls the function once: as a method of the session's table where the
// callout has a vctx, else of the registered one.
func (in *interpreter) invoke(r *run, t *thread, c *callout) (lua.LValue, *luaError) {
	self := c.reg.table
	if r.sess != nil {
		r.sess.mark(c.reg)
		if hasContext(c.hook.Args) {
			self = r.sess.selfFor(c.reg)
		}
	}
	args := append(r.args[:0], self)
	args = api.Arguments(in.env, t.L, r.frame, args)
	r.args = args
	return t.call(c.fn, args...)
}

// hasContext reports whether callouts with these arguments get a vctx.
func hasContext(a sdk.Args) bool {
	switch a {
	case sdk.ArgsAcVctx, sdk.ArgsStrAcVctx, sdk.ArgsMsgStrAcVctx, sdk.ArgsListVctx, sdk.ArgsMsgAcVctx, sdk.ArgsVctxAuth:
		return true
	}
	return false
}

// verdictOf reads what a callout returned.
func verdictOf(v lua.LValue, hook sdk.HookInfo) (sdk.Verdict, bool) {
	n, ok := v.(lua.LNumber)
	if !ok {
		return sdk.Continue, false
	}
	switch n {
	case lua.LNumber(sdk.Continue):
		return sdk.Continue, true
	case lua.LNumber(sdk.Done):
		return sdk.Done, true
	case lua.LNumber(sdk.Again):
		return sdk.Again, hook.Again
	}
	return sdk.Continue, false
}

// pauseAgain waits before a callout is asked again. The wait counts against
// the wall limit.
func (in *interpreter) pauseAgain(r *run, t *thread, d time.Duration) *luaError {
	in.Wait(t.L, false, func(ctx context.Context) { in.gen.mod.deps.pause(ctx, d) })
	if r.check(t.L) {
		return &luaError{text: r.dead.text}
	}
	return nil
}

// failure is the reply for a callout that failed; nil where it counts as CONT.
func (g *generation) failure(h sdk.HookInfo, err *luaError, limit bool) *smtp.Reply {
	action := g.options.OnError
	if limit {
		action = g.options.LimitAction
	}
	switch action {
	case "continue", "log":
		return nil
	case "reject":
		return smtp.NewReply(554, "5.3.0", "transaction failed").WithCause(err)
	}
	return temporary(h).WithCause(err)
}

// badReturn is what a callout counts as that returned no verdict.
func (g *generation) badReturn(c *callout, got lua.LValue) *smtp.Reply {
	if g.options.OnBadReturn == "tempfail" {
		g.reportBadReturn(c.hook.Name, c, got, "a temporary failure")
		return temporary(c.hook).WithCause(fmt.Errorf("%s returned %s", c.hook.Name, shown(got)))
	}
	g.reportBadReturn(c.hook.Name, c, got, "VALIDATE_CONT")
	return nil
}

// temporary is the original's reply for a policy that could not decide
// (reference/lua-api-notes.md 19): before DATA the connection is closed.
func temporary(h sdk.HookInfo) *smtp.Reply {
	code := 451
	if h.PreData {
		code = 421
	}
	return smtp.NewReply(code, "4.3.0", "temporary issue, please retry your message later")
}
