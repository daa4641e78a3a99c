package api

import (
	"context"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// The classes of the thread package.
const (
	classMutex     = "mutex"
	classCondition = "condition"
	classRWLock    = "rwlock"
	classThread    = "thread_object"
)

// The types of a mutex; the numbers are those of Linux.
const (
	mutexNormal     = 0
	mutexRecursive  = 1
	mutexErrorCheck = 2
)

// mutex is the value behind an object of classMutex.
type mutex struct {
	hold
	mode holdMode
}

// threadPackage is the thread library of the original, without its threads:
// a session is what runs beside another.
func threadPackage() Package {
	return Package{
		Name:    "thread",
		Doc:     "Locks between sessions. Who waits for one lets the others go on. A lock belongs to the session, and is released at the latest when the call ends in which it was taken.",
		Preload: true,
		Consts: []Const{
			{"MUTEX_NORMAL", lua.LNumber(mutexNormal), "A mutex; taking it twice raises an error, where the original would wait for ever."},
			{"MUTEX_RECURSIVE", lua.LNumber(mutexRecursive), "A mutex that its owner may take several times."},
			{"MUTEX_ERRORCHECK", lua.LNumber(mutexErrorCheck), "A mutex; taking it twice raises an error. The default."},
		},
		Funcs: []Func{
			{
				Name: "mutex", Params: []Param{{Name: "type", Type: Number, Optional: true}},
				Returns: "mutex", Phases: "any", Since: "3.2",
				Doc:     "Makes a mutex.",
				Example: `local m = thread.mutex(); m:lock(); m:unlock()`,
				Do: func(e *Env, L *lua.LState) int {
					m := &mutex{}
					switch L.OptInt(1, mutexErrorCheck) {
					case mutexRecursive:
						m.mode = holdRecursive
					case mutexNormal, mutexErrorCheck:
					default:
						L.ArgError(1, "specify one of thread.MUTEX_NORMAL, thread.MUTEX_RECURSIVE or thread.MUTEX_ERRORCHECK")
					}
					L.Push(e.Object(classMutex, m))
					return 1
				},
			},
			{
				Name: "condition", Params: []Param{{Name: "mutex", Type: Userdata, Class: classMutex, Optional: true}},
				Returns: "condition", Phases: "any", Since: "3.2",
				Doc:     "Makes a condition variable, with a mutex of its own if none is given.",
				Example: `local c = thread.condition()`,
				Do: func(e *Env, L *lua.LState) int {
					c := &condition{mutex: &mutex{}}
					if ud, ok := L.Get(1).(*lua.LUserData); ok {
						c.mutex = ud.Value.(*mutex)
					}
					L.Push(e.Object(classCondition, c))
					return 1
				},
			},
			{
				Name: "rwlock", Returns: "rwlock", Phases: "any", Since: "3.2",
				Doc:     "Makes a lock that many may hold for reading or one for writing.",
				Example: `local l = thread.rwlock(); l:rdlock(); l:unlock()`,
				Do: func(e *Env, L *lua.LState) int {
					L.Push(e.Object(classRWLock, &hold{}))
					return 1
				},
			},
			{
				Name: "sleep", Params: []Param{{Name: "seconds", Type: Number}},
				Returns: "0", Phases: "any", Since: "3.2",
				Doc:     "Suspends the session for whole seconds, as msys.sleep does.",
				Example: `thread.sleep(1)`,
				Do: func(e *Env, L *lua.LState) int {
					d := time.Duration(max(L.ToInt64(1), 0)) * time.Second
					e.World.Wait(L, true, func(ctx context.Context) { pause(ctx, d) })
					L.Push(lua.LNumber(0))
					return 1
				},
			},
			{
				Name:    "create",
				Params:  []Param{{Name: "fn", Type: Function}, {Name: "arg", Type: Any, Optional: true}, {Name: "joinable", Type: Boolean, Optional: true}},
				Returns: "thread", Phases: "any", Since: "3.2",
				Doc:     "Starts a thread.",
				Example: `thread.create(function() end)`,
				Status:  Unsupported, Why: `a script starts no threads; msys.runInPool("IO", fn, true) runs fn beside the session`,
			},
		},
		Classes: []Class{mutexClass(), conditionClass(), rwlockClass(), threadClass()},
	}
}

func mutexClass() Class {
	self := func(L *lua.LState) *mutex { return L.ToUserData(1).Value.(*mutex) }
	return Class{
		Name: classMutex, Doc: "A mutex of thread.mutex.",
		Methods: []Func{
			{
				Name: "lock", Returns: "true", Phases: "any", Since: "3.2",
				Doc:     "Takes the mutex, waiting for it. Taking it twice raises an error, unless it is recursive.",
				Example: `m:lock()`,
				Do: func(e *Env, L *lua.LState) int {
					m := self(L)
					return holdResult(L, "lock mutex", m.take(e, L, newRequest(e, L, true), m.mode))
				},
			},
			{
				Name: "trylock", Returns: "true | number", Phases: "any", Since: "3.2",
				Doc:     "Takes the mutex if it is free. Otherwise it gives an error number (16), which counts as true in Lua.",
				Example: `if m:trylock() == true then m:unlock() end`,
				Do: func(e *Env, L *lua.LState) int {
					m := self(L)
					return tryResult(L, "trylock mutex", m.try(newRequest(e, L, true), m.mode))
				},
			},
			{
				Name: "unlock", Returns: "true", Phases: "any", Since: "3.2",
				Doc:     "Gives the mutex back; one that is not the session's raises an error.",
				Example: `m:unlock()`,
				Do: func(e *Env, L *lua.LState) int {
					who, _ := owner(e, L)
					return holdResult(L, "unlock mutex", self(L).release(who))
				},
			},
		},
	}
}

// tryResult: what the owner itself has is busy too.
func tryResult(L *lua.LState, operation string, errno syscall.Errno) int {
	if errno == syscall.EDEADLK {
		errno = syscall.EBUSY
	}
	return holdResult(L, operation, errno)
}

func rwlockClass() Class {
	self := func(L *lua.LState) *hold { return L.ToUserData(1).Value.(*hold) }
	method := func(name, doc string, do func(e *Env, L *lua.LState, h *hold) int) Func {
		return Func{
			Name: name, Returns: "true", Phases: "any", Since: "3.2", Doc: doc, Example: "l:" + name + "()",
			Do: func(e *Env, L *lua.LState) int { return do(e, L, self(L)) },
		}
	}
	return Class{
		Name: classRWLock, Doc: "A lock of thread.rwlock.",
		Methods: []Func{
			method("rdlock", "Takes the lock for reading, waiting for it.", func(e *Env, L *lua.LState, h *hold) int {
				return holdResult(L, "rdlock", h.take(e, L, newRequest(e, L, false), holdOnce))
			}),
			method("wrlock", "Takes the lock for writing, waiting for it.", func(e *Env, L *lua.LState, h *hold) int {
				return holdResult(L, "wrlock", h.take(e, L, newRequest(e, L, true), holdOnce))
			}),
			method("tryrdlock", "Takes the lock for reading if that is possible at once, else gives an error number.", func(e *Env, L *lua.LState, h *hold) int {
				return tryResult(L, "tryrdlock", h.try(newRequest(e, L, false), holdOnce))
			}),
			method("trywrlock", "Takes the lock for writing if that is possible at once, else gives an error number.", func(e *Env, L *lua.LState, h *hold) int {
				return tryResult(L, "trywrlock", h.try(newRequest(e, L, true), holdOnce))
			}),
			method("unlock", "Gives the lock back.", func(e *Env, L *lua.LState, h *hold) int {
				who, _ := owner(e, L)
				return holdResult(L, "unlock", h.release(who))
			}),
		},
	}
}

func threadClass() Class {
	return Class{
		Name: classThread, Doc: "A thread of thread.create; there are none.",
		Methods: []Func{{
			Name: "join", Returns: "true", Phases: "any", Since: "3.2",
			Doc: "Waits for a thread.", Example: `t:join()`,
			Status: Unsupported, Why: "a script starts no threads",
		}},
	}
}
