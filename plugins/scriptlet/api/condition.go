package api

import (
	"context"
	"slices"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// condition is the value behind an object of classCondition. It lives in one
// interpreter, whose lock guards it.
type condition struct {
	mutex   *mutex
	waiters []chan struct{}
}

func conditionClass() Class {
	self := func(L *lua.LState) *condition { return L.ToUserData(1).Value.(*condition) }
	return Class{
		Name: classCondition, Doc: "A condition variable of thread.condition.",
		Methods: []Func{
			{
				Name: "acquire", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Takes the condition's mutex.", Example: `c:acquire()`,
				Do: func(e *Env, L *lua.LState) int {
					self(L).acquire(e, L)
					return 0
				},
			},
			{
				Name: "release", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Gives the condition's mutex back.", Example: `c:release()`,
				Do: func(e *Env, L *lua.LState) int {
					who, _ := owner(e, L)
					holdResult(L, "unlock mutex", self(L).mutex.release(who))
					return 0
				},
			},
			{
				Name: "signal", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Wakes one who waits.", Example: `c:signal()`,
				Do: func(_ *Env, L *lua.LState) int {
					self(L).wake(1)
					return 0
				},
			},
			{
				Name: "broadcast", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Wakes all who wait.", Example: `c:broadcast()`,
				Do: func(_ *Env, L *lua.LState) int {
					self(L).wake(len(self(L).waiters))
					return 0
				},
			},
			{
				Name: "wait", Params: []Param{{Name: "seconds", Type: Number, Optional: true}},
				Returns: "nothing; with seconds whether it was woken", Phases: "any", Since: "3.2",
				Doc:     "Gives the mutex back, waits to be woken or until the seconds are over, and takes the mutex again.",
				Example: `c:acquire(); while not ready do c:wait() end; c:release()`,
				Do:      func(e *Env, L *lua.LState) int { return self(L).wait(e, L) },
			},
		},
	}
}

func (c *condition) acquire(e *Env, L *lua.LState) {
	holdResult(L, "lock mutex", c.mutex.take(e, L, newRequest(e, L, true), c.mutex.mode))
}

func (c *condition) wake(n int) {
	for _, ch := range c.waiters[:min(n, len(c.waiters))] {
		close(ch)
	}
	c.waiters = c.waiters[min(n, len(c.waiters)):]
}

func (c *condition) wait(e *Env, L *lua.LState) int {
	who, _ := owner(e, L)
	if errno := c.mutex.release(who); errno != 0 {
		L.RaiseError("cond:wait failed: %s", errno.Error())
	}
	woken := make(chan struct{})
	c.waiters = append(c.waiters, woken)
	limit := time.Duration(-1)
	if L.GetTop() > 1 {
		limit = max(seconds(L.ToNumber(2)), 0)
	}
	e.World.Wait(L, false, func(ctx context.Context) { await(ctx, woken, limit) })
	ok := !slices.Contains(c.waiters, woken) // wake has taken it out
	c.waiters = slices.DeleteFunc(c.waiters, func(ch chan struct{}) bool { return ch == woken })
	c.acquire(e, L)
	if limit < 0 {
		if !ok {
			L.RaiseError("cond:wait failed: %s", syscall.EINTR.Error())
		}
		return 0
	}
	L.Push(lua.LBool(ok))
	return 1
}

// await waits for ch, for a time of limit unless that is negative, and while
// ctx lasts.
func await(ctx context.Context, ch <-chan struct{}, limit time.Duration) {
	if limit >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	select {
	case <-ch:
	case <-ctx.Done():
	}
}
