package api

import lua "github.com/yuin/gopher-lua"

// classString is the class of native strings.
const classString = "ec_string"

// ecString is a native string: what the str arguments of callouts are, and what
// out-parameters such as those of msg:get_envelope2 are written into.
type ecString struct{ text string }

// maxECString bounds a native string that a script writes.
const maxECString = 64 << 20

func newString(e *Env, L *lua.LState, text string) lua.LValue {
	return e.World.Object(L, classString, &ecString{text: text})
}

// stringClass is the class of native strings. The text functions of Lua do not
// take one (reference/lua-api-notes.md 26): tostring(str) is the idiom.
func stringClass() Class {
	return Class{
		Name: classString,
		Doc:  "A native string; tostring gives its text, # its length.",
		Methods: []Func{
			{
				Name: "set", Params: []Param{{Name: "text", Type: String}}, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc: "Replaces the content.", Example: `buff:set("gateway.example.com")`,
				Do: func(_ *Env, L *lua.LState) int {
					self[*ecString](L).text = L.ToString(2)
					return 0
				},
			},
			{
				Name: "write", Params: []Param{{Name: "text", Type: String}, {Name: "len", Type: Number, Optional: true}},
				Returns: "nothing", Phases: "any", Since: "3.0",
				Doc: "Appends text, at most len bytes of it.", Example: `s:write(text, #text)`,
				Do: func(_ *Env, L *lua.LState) int { return writeString(L, self[*ecString](L), 2) },
			},
		},
		Fields: []Field{
			{Name: "buffer", Type: "string", Doc: "The content; nil while it is empty.", Phases: "any",
				Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
					if s, ok := self.Value.(*ecString); ok && s.text != "" {
						return lua.LString(s.text)
					}
					return lua.LNil
				}},
			{Name: "len", Type: "number", Doc: "The length in bytes.", Phases: "any",
				Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
					s, _ := self.Value.(*ecString)
					return lua.LNumber(len(s.text))
				}},
		},
		Meta: textMeta(func(v any) (string, bool) {
			s, ok := v.(*ecString)
			if !ok {
				return "", false
			}
			return s.text, true
		}),
	}
}

// self is the Go value behind a method's object, whose class was checked.
func self[T any](L *lua.LState) T {
	v, ok := L.CheckUserData(1).Value.(T)
	if !ok {
		L.RaiseError("the object is empty")
	}
	return v
}

func writeString(L *lua.LState, s *ecString, at int) int {
	text := L.ToString(at)
	if n, ok := L.Get(at + 1).(lua.LNumber); ok && int(n) < len(text) {
		text = text[:max(int(n), 0)]
	}
	s.add(L, text)
	return 0
}

// add appends text, and raises where the string would grow too long.
func (s *ecString) add(L *lua.LState, text string) {
	if len(s.text)+len(text) > maxECString {
		L.RaiseError("the string would be longer than %d bytes", maxECString)
	}
	s.text += text
}

func stringFuncs() []Func {
	return []Func{
		{
			Name: "string_new", Returns: "ec_string", Phases: "any", Since: "3.0",
			Doc:     "A new native string, for out-parameters.",
			Example: `local s = msys.core.string_new()`,
			Do: func(e *Env, L *lua.LState) int {
				L.Push(newString(e, L, ""))
				return 1
			},
		},
		{
			Name: "stringwrite", Params: []Param{{Name: "str", Type: Userdata, Class: classString},
				{Name: "text", Type: String}, {Name: "len", Type: Number, Optional: true}},
			Returns: "nothing", Phases: "any", Since: "4.3",
			Doc:     "Appends text to a native string.",
			Example: `msys.core.stringwrite(s, text, #text)`,
			Do:      func(_ *Env, L *lua.LState) int { return writeString(L, self[*ecString](L), 2) },
		},
	}
}
