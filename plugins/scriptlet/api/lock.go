package api

import (
	"sync"
	"syscall"

	lua "github.com/yuin/gopher-lua"
)

// namedLocks are the locks of msys.lock, shared by all interpreters.
type namedLocks struct {
	mu    sync.Mutex
	holds map[string]*namedLock
}

type namedLock struct {
	hold
	users int // of Go code that works on it
}

// enter finds or makes the lock of a name; leave forgets it when it is idle.
func (n *namedLocks) enter(name string) *namedLock {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.holds[name]
	if l == nil {
		l = &namedLock{}
		n.holds[name] = l
	}
	l.users++
	return l
}

func (n *namedLocks) leave(name string, l *namedLock) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.users--; l.users == 0 && l.idle() {
		delete(n.holds, name)
	}
}

// lockPackage is msys.lock and msys.unlock.
func lockPackage() Package {
	locks := &namedLocks{holds: make(map[string]*namedLock)}
	name := []Param{{Name: "name", Type: String}}
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{
			{
				Name: "lock", Params: name, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     "Takes a lock that is known by its name in all of mtad; whoever waits for it lets other sessions go on. It belongs to the session, stays taken while that is suspended, and is released at the end of the call in which it was taken. Taking it twice raises an error.",
				Example: `msys.lock("jlog"); write(); msys.unlock("jlog")`,
				Do: func(e *Env, L *lua.LState) int {
					l := locks.enter(L.ToString(1))
					defer locks.leave(L.ToString(1), l)
					if errno := l.take(e, L, newRequest(e, L, true), holdOnce); errno != 0 {
						holdResult(L, "lock "+L.ToString(1), errno)
					}
					return 0
				},
			},
			{
				Name: "unlock", Params: name, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     "Releases a lock of msys.lock; one that is not the session's raises an error.",
				Example: `msys.unlock("jlog")`,
				Do: func(e *Env, L *lua.LState) int {
					l := locks.enter(L.ToString(1))
					defer locks.leave(L.ToString(1), l)
					who, _ := owner(e, L)
					if errno := l.release(who); errno != syscall.Errno(0) {
						holdResult(L, "unlock "+L.ToString(1), errno)
					}
					return 0
				},
			},
		},
	}
}
