package scriptlet

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// gopher-lua closes the upvalues of all activations when an error is raised, of
// those below the pcall that catches it too: these go on to run, and from then on
// such a variable and the closures that share it have a value each. It does not
// where it thinks that an error handler is to look at the stack, a private field
// of the thread; so that is set, and what a pcall throws away is closed by
// keepUpvalues and closeUpvalues, which know the fields by their offsets.
type upvalues struct {
	known       bool
	handled     uintptr // LState.hasErrorFunc
	first       uintptr // LState.uvcache, by ascending index
	next, index uintptr // of lua.Upvalue
}

func newUpvalues() upvalues {
	var u upvalues
	var ok [4]bool
	find := func(of reflect.Type, name string, kind reflect.Kind) (uintptr, bool) {
		f, found := of.FieldByName(name)
		return f.Offset, found && f.Type.Kind() == kind
	}
	state, upvalue := reflect.TypeFor[lua.LState](), reflect.TypeFor[lua.Upvalue]()
	u.handled, ok[0] = find(state, "hasErrorFunc", reflect.Bool)
	u.first, ok[1] = find(state, "uvcache", reflect.Pointer)
	u.next, ok[2] = find(upvalue, "next", reflect.Pointer)
	u.index, ok[3] = find(upvalue, "index", reflect.Int)
	u.known = ok == [4]bool{true, true, true, true}
	return u
}

// keep has the next error of L leave all upvalues open.
func (u *upvalues) keep(L *lua.LState) {
	if u.known {
		*(*bool)(unsafe.Add(unsafe.Pointer(L), u.handled)) = true
	}
}

// closeFrom closes the open upvalues of L from a register on, whose activations
// are about to be thrown away.
func (u *upvalues) closeFrom(L *lua.LState, register int) {
	if !u.known {
		return
	}
	at := (**lua.Upvalue)(unsafe.Add(unsafe.Pointer(L), u.first))
	for *at != nil && *(*int)(unsafe.Add(unsafe.Pointer(*at), u.index)) < register {
		at = (**lua.Upvalue)(unsafe.Add(unsafe.Pointer(*at), u.next))
	}
	uv := *at
	*at = nil
	for ; uv != nil; uv = *(**lua.Upvalue)(unsafe.Add(unsafe.Pointer(uv), u.next)) {
		uv.Close()
	}
}
