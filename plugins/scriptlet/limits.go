package scriptlet

import (
	"fmt"
	"math"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// A step is about 10 ns of work: what Lua code and our own Go code are counted
// in between two looks at the clock.
const (
	stepsPerInstruction = 4
	stepsPerCheck       = 2048
	stepTime            = 10 * time.Nanosecond
)

// slice is how long one script keeps its interpreter while others wait for it,
// longTime the Lua time after which it stands behind those who have run less.
const (
	slice    = time.Millisecond
	longTime = 3 * time.Millisecond
)

// maxArray bounds the array part of a table: what # and ipairs see. gopher-lua
// fills the gap below a numeric key in one instruction, so that by its own bound
// t[67108863] = 1 would take 1 GiB; by this one it takes 4 MiB and some 20 ms.
// Keys above it are as good as any other key.
const maxArray = 1 << 18

// limits bound one run of Lua: a callout, a timer, a console command.
type limits struct {
	cpu        time.Duration // Lua time
	wall       time.Duration // 0: none
	memory     int64         // bytes of growth
	coroutines int
	depth      int // nested calls
}

// text is the longest string that a library function or a concatenation may
// make, in bytes.
func (l limits) text() int {
	if l.memory <= 0 {
		return math.MaxInt32
	}
	return int(l.memory / 4)
}

// loading is what bounds load, init and deinit: they build tables that a
// callout only reads.
func (l limits) loading() limits {
	l.cpu *= 20
	l.memory *= 4
	return l
}

// limitError says which limit ended a run. It cannot be caught: the run's next
// instruction raises it again.
type limitError struct{ text string }

func (e *limitError) Error() string { return e.text }

func cpuLimit(d time.Duration) *limitError {
	return &limitError{fmt.Sprintf("limit of %d ms of Lua time exceeded", d.Milliseconds())}
}

func wallLimit(d time.Duration) *limitError {
	return &limitError{fmt.Sprintf("limit of %s exceeded", d)}
}

func memoryLimit(n int64) *limitError {
	return &limitError{fmt.Sprintf("memory limit of %d MiB exceeded", n>>20)}
}

// spend counts work done in Go for the script that runs on L.
func spend(L *lua.LState, steps int) { threadOf(L).run.spend(L, steps) }
