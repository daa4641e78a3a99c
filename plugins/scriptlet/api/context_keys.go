package api

import lua "github.com/yuin/gopher-lua"

// contextKeyFuncs walk over the variables of a message's context, and copy one
// of a native dictionary.
func contextKeyFuncs() []Func {
	msg, kind := Param{Name: "msg", Type: Userdata, Class: classMessage}, Param{Name: "type", Type: Number}
	return []Func{
		{Name: "ec_message_context_firstkey", Params: []Param{msg, kind}, Returns: "string | nil", Phases: "any with a message", Since: "3.0",
			Doc:     "The name of the first variable of a context, nil where there is none.",
			Example: `local key = msys.core.ec_message_context_firstkey(msg, msys.core.ECMESS_CTX_MESS)`,
			Do:      func(e *Env, L *lua.LState) int { return pushKeyAfter(e, L, -1) }},
		{Name: "ec_message_context_nextkey", Params: []Param{msg, kind, {Name: "key", Type: String}}, Returns: "string | nil", Phases: "any with a message", Since: "3.0",
			Doc:     "The name of the variable behind another; nil at the end, and where there is no such variable.",
			Example: `local key = msys.core.ec_message_context_nextkey(msg, msys.core.ECMESS_CTX_MESS, "k")`,
			Do: func(e *Env, L *lua.LState) int {
				key := L.ToString(3)
				d := self[contextual](L).get(e, L, dictID(L, 2))
				e.World.Spend(L, len(d))
				for i := range d {
					if d[i].Key == key {
						return pushKeyAfter(e, L, i)
					}
				}
				return pushNil(L)
			}},
		{Name: "dict_stringprint", Params: []Param{{Name: "dict", Type: Userdata, Class: classDict}, {Name: "key", Type: String}, {Name: "string", Type: Userdata, Class: classString}},
			Returns: "nothing", Phases: "any", Since: "4.0",
			Doc:     "Appends the value of an entry of a native dictionary to a string of msys.core.string_new.",
			Example: `msys.core.dict_stringprint(msg.vctx_mess, "k", s)`,
			Do: func(e *Env, L *lua.LState) int {
				d := self[nativeDict](L)
				value, _ := d.of.get(e, L, d.id).Get(L.ToString(2))
				if s, ok := L.CheckUserData(3).Value.(*ecString); ok {
					e.World.Spend(L, len(value))
					s.add(L, value)
				}
				return 0
			}},
	}
}

// pushKeyAfter gives the key behind the i-th.
func pushKeyAfter(e *Env, L *lua.LState, i int) int {
	d := self[contextual](L).get(e, L, dictID(L, 2))
	if i+1 >= len(d) {
		return pushNil(L)
	}
	return pushString(L, d[i+1].Key)
}
