package api

import (
	"context"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// beside runs a script on a thread of its own. It returns once the script
// waits, or has ended; done gives its result.
func (w *fakeWorld) beside(script string) (done chan string) {
	w.t.Helper()
	w.mu.Lock()
	L, _ := w.L.NewThread()
	w.mu.Unlock()
	for len(w.waiting) > 0 {
		<-w.waiting
	}
	done = make(chan string, 1)
	go func() {
		out, err := w.try(L, script)
		switch {
		case err != nil:
			done <- err.(*lua.ApiError).Object.String()
		case len(out) > 0:
			done <- out[0]
		default:
			done <- ""
		}
	}()
	select {
	case <-w.waiting:
	case s := <-done:
		done <- s
	}
	return done
}

func TestMutex(t *testing.T) {
	w := newWorld(t)
	w.run(`m = thread.mutex() r = thread.mutex(thread.MUTEX_RECURSIVE) list = ""`)
	w.is("true true true mutex", `return m:lock(), m:unlock(), m:trylock(), msys.type(m)`)
	w.is("16", `return m:trylock()`)
	w.raises("failed to lock mutex: 35", `m:lock()`)
	first := w.beside(`m:lock() list = list .. "1" m:unlock()`)
	second := w.beside(`m:lock() list = list .. "2" m:unlock()`)
	third := w.beside(`return m:trylock()`)
	if s := <-third; s != "16" {
		t.Errorf("trylock gave %s", s)
	}
	w.is("", `return list`)
	w.is("true", `return m:unlock()`)
	for _, done := range []chan string{first, second} {
		if s := <-done; s != "" {
			t.Error(s)
		}
	}
	w.is("12", `return list`)
	w.raises("failed to unlock mutex: 1", `m:unlock()`)
	w.is("true true true true", `return r:lock(), r:lock(), r:unlock(), r:unlock()`)
	w.raises("failed to unlock mutex", `r:unlock()`)
	w.is("true", `return thread.mutex(thread.MUTEX_NORMAL):lock()`)
	w.raises("specify one of", `thread.mutex(9)`)
	if s := <-w.beside(`m:lock() return m:lock()`); s == "" {
		t.Error("a mutex was taken twice")
	}
}

func TestNamedLock(t *testing.T) {
	w := newWorld(t)
	w.run(`msys.lock("a") msys.lock("b") msys.unlock("b")`)
	w.raises("failed to lock a: 35", `msys.lock("a")`)
	w.raises("failed to unlock b: 1", `msys.unlock("b")`)
	done := w.beside(`msys.lock("a") msys.unlock("a") return "got it"`)
	w.run(`msys.unlock("a")`)
	if s := <-done; s != "got it" {
		t.Error(s)
	}
	w.raises("failed to unlock a", `msys.unlock("a")`)
}

func TestNamedLocksAreForgotten(t *testing.T) {
	locks := &namedLocks{holds: make(map[string]*namedLock)}
	l := locks.enter("x")
	if errno := l.try(&holdRequest{owner: 1, write: true, ready: make(chan struct{})}, holdOnce); errno != 0 {
		t.Fatal(errno)
	}
	locks.leave("x", l)
	if locks.enter("x") != l {
		t.Error("a taken lock was forgotten")
	}
	l.release(1)
	locks.leave("x", l)
	if len(locks.holds) != 0 {
		t.Error("an idle lock was kept")
	}
}

func TestRWLock(t *testing.T) {
	w := newWorld(t)
	w.run(`l = thread.rwlock() order = ""`)
	w.is("true true rwlock", `return l:rdlock(), l:rdlock(), msys.type(l)`)
	w.raises("failed to wrlock", `l:wrlock()`)
	if s := <-w.beside(`return l:rdlock() and l:trywrlock() == 16 and l:unlock() and l:trywrlock()`); s != "16" {
		t.Error(s)
	}
	writer := w.beside(`l:wrlock() order = order .. "w" l:unlock()`)
	reader := w.beside(`l:rdlock() order = order .. "r" l:unlock()`)
	if s := <-w.beside(`return l:tryrdlock()`); s != "16" {
		t.Errorf("a reader passed a waiting writer: %s", s)
	}
	w.is("true true", `return l:unlock(), l:unlock()`)
	<-writer
	<-reader
	w.is("wr true", `return order, l:trywrlock()`)
	w.raises("failed to rdlock", `l:rdlock()`)
	w.is("16 true", `return l:tryrdlock(), l:unlock()`)
}

func TestCondition(t *testing.T) {
	w := newWorld(t)
	w.run(`c = thread.condition() n = 0`)
	waiters := []chan string{}
	for range 3 {
		waiters = append(waiters, w.beside(`c:acquire() c:wait() n = n + 1 c:release() return "woken"`))
	}
	w.run(`c:acquire() c:signal() c:release()`)
	if s := <-waiters[0]; s != "woken" {
		t.Error(s)
	}
	w.is("1", `return n`)
	w.run(`c:acquire() c:broadcast() c:release()`)
	for _, done := range waiters[1:] {
		if s := <-done; s != "woken" {
			t.Error(s)
		}
	}
	w.is("3 false", `c:acquire() local woken = c:wait(0.001) c:release() return n, woken`)
	w.raises("cond:wait failed: operation not permitted", `c:wait()`)
	w.run(`m = thread.mutex() d = thread.condition(m) m:lock() d:release() d:broadcast()`)
	timed := w.beside(`d:acquire() local woken = d:wait(1000) d:release() return woken`)
	w.run(`d:signal()`)
	if s := <-timed; s != "true" {
		t.Error(s)
	}
}

func TestThreadRest(t *testing.T) {
	w := newWorld(t)
	w.raises("thread.create is not supported by mtad", `thread.create(function() end)`)
	w.is("0", `return thread.sleep(0)`)
	w.is("true", `return require "thread" == thread`)
}

func TestHoldEndsWithTheCall(t *testing.T) {
	w := newWorld(t)
	ctx, end := context.WithCancel(context.Background())
	w.frames(&sdk.State{Conn: sdk.Conn{Session: 1}}, sdk.Phase{Hook: sdk.ValidateEHLO})
	w.frame.Ctx = ctx
	w.run(`m = thread.mutex() m:lock()`)
	w.mu.Lock()
	w.frames(&sdk.State{Conn: sdk.Conn{Session: 2}}, sdk.Phase{Hook: sdk.ValidateEHLO})
	w.mu.Unlock()
	done := w.beside(`m:lock() m:unlock() return "got it"`)
	end()
	if s := <-done; s != "got it" {
		t.Error(s)
	}
	w.raises("failed to unlock mutex", `m:unlock()`)
}

func TestHoldWaitIsCut(t *testing.T) {
	w := newWorld(t)
	ctx, end := context.WithTimeout(context.Background(), time.Hour)
	w.ctx = ctx
	w.run(`m = thread.mutex() m:lock()`)
	done := w.beside(`m:lock()`)
	end()
	if s := <-done; s != "test.lua:1: failed to lock mutex: 4 interrupted system call" {
		t.Error(s)
	}
	w.is("true true", `return m:unlock(), m:lock()`)
}
