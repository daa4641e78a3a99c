package scriptlet

import (
	"fmt"
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// gopher-lua shows a call frame only through lua.Debug, and walks to the n-th
// one from the top each time, counting every tail call as a level. The fields
// of its callFrame are read by reflection instead; frames_test.go fails if
// their order ever changes.
const (
	frameFn       = 1
	frameParent   = 2
	framePc       = 3
	frameBase     = 5
	frameNArgs    = 7
	frameTailCall = 9
)

// frame is one activation on a thread's stack.
type frame struct{ v reflect.Value }

// topFrame is the innermost activation of L.
func topFrame(L *lua.LState) (frame, bool) {
	dbg, ok := L.GetStack(0)
	if !ok {
		return frame{}, false
	}
	v := reflect.ValueOf(dbg).Elem().Field(0)
	if v.IsNil() {
		return frame{}, false
	}
	return frame{v.Elem()}, true
}

func (f frame) parent() (frame, bool) {
	v := f.v.Field(frameParent)
	if v.IsNil() {
		return frame{}, false
	}
	return frame{v.Elem()}, true
}

func (f frame) known() bool { return f.v.IsValid() }

func (f frame) function() *lua.LFunction {
	return (*lua.LFunction)(f.v.Field(frameFn).UnsafePointer())
}

func (f frame) pc() int        { return int(f.v.Field(framePc).Int()) }
func (f frame) localBase() int { return int(f.v.Field(frameBase).Int()) }
func (f frame) arguments() int { return int(f.v.Field(frameNArgs).Int()) }
func (f frame) tailCalls() int { return int(f.v.Field(frameTailCall).Int()) }

// where is "file:line" of the instruction the frame is at, "" in Go.
func (f frame) where() string {
	fn := f.function()
	if fn == nil || fn.IsG {
		return ""
	}
	return fmt.Sprintf("%s:%d", fn.Proto.SourceName, f.currentLine())
}

// name is how the caller called this frame's function, "" if that is unknown.
func (f frame) name() string {
	up, ok := f.parent()
	if !ok || f.tailCalls() > 0 {
		return ""
	}
	fn := up.function()
	if fn == nil || fn.IsG {
		return ""
	}
	if up.opcode() == lua.OP_TFORLOOP {
		return "(for generator)"
	}
	for _, call := range fn.Proto.DbgCalls {
		if call.Pc == up.pc()-1 && call.Name != "?" {
			return call.Name
		}
	}
	return ""
}

// activation is the n-th activation of L, 0 being the running function; the zero
// frame where a tail call has replaced it, false where there are not so many
// (lua_getstack of Lua 5.1).
func activation(L *lua.LState, level int) (frame, bool) {
	in := threadOf(L).in
	f, ok := topFrame(L)
	for ; ok && level > 0; f, ok = f.parent() {
		if !f.protects(in) {
			level -= 1 + f.tailCalls()
		}
	}
	if level < 0 {
		return frame{}, true
	}
	for ok && f.protects(in) {
		f, ok = f.parent()
	}
	return f, ok
}

// position is "file:line:" of the n-th activation with a blank behind it; ""
// where that one is in Go or is not known.
func position(L *lua.LState, level int) string {
	f, ok := activation(L, level)
	if !ok || !f.known() {
		return ""
	}
	if at := f.where(); at != "" {
		return at + ": "
	}
	return ""
}

// protects tells whether the frame is the helper between a pcall and what it
// calls, which counts as no level: Lua 5.1 has none there.
func (f frame) protects(in *interpreter) bool {
	fn := f.function()
	return fn == in.bare || fn == in.traced
}

// The lines of a traceback above and below its gap, as in Lua 5.1.
const (
	traceTop    = 12
	traceBottom = 10
)

// traceback lists L's activations as Lua 5.1 does, at most 22 of them: a list
// of all tail calls could be millions long.
func traceback(L *lua.LState, level int) string {
	var lines []string
	in := threadOf(L).in
	f, ok := topFrame(L)
	for n := 0; ok; f, ok = f.parent() {
		if f.protects(in) {
			continue
		}
		if n >= level {
			lines = append(lines, f.line())
			if f.tailCalls() > 0 {
				lines = append(lines, "\t(tail call): ?")
			}
		}
		n++
	}
	if cut := len(lines) - traceBottom; cut > traceTop {
		lines = append(append(lines[:traceTop:traceTop], "\t..."), lines[cut:]...)
	}
	return "stack traceback:\n" + strings.Join(lines, "\n")
}

func (f frame) line() string {
	fn := f.function()
	name := f.name()
	switch {
	case fn == nil || fn.IsG:
		if name == "" {
			return "\t[Go]: ?"
		}
		return fmt.Sprintf("\t[Go]: in function '%s'", name)
	case name != "":
		return fmt.Sprintf("\t%s: in function '%s'", f.where(), name)
	case fn.Proto.LineDefined == 0:
		return fmt.Sprintf("\t%s: in main chunk", f.where())
	}
	return fmt.Sprintf("\t%s: in function <%s:%d>", f.where(), fn.Proto.SourceName, fn.Proto.LineDefined)
}

// opcode is the instruction a Lua frame is at.
func (f frame) opcode() int {
	code := f.function().Proto.Code
	if i := f.pc() - 1; i >= 0 && i < len(code) {
		return int(code[i] >> 26)
	}
	return -1
}

// yieldable reports that every activation of L below the running function is
// Lua that called the next one by an ordinary call. Where a metamethod, an
// iterator or a Go function (pcall, table.sort) stands in between, gopher-lua
// would go on with a wrong result instead of suspending.
func yieldable(L *lua.LState) bool {
	f, ok := topFrame(L)
	if !ok {
		return false
	}
	for f, ok = f.parent(); ok; f, ok = f.parent() {
		if fn := f.function(); fn == nil || fn.IsG {
			return false
		}
		if op := f.opcode(); op != lua.OP_CALL && op != lua.OP_TAILCALL {
			return false
		}
	}
	return true
}

// currentLine is the line a Lua frame is at, -1 in Go.
func (f frame) currentLine() int {
	fn := f.function()
	if fn == nil || fn.IsG {
		return -1
	}
	if i := f.pc() - 1; i >= 0 && i < len(fn.Proto.DbgSourcePositions) {
		return fn.Proto.DbgSourcePositions[i]
	}
	return fn.Proto.LineDefined
}
