package dialect

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// concat joins its arguments from the right, as `..` does: strings and numbers
// as far as they go, then by __concat.
func (rt *Runtime) concat(L *lua.LState) int {
	n := L.GetTop()
	rhs := L.Get(n)
	for i := n - 1; i >= 1; {
		first, size := run(L, i, rhs)
		if first <= i {
			rt.limits.charge(L, size)
			rhs = rt.join(L, first, i, rhs, size)
			i = first - 1
			continue
		}
		lhs := L.Get(i)
		if !rt.meta(L, "__concat", lhs, rhs) {
			if !lua.LVCanConvToString(lhs) {
				return rt.typeError(L, "concatenate", lhs, i-1)
			}
			if i+1 < n {
				n = -1 // the value of a metamethod
			}
			return rt.typeError(L, "concatenate", rhs, n-1)
		}
		rhs = L.Get(-1)
		L.Pop(1)
		i--
	}
	L.Push(rhs)
	return 1
}

// freeSize is what may be joined without charge.
const freeSize = 1024

// charge checks the size of a string that is about to be built.
func (l Limits) charge(L *lua.LState, size int) {
	if size <= freeSize {
		return
	}
	if l.MaxString > 0 && size > l.MaxString {
		L.RaiseError("string too long: %d bytes, the limit is %d", size, l.MaxString)
	}
	if l.Spend != nil && size <= pieceSize {
		l.Spend(L, size/freeSize*10) // about 100 ns for a KiB
	}
}

// Of a long string so much is made at once, and charged by a look at the clock:
// nothing stops a copy that has begun.
const (
	pieceSize  = 64 << 10
	pieceSteps = 2048
)

// numberRoom is enough for the text of a number.
const numberRoom = 24

// run finds the first of the arguments up to the last that can be joined with
// rhs, and at most how long they are together.
func run(L *lua.LState, last int, rhs lua.LValue) (first, size int) {
	size = textSize(rhs)
	if size < 0 {
		return last + 1, 0
	}
	for first = last + 1; first > 1; first-- {
		s := textSize(L.Get(first - 1))
		if s < 0 {
			break
		}
		size += s
	}
	return first, size
}

// textSize is how long the text of v may be; -1 if it has none.
func textSize(v lua.LValue) int {
	switch v := v.(type) {
	case lua.LString:
		return len(v)
	case lua.LNumber:
		return numberRoom
	}
	return -1
}

func (rt *Runtime) join(L *lua.LState, first, last int, rhs lua.LValue, size int) lua.LValue {
	var b strings.Builder
	b.Grow(size)
	for i := first; i <= last; i++ {
		rt.writeText(L, &b, L.Get(i))
	}
	rt.writeText(L, &b, rhs)
	return lua.LString(b.String())
}

func (rt *Runtime) writeText(L *lua.LState, b *strings.Builder, v lua.LValue) {
	if s, ok := v.(lua.LString); ok {
		for len(s) > pieceSize {
			b.WriteString(string(s[:pieceSize]))
			s = s[pieceSize:]
			if rt.limits.Spend != nil {
				rt.limits.Spend(L, pieceSteps)
			}
		}
		b.WriteString(string(s))
		return
	}
	n, _ := v.(lua.LNumber)
	var buf [numberRoom]byte
	b.Write(appendNumber(buf[:0], float64(n)))
}
