package scriptlet

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// reword gives the error on top of L's stack the words of Lua 5.1, if it is one
// that the virtual machine itself raised: gopher-lua does not name what it could
// not index, call or add. The instruction and its operands are still there to be
// looked at.
func reword(L *lua.LState) {
	text, ok := L.Get(-1).(lua.LString)
	if !ok {
		return
	}
	f, ok := topFrame(L)
	if !ok || f.function() == nil || f.function().IsG {
		return
	}
	at := f.where() + ": "
	message, ok := strings.CutPrefix(string(text), at)
	if !ok {
		return
	}
	i := instruction{L: L, proto: f.function().Proto, pc: f.pc() - 1}
	if said := i.wording(message); said != "" {
		L.Pop(1)
		L.Push(lua.LString(at + said))
	}
}

// instruction is what a Lua frame is at.
type instruction struct {
	L     *lua.LState
	proto *lua.FunctionProto
	pc    int
}

// The operands of an instruction (gopher-lua, opcode.go).
func (i instruction) opcode() int { return int(i.proto.Code[i.pc] >> 26) }
func (i instruction) a() int      { return int(i.proto.Code[i.pc]>>18) & 0xff }
func (i instruction) b() int      { return int(i.proto.Code[i.pc]) & 0x1ff }
func (i instruction) c() int      { return int(i.proto.Code[i.pc]>>9) & 0x1ff }

// isConstant marks an operand that is no register.
const isConstant = 0x100

// value is a register or a constant.
func (i instruction) value(operand int) lua.LValue {
	if operand&isConstant != 0 {
		return i.proto.Constants[operand&^isConstant]
	}
	return i.L.Get(operand + 1)
}

func (i instruction) name(operand int) string { return dialect.OperandName(i.proto, i.pc, operand) }

// wording is Lua 5.1's text for one of gopher-lua's, "" for any other error.
func (i instruction) wording(text string) string {
	switch {
	case strings.HasPrefix(text, "attempt to index a non-table object("):
		return i.indexError(strings.TrimPrefix(text, "attempt to index a non-table object("))
	case text == "attempt to call a non-function object":
		return i.callError()
	case strings.HasPrefix(text, "cannot perform ") || text == "__unm undefined":
		return i.arithmeticError()
	case text == "__len undefined":
		return dialect.TypeError("get length of", i.name(0), i.value(i.b()))
	case strings.HasPrefix(text, "attempt to compare "):
		if op := i.opcode(); op == lua.OP_LT || op == lua.OP_LE {
			return compareError(i.value(i.b()), i.value(i.c()))
		}
	case text == "too many recursions in gettable":
		return "loop in gettable"
	case text == "too many recursions in settable":
		return "loop in settable"
	case text == "registry overflow":
		return "stack overflow"
	}
	return ""
}

// indexError: rest is the type of what could not be indexed. Where that was
// found in an __index field it has no name; a string has such a field always.
func (i instruction) indexError(rest string) string {
	kind, _, _ := strings.Cut(rest, ")")
	register, read := i.b(), true
	switch i.opcode() {
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		register, read = i.a(), false
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF:
	default:
		return "attempt to index a " + kind + " value"
	}
	if v := i.value(register); v.Type().String() == kind && (v.Type() != lua.LTString || !read) {
		return dialect.TypeError("index", i.name(0), v)
	}
	return "attempt to index a " + kind + " value"
}

func (i instruction) callError() string {
	switch i.opcode() {
	case lua.OP_CALL, lua.OP_TAILCALL:
		return dialect.TypeError("call", i.name(0), i.value(i.a()))
	case lua.OP_TFORLOOP:
		return dialect.TypeError("call", "", i.value(i.a()+3))
	}
	return ""
}

// arithmeticError blames the first operand that is no number.
func (i instruction) arithmeticError() string {
	if i.opcode() == lua.OP_UNM {
		return dialect.TypeError("perform arithmetic on", i.name(0), i.value(i.b()))
	}
	operand, v := 0, i.value(i.b())
	if _, ok := v.(lua.LNumber); ok {
		operand, v = 1, i.value(i.c())
	}
	return dialect.TypeError("perform arithmetic on", i.name(operand), v)
}

// compareError is luaG_ordererror.
func compareError(a, b lua.LValue) string {
	if s, t := a.Type().String(), b.Type().String(); s != t {
		return "attempt to compare " + s + " with " + t
	}
	return "attempt to compare two " + a.Type().String() + " values"
}

// operandName names operand i of the instruction that called the running Go
// function.
func operandName(L *lua.LState, i int) string {
	f, ok := topFrame(L)
	if !ok {
		return ""
	}
	up, ok := f.parent()
	if !ok || up.function() == nil || up.function().IsG {
		return ""
	}
	return dialect.OperandName(up.function().Proto, up.pc()-1, i)
}
