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

// serve runs the phases of a call, in order, until one ends the run. It takes the
// state from phase to phase as the core does (sdk.State.Enter). What it calls
// until a script runs is kept off the stack: thousands of hooks wait on theirs.
func (in *interpreter) serve(ctx context.Context, s *session, c *sdk.Call) *sdk.Answer {
	frames, results := make([]api.Frame, len(c.Phases)), make([]sdk.PhaseResult, len(c.Phases))
	r := in.begin(ctx, in.limits)
	r.sess = s
	r.thread = in.enter(r)
	done := 0
	for done < len(c.Phases) {
		f, out := &frames[done], &results[done]
		if wanted := f.Begin(ctx, c, done); wanted {
			in.phase(r, f, out)
		}
		done++
		if out.EndsRun() {
			break
		}
		f.End()
	}
	r.frame = nil
	in.leave(r, r.thread)
	return &sdk.Answer{Results: results[:done]}
}

// phase runs every callout of one phase, in configuration order.
func (in *interpreter) phase(r *run, f *api.Frame, out *sdk.PhaseResult) {
	r.frame = f
	for _, c := range in.hooks[f.Phase.Hook] {
		r.rearm(in.limits)
		r.failed = false
		began := in.clock()
		next := in.ask(r, c, out)
		out.Scripts = append(out.Scripts, sdk.ScriptTime{Script: c.reg.name, Took: in.clock() - began, Failed: r.failed})
		if !next {
			break
		}
	}
	out.Changes = f.Changes
	if f.SetCode && !out.Failed {
		out.Reply = f.Reply
	}
}

// ask calls one callout, again and again while it says so. It reports whether
// the phase's next callout is to be asked.
func (in *interpreter) ask(r *run, c *callout, out *sdk.PhaseResult) (next bool) {
	for pause := againFirst; ; pause = min(2*pause, againMost) {
		got, err := in.invoke(r, c)
		if err != nil {
			r.thread = in.thread(r) // that one is broken
			return in.failed(r, c, err, out)
		}
		if c.hook.Hook == sdk.CorePreEsmtpAuth {
			got = forceAuth(r.frame, got)
		}
		verdict, ok := verdictOf(in, r, c, got)
		switch {
		case c.hook.Void || ok && verdict == sdk.Continue:
			return true
		case !ok:
			out.Reply = in.gen.badReturn(c, got)
			out.Failed = out.Reply != nil
			return !out.Failed
		case verdict == sdk.Done:
			out.Verdict = sdk.Done
			return false
		}
		if err := in.pauseAgain(r, pause); err != nil {
			return in.failed(r, c, err, out)
		}
	}
}

// failed reports a callout that failed, and whether the phase goes on all the
// same.
func (in *interpreter) failed(r *run, c *callout, err *luaError, out *sdk.PhaseResult) (next bool) {
	r.failed = true
	in.gen.reportError(c.hook.Name, c.reg.name, err)
	out.Reply = in.gen.failure(c, err, r.dead != nil)
	out.Failed = out.Reply != nil
	return !out.Failed
}

// invoke calls the function once: as a method of the session's table where the
// callout has a vctx, else of the registered one.
func (in *interpreter) invoke(r *run, c *callout) (lua.LValue, *luaError) {
	self := c.reg.table
	if r.sess != nil {
		r.sess.mark(c.reg)
		if hasContext(c.hook.Args) {
			self = r.sess.selfFor(c.reg)
		}
	}
	args := api.Arguments(in.env, r.thread.L, r.frame, append(r.args[:0], self))
	return r.thread.call(c.fn, args...)
}

// hasContext reports whether callouts with these arguments get a vctx.
func hasContext(a sdk.Args) bool {
	switch a {
	case sdk.ArgsAcVctx, sdk.ArgsStrAcVctx, sdk.ArgsMsgStrAcVctx, sdk.ArgsListVctx, sdk.ArgsMsgAcVctx, sdk.ArgsVctxAuth, sdk.ArgsReceived, sdk.ArgsAcMcVctx:
		return true
	}
	return false
}

// verdictOf reads what a callout returned.
func verdictOf(in *interpreter, r *run, c *callout, v lua.LValue) (sdk.Verdict, bool) {
	if c.hook.Returns != sdk.ReturnsVerdict {
		return r.frame.TakeAnswer(in.env, r.thread.L, v)
	}
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
		return sdk.Again, c.hook.Again
	}
	return sdk.Continue, false
}

// pauseAgain waits before a callout is asked again. The wait counts against
// the wall limit.
func (in *interpreter) pauseAgain(r *run, d time.Duration) *luaError {
	in.Wait(r.thread.L, false, func(ctx context.Context) { in.gen.mod.deps.pause(ctx, d) })
	if r.check(r.thread.L) {
		return &luaError{text: r.dead.text}
	}
	return nil
}

// failure is the reply for a callout that failed; nil where it counts as CONT.
func (g *generation) failure(c *callout, err *luaError, limit bool) *smtp.Reply {
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
	return temporary(c).WithCause(err)
}

// badReturn is what a callout counts as that returned no verdict.
func (g *generation) badReturn(c *callout, got lua.LValue) *smtp.Reply {
	if g.options.OnBadReturn == "tempfail" {
		g.reportBadReturn(c.hook.Name, c, got, "a temporary failure")
		return temporary(c).WithCause(fmt.Errorf("%s returned %s", c.hook.Name, shown(got)))
	}
	g.reportBadReturn(c.hook.Name, c, got, "VALIDATE_CONT")
	return nil
}

// temporary is the original's reply for a policy that could not decide
// (reference/lua-api-notes.md 19): before DATA the connection is closed.
func temporary(c *callout) *smtp.Reply {
	code := 451
	if c.hook.PreData {
		code = 421
	}
	return smtp.NewReply(code, "4.3.0", "temporary issue, please retry your message later")
}
