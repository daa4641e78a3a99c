package api

import (
	lua "github.com/yuin/gopher-lua"
)

const classBuffer = "buffer"

// byteBuffer is a buffer of fixed size. A slice of it shares its bytes.
type byteBuffer struct {
	data []byte // its length is the size, n the part that is in use
	n    int
}

// maxBuffer is the largest buffer, in bytes.
const maxBuffer = 16 << 20

func bufferPackage() Package {
	return Package{
		Name:    "buffer",
		Doc:     "Bytes that can be changed in place.",
		Preload: true,
		Funcs: []Func{{
			Name: "new", Params: []Param{{Name: "size_or_text", Type: StringOrNumber}},
			Returns: "buffer", Phases: "any", Since: "3.2",
			Doc:     "Makes a buffer of so many bytes, at most 16 MiB, or one that holds the text. It does not grow.",
			Example: `local b = buffer.new(1024)`,
			Do:      bufferNew,
		}},
		Classes: []Class{bufferClass()},
	}
}

func bufferNew(e *Env, L *lua.LState) int {
	b := &byteBuffer{}
	switch v := L.Get(1).(type) {
	case lua.LString:
		b.data = []byte(v)
		b.n = len(v)
	case lua.LNumber:
		if !(v >= 0 && v <= maxBuffer) { // NaN is neither
			L.ArgError(1, "a buffer's size is from 0 to 16 MiB")
		}
		b.data = make([]byte, int(v))
	}
	e.World.Spend(L, len(b.data)/100)
	L.Push(e.Object(classBuffer, b))
	return 1
}

func bufferSelf(L *lua.LState) *byteBuffer { return L.ToUserData(1).Value.(*byteBuffer) }

func bufferClass() Class {
	from := []Param{{Name: "start", Type: Number, Optional: true}, {Name: "stop", Type: Number, Optional: true}}
	return Class{
		Name: classBuffer,
		Doc:  "Bytes of buffer.new. #b is how many are in use, tostring(b) is those. Positions count from 0; stop is the position behind the last byte.",
		Methods: []Func{
			{
				Name:    "write",
				Params:  []Param{{Name: "text", Type: String}, {Name: "offset", Type: Number, Optional: true}},
				Returns: "number", Phases: "any", Since: "3.2",
				Doc:     "Writes behind what is in use, or at an offset, as much as there is room for, and gives the number of bytes written.",
				Example: `b:write("hello")`,
				Do: func(_ *Env, L *lua.LState) int {
					b := bufferSelf(L)
					L.Push(lua.LNumber(b.write(L.ToString(2), L.OptInt(3, b.n))))
					return 1
				},
			},
			{
				Name: "string", Params: from, Returns: "string | nil", Phases: "any", Since: "3.2",
				Doc:     "The bytes of a range; nil where it reaches beyond what is in use.",
				Example: `b:string(0, 5)`,
				Do: func(_ *Env, L *lua.LState) int {
					b := bufferSelf(L)
					start, end := L.OptInt(2, 0), L.OptInt(3, b.n)
					if start < 0 || end < start || end > b.n {
						L.Push(lua.LNil)
					} else {
						L.Push(lua.LString(b.data[start:end]))
					}
					return 1
				},
			},
			{
				Name: "slice", Params: from, Returns: "buffer | nil", Phases: "any", Since: "3.2",
				Doc:     "A buffer that shares the bytes of a range: writing to it changes this one. nil where the range reaches beyond the size.",
				Example: `b:slice(2, 4):write("xx")`,
				Do: func(e *Env, L *lua.LState) int {
					b := bufferSelf(L)
					start, end := L.OptInt(2, 0), L.OptInt(3, b.n)
					if start < 0 || end < start || end > len(b.data) {
						L.Push(lua.LNil)
					} else {
						L.Push(e.Object(classBuffer, &byteBuffer{data: b.data[start:end:end], n: end - start}))
					}
					return 1
				},
			},
			{
				Name: "copy",
				Params: []Param{
					{Name: "dest", Type: Userdata, Class: classBuffer},
					{Name: "dest_offset", Type: Number, Optional: true},
					{Name: "start", Type: Number, Optional: true},
					{Name: "length", Type: Number, Optional: true},
				},
				Returns: "number", Phases: "any", Since: "3.2",
				Doc:     "Copies bytes into another buffer, as many as it has room for, and gives their number.",
				Example: `b:copy(other)`,
				Do:      bufferCopy,
			},
		},
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__len": func(_ *Env, L *lua.LState) int {
				L.Push(lua.LNumber(bufferSelf(L).n))
				return 1
			},
			"__tostring": func(_ *Env, L *lua.LState) int {
				b := bufferSelf(L)
				L.Push(lua.LString(b.data[:b.n]))
				return 1
			},
		},
	}
}

// write writes at an offset, and ends what is in use there, as the original
// does.
func (b *byteBuffer) write(text string, offset int) int {
	if offset < 0 || offset > len(b.data) {
		return 0
	}
	n := copy(b.data[offset:], text)
	b.n = offset + n
	return n
}

func bufferCopy(_ *Env, L *lua.LState) int {
	b := bufferSelf(L)
	dest := L.ToUserData(2).Value.(*byteBuffer)
	start := L.OptInt(4, 0)
	length := L.OptInt(5, b.n-start)
	if start < 0 || length < 0 || start+length > len(b.data) || start+length < 0 {
		L.Push(lua.LNumber(0))
		return 1
	}
	L.Push(lua.LNumber(dest.write(string(b.data[start:start+length]), L.OptInt(3, 0))))
	return 1
}
