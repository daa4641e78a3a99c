package scriptlet

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// pieceSize is how much of a long text is made at once. Nothing stops a copy that
// has begun, and memory that is touched for the first time comes slowly.
const pieceSize = 64 << 10

// write appends text, and looks at the clock after each piece of a long one.
func (r *run) write(L *lua.LState, b *strings.Builder, text string) {
	for len(text) > pieceSize {
		b.WriteString(text[:pieceSize])
		text = text[pieceSize:]
		r.spend(L, stepsPerCheck)
	}
	b.WriteString(text)
	r.spend(L, len(text)/16)
}

// mapped is a text of length n that fill makes: each time the bytes from an offset
// on.
func (r *run) mapped(L *lua.LState, n int, fill func(part []byte, from int)) lua.LString {
	var b strings.Builder
	b.Grow(n)
	buf := make([]byte, min(n, pieceSize))
	for from := 0; from < n; from += len(buf) {
		part := buf[:min(n-from, len(buf))]
		fill(part, from)
		b.Write(part)
		r.spend(L, len(part)/8)
	}
	return lua.LString(b.String())
}

// repeated is a text n times; both are not nothing.
func (r *run) repeated(L *lua.LState, text string, n int) lua.LString {
	total := n * len(text)
	if total <= pieceSize {
		r.spend(L, total/16)
		return lua.LString(strings.Repeat(text, n))
	}
	var b strings.Builder
	b.Grow(total)
	unit := strings.Repeat(text, max(pieceSize/len(text), 1))
	for b.Len() < total {
		r.write(L, &b, unit[:min(len(unit), total-b.Len())])
	}
	return lua.LString(b.String())
}
