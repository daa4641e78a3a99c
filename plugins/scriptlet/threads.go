package scriptlet

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// threadMaker makes the Lua threads of one interpreter. LState.NewThread makes
// the globals of a whole world and throws them away, which is three quarters of
// what a thread costs; so a thread is a copy of one that never ran, with a value
// stack and a call stack of its own. Those are private fields of gopher-lua's:
// where they are not the known ones (threads_test.go), NewThread it is.
type threadMaker struct {
	base  *lua.LState
	model *lua.LState // never runs; nil: unknown fields
	registry, array, handler,
	stack, segments int // indexes of fields
}

func newThreadMaker(base *lua.LState) *threadMaker {
	m := &threadMaker{base: base}
	model, _ := base.NewThread()
	var known [5]bool
	state := reflect.TypeOf(model).Elem()
	m.registry, known[0] = fieldOf(state, "reg", reflect.Pointer)
	m.stack, known[1] = fieldOf(state, "stack", reflect.Interface)
	if !known[0] || !known[1] {
		return m
	}
	registry := state.Field(m.registry).Type.Elem()
	m.array, known[2] = fieldOf(registry, "array", reflect.Slice)
	m.handler, known[3] = fieldOf(registry, "handler", reflect.Interface)
	if stack := private(reflect.ValueOf(model).Elem().Field(m.stack)).Elem(); stack.Kind() == reflect.Pointer {
		m.segments, known[4] = fieldOf(stack.Type().Elem(), "segments", reflect.Slice)
	}
	if known == [...]bool{true, true, true, true, true} {
		m.model = model
	}
	return m
}

// wipe forgets the values on a thread's stack.
func (m *threadMaker) wipe(L *lua.LState) {
	if m.model == nil {
		return
	}
	registry := private(reflect.ValueOf(L).Elem().Field(m.registry)).Elem()
	private(registry.Field(m.array)).Clear()
}

// returnedNothing tells whether a Lua thread that has ended did so with no
// value at all, for which LState.Resume gives a nil. The activation that it
// began with is still where it was.
func (m *threadMaker) returnedNothing(L *lua.LState) bool {
	if m.model == nil {
		return false
	}
	stack := private(reflect.ValueOf(L).Elem().Field(m.stack)).Elem().Elem()
	segment := private(stack.Field(m.segments)).Index(0).Elem()
	f := frame{private(segment.Field(0)).Index(0)}
	fn := f.function()
	if fn == nil || fn.IsG || f.opcode() != lua.OP_RETURN {
		return false
	}
	code, pc := fn.Proto.Code, f.pc()-1
	switch values := code[pc] & 0x1ff; {
	case values == 0 && pc > 0 && int(code[pc-1]>>26) == lua.OP_VARARG:
		return f.arguments() <= int(fn.Proto.NumParameters)
	default:
		return values == 1
	}
}

// fieldOf finds a field of a struct that has the kind it is known to have.
func fieldOf(t reflect.Type, name string, kind reflect.Kind) (index int, ok bool) {
	if t.Kind() != reflect.Struct {
		return 0, false
	}
	f, ok := t.FieldByName(name)
	if !ok || f.Type.Kind() != kind {
		return 0, false
	}
	return f.Index[0], true
}

// private makes a private field readable and writable.
func private(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// make gives a thread that has run nothing.
func (m *threadMaker) make() *lua.LState {
	if m.model == nil {
		L, _ := m.base.NewThread()
		return L
	}
	L := new(lua.LState)
	*L = *m.model
	v := reflect.ValueOf(L).Elem()
	registry := fresh(private(v.Field(m.registry)))
	private(registry.Field(m.array)).Set(reflect.ValueOf(make([]lua.LValue, registrySize)))
	private(registry.Field(m.handler)).Set(reflect.ValueOf(L))
	segments := private(fresh(private(v.Field(m.stack))).Field(m.segments))
	own := reflect.MakeSlice(segments.Type(), segments.Len(), segments.Len())
	own.Index(0).Set(reflect.New(own.Type().Elem().Elem()))
	segments.Set(own)
	return L
}

// fresh puts a copy in place of what a pointer, or an interface that holds one,
// points to, and gives the copy.
func fresh(field reflect.Value) reflect.Value {
	p := field
	if field.Kind() == reflect.Interface {
		p = field.Elem()
	}
	c := reflect.New(p.Type().Elem())
	c.Elem().Set(p.Elem())
	field.Set(c)
	return c.Elem()
}
