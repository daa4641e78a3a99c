package api

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

const classTimer = "timer"

// timerPackage is msys.timer. The original stops a timer whose object is
// collected; here it goes on (reference/lua-api-notes.md 56).
func timerPackage() Package {
	params := func(first string) []Param {
		return []Param{
			{Name: first, Type: Number},
			{Name: "closure", Type: Function},
			{Name: "name", Type: String, Optional: true},
		}
	}
	return Package{
		Name: "msys.timer",
		Doc:  "Functions that run later. Timers made while scripts load begin when the configuration is committed, and end with it; one goes on even if nobody holds its object.",
		Funcs: []Func{
			{
				Name: "after", Params: params("seconds"), Returns: "timer", Phases: "any", Since: "3.2",
				Doc:     "Runs a function once, after so many seconds.",
				Example: `t = msys.timer.after(10, function() print("t") end, "t")`,
				Do: func(e *Env, L *lua.LState) int {
					return startTimer(e, L, &scriptTimer{after: seconds(L.ToNumber(1))})
				},
			},
			{
				Name: "at", Params: params("epoch"), Returns: "timer", Phases: "any", Since: "3.2",
				Doc:     "Runs a function once, at a time as os.time gives it.",
				Example: `t = msys.timer.at(os.time() + 60, function() print("t") end)`,
				Do: func(e *Env, L *lua.LState) int {
					return startTimer(e, L, &scriptTimer{at: time.Unix(0, 0).Add(seconds(L.ToNumber(1)))})
				},
			},
			{
				Name: "every", Params: params("seconds"), Returns: "timer", Phases: "any", Since: "3.2",
				Doc:     "Runs a function again and again, so many seconds apart.",
				Example: `t = msys.timer.every(60, function() print("a minute") end)`,
				Do: func(e *Env, L *lua.LState) int {
					d := seconds(L.ToNumber(1))
					if d < shortestInterval {
						L.RaiseError("msys.timer.every: the interval must be at least %s", shortestInterval)
					}
					return startTimer(e, L, &scriptTimer{after: d, every: d})
				},
			},
		},
		Classes: []Class{timerClass()},
	}
}

// shortestInterval keeps a timer of 0 seconds from taking the interpreter for
// itself.
const shortestInterval = 10 * time.Millisecond

// scriptTimer is what stands behind a timer object.
type scriptTimer struct {
	at           time.Time // of msys.timer.at; zero for the others
	after, every time.Duration
	name         string
	fn           *lua.LFunction
	stop         func()
}

// seconds is a number as a duration, at most some 290 years.
func seconds(n lua.LNumber) time.Duration {
	const most = 9e9
	return time.Duration(max(min(float64(n), most), -most) * float64(time.Second))
}

func startTimer(e *Env, L *lua.LState, t *scriptTimer) int {
	t.fn = L.ToFunction(2)
	t.name = L.OptString(3, "")
	t.start(e, L)
	L.Push(e.Object(classTimer, t))
	return 1
}

func (t *scriptTimer) start(e *Env, L *lua.LState) {
	after := t.after
	if !t.at.IsZero() {
		after = t.at.Sub(e.World.Now())
	}
	t.stop = e.World.Timer(L, max(after, 0), t.every, t.name, t.fn)
}

func timerClass() Class {
	self := func(L *lua.LState) *scriptTimer { return L.ToUserData(1).Value.(*scriptTimer) }
	return Class{
		Name: classTimer,
		Doc:  "A timer of msys.timer.",
		Methods: []Func{
			{
				Name: "stop", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Cancels the timer.", Example: `t:stop()`,
				Do: func(_ *Env, L *lua.LState) int {
					self(L).stop()
					return 0
				},
			},
			{
				Name: "start", Returns: "nothing", Phases: "any", Since: "3.2",
				Doc: "Begins the timer's time anew, also after it has run or was stopped.", Example: `t:start()`,
				Do: func(e *Env, L *lua.LState) int {
					self(L).stop()
					self(L).start(e, L)
					return 0
				},
			},
			{
				Name: "name", Returns: "string", Phases: "any", Since: "3.2",
				Doc: "The name given when the timer was made.", Example: `print(t:name())`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LString(self(L).name))
					return 1
				},
			},
		},
	}
}
