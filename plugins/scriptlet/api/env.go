package api

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Env is what an API function works with: the interpreter it runs in and,
// through Frame, the call it serves. One Env belongs to one interpreter.
type Env struct {
	World World

	registry *Registry
	texts    textCache
}

// World is the interpreter's side of Env; plugins/scriptlet implements it.
type World interface {
	// Host is the core.
	Host() sdk.Host
	// Wait lets go of the interpreter while f runs, and takes it again
	// afterwards. f must not touch Lua. ctx ends with the callout's deadline.
	// paused does not count against the wall limit (sleep).
	Wait(L *lua.LState, paused bool, f func(ctx context.Context))
	// Frame is the call that L's goroutine serves; nil in timers, init,
	// console commands and at load.
	Frame(L *lua.LState) *Frame
	// Spend counts steps of work done in Go against the script's budget, and
	// raises when it is used up. A step is about 10 ns.
	Spend(L *lua.LState, steps int)
	// Print writes to the paniclog, or to the console reply where a control
	// handler runs on L.
	Print(L *lua.LState, text string)
	// Config is what the generation was prepared from.
	Config() *sdk.Config
	// Shared is what all interpreters of the generation have in common.
	Shared() *Shared
	// Object wraps a Go value as userdata of a class that a package declared.
	Object(L *lua.LState, class string, value any) *lua.LUserData
	// Register binds a script's module (msys.registerModule) while it loads.
	Register(L *lua.LState, name string, table *lua.LTable)
	// RegisterControl adds a console command; staged until Commit.
	RegisterControl(L *lua.LState, prefix string, fn *lua.LFunction)
	// RegisterAuth adds an authentication scheme while init runs.
	RegisterAuth(L *lua.LState, scheme string, table *lua.LTable)
	// RegisterRules adds rules for adaptive delivery while scripts load.
	RegisterRules(L *lua.LState, r *sdk.AdaptiveRules)
	// Timer schedules fn; every 0 means once. stop ends it. Before Commit it
	// is staged.
	Timer(L *lua.LState, after, every time.Duration, name string, fn *lua.LFunction) (stop func())
	// Go runs fn in the interpreter on a goroutine of its own after the
	// calling function has unwound (runInPool "fire and forget").
	Go(L *lua.LState, fn *lua.LFunction)
	// Now is the time; tests set it.
	Now() time.Time
}

// Frame is one phase being run for one session: the snapshot, and the record of
// what the scripts changed.
type Frame struct {
	Ctx     context.Context
	State   *sdk.State
	Phase   sdk.Phase
	Reply   *smtp.Reply // the reply so far; set_code replaces it
	SetCode bool        // Reply was set in this phase
	Changes []sdk.Change
	Session uint64

	args []lua.LValue // what the phase's callouts are called with
	out  outArgs      // those of args that they write into
}

// Change records a change and applies it to the snapshot, so that later code
// in the same call sees it.
func (f *Frame) Change(c sdk.Change) error {
	if err := sdk.Apply(f.State, &c); err != nil {
		return err
	}
	f.Changes = append(f.Changes, c)
	return nil
}

// Message is the message the phase works on; nil before MAIL FROM.
func (f *Frame) Message() *sdk.Message {
	if f.Phase.Hook.Info().Target == sdk.TargetCopy {
		return f.State.Target(f.Phase)
	}
	return f.State.Message
}
