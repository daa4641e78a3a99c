package api

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// textCache keeps the Lua values of the texts that scripts asked for last, so
// that a context variable which is read again and again costs no allocation: Lua
// holds a text behind a pointer. A text is known by its place in memory, which
// stays its own for as long as the cache holds it.
type textCache [8]struct {
	at    *byte
	size  int
	value lua.LValue
}

// maxCachedText is the longest text that is worth to be held.
const maxCachedText = 256

// value is a text as a Lua value.
func (c *textCache) value(text string) lua.LValue {
	if text == "" || len(text) > maxCachedText {
		return lua.LString(text)
	}
	at := unsafe.StringData(text)
	slot := &c[(uintptr(unsafe.Pointer(at))>>3^uintptr(len(text)))%uintptr(len(c))]
	if slot.at != at || slot.size != len(text) {
		slot.at, slot.size, slot.value = at, len(text), lua.LString(text)
	}
	return slot.value
}
