package api

import (
	"context"
	"slices"
	"sync"
	"syscall"

	lua "github.com/yuin/gopher-lua"
)

// hold is what mutexes, readers-writer locks and named locks are made of: it
// belongs to one owner that writes, or to several that read. Who waits for it
// lets go of the interpreter, and gets it in the order of arrival. It is
// released when the call ends in which it was taken: a script that raised an
// error does not keep it for ever, as in the original.
type hold struct {
	mu      sync.Mutex
	owners  map[any]*share
	writing bool
	queue   []*holdRequest
}

// share is one owner's part of a hold.
type share struct {
	times int
	stop  func() bool // ends the watch over the owner's call
}

// holdRequest is one who waits. granted is guarded by the hold's mu.
type holdRequest struct {
	owner   any
	write   bool
	call    context.Context // nil outside of calls
	ready   chan struct{}
	granted bool
}

// holdMode is how an owner that has the hold already may take it once more.
type holdMode uint8

const (
	holdOnce      holdMode = iota // not at all
	holdRecursive                 // as often as it likes
)

// owner is whom a hold belongs to: the session, as far as there is one, else
// the call or the Lua thread.
func owner(e *Env, L *lua.LState) (any, context.Context) {
	f := e.World.Frame(L)
	switch {
	case f == nil:
		return L, nil
	case f.Session != 0:
		return f.Session, f.Ctx
	}
	return f.State, f.Ctx
}

func newRequest(e *Env, L *lua.LState, write bool) *holdRequest {
	who, call := owner(e, L)
	return &holdRequest{owner: who, write: write, call: call, ready: make(chan struct{})}
}

// take waits until the request is granted. It gives 0, or the errno of the
// original: EDEADLK, or EINTR where the wait was cut short.
func (h *hold) take(e *Env, L *lua.LState, r *holdRequest, mode holdMode) syscall.Errno {
	if errno := h.try(r, mode); errno != syscall.EBUSY {
		return errno
	}
	h.mu.Lock()
	h.queue = append(h.queue, r)
	h.serve() // it may have become free meanwhile
	h.mu.Unlock()
	e.World.Wait(L, false, func(ctx context.Context) {
		select {
		case <-r.ready:
		case <-ctx.Done():
		}
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.granted {
		return 0
	}
	h.queue = slices.DeleteFunc(h.queue, func(other *holdRequest) bool { return other == r })
	h.serve()
	return syscall.EINTR
}

// try takes the hold if that is possible at once; else EBUSY, or EDEADLK where
// waiting would be for the owner itself.
func (h *hold) try(r *holdRequest, mode holdMode) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch mine := h.owners[r.owner]; {
	case mine != nil && (mode == holdRecursive || !r.write && !h.writing):
		mine.times++
		return 0
	case mine != nil:
		return syscall.EDEADLK
	case len(h.queue) > 0 || !h.free(r):
		return syscall.EBUSY
	}
	h.grant(r)
	return 0
}

func (h *hold) free(r *holdRequest) bool {
	return len(h.owners) == 0 || !r.write && !h.writing
}

func (h *hold) grant(r *holdRequest) {
	if h.owners == nil {
		h.owners = make(map[any]*share)
	}
	s := &share{times: 1, stop: func() bool { return true }}
	if r.call != nil {
		s.stop = context.AfterFunc(r.call, func() { h.drop(r.owner, s) })
	}
	h.owners[r.owner] = s
	h.writing = r.write
	r.granted = true
	close(r.ready)
}

// serve grants what can be granted, first come first served.
func (h *hold) serve() {
	for len(h.queue) > 0 && h.free(h.queue[0]) {
		h.grant(h.queue[0])
		h.queue = h.queue[1:]
	}
}

// drop takes a share away whose call has ended.
func (h *hold) drop(who any, s *share) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.owners[who] == s {
		delete(h.owners, who)
		h.serve()
	}
}

// release gives one of the owner's shares back; EPERM if it has none.
func (h *hold) release(who any) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.owners[who]
	if s == nil {
		return syscall.EPERM
	}
	if s.times--; s.times == 0 {
		s.stop()
		delete(h.owners, who)
		h.serve()
	}
	return 0
}

// idle reports that nobody has or wants the hold.
func (h *hold) idle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.owners) == 0 && len(h.queue) == 0
}

// holdResult is what the original's locks answer: true, an error for misuse,
// else the errno as a number.
func holdResult(L *lua.LState, operation string, errno syscall.Errno) int {
	switch errno {
	case 0:
		L.Push(lua.LTrue)
	case syscall.EDEADLK, syscall.EPERM, syscall.EINTR:
		L.RaiseError("failed to %s: %d %s", operation, int(errno), errno.Error())
	default:
		L.Push(lua.LNumber(errno))
	}
	return 1
}
