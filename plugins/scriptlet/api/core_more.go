package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// coreMorePackage are functions of msys.core that newer pages show: keys of a
// message's context, raw headers, dictionary values.
func coreMorePackage() Package {
	msg, kind, key := Param{Name: "msg", Type: Userdata, Class: classMessage}, Param{Name: "type", Type: Number}, Param{Name: "key", Type: String}
	return Package{
		Name: "msys.core", Preload: true,
		Funcs: []Func{
			{Name: "ec_message_context_firstkey", Params: []Param{msg, kind}, Returns: "string | nil", Phases: "any with a message", Since: "4.3",
				Doc: "The first key of a message's context.", Example: `local k = msys.core.ec_message_context_firstkey(msg, msys.core.ECMESS_CTX_MESS)`,
				Do: func(e *Env, L *lua.LState) int { return pushKey(L, current(e, L).get(e, L, dictID(L, 2)), 0) }},
			{Name: "ec_message_context_nextkey", Params: []Param{msg, kind, key}, Returns: "string | nil", Phases: "any with a message", Since: "4.3",
				Doc: "The key behind another; nil at the end, and where that key is not there.", Example: `k = msys.core.ec_message_context_nextkey(msg, msys.core.ECMESS_CTX_MESS, k)`,
				Do: func(e *Env, L *lua.LState) int {
					d := current(e, L).get(e, L, dictID(L, 2))
					for i := range d {
						if d[i].Key == L.ToString(3) {
							return pushKey(L, d, i+1)
						}
					}
					return pushNil(L)
				}},
			{Name: "dict_stringprint", Params: []Param{{Name: "dict", Type: Userdata, Class: classDict}, key, {Name: "str", Type: Userdata, Class: classString}},
				Returns: "nothing", Phases: "any", Since: "4.3",
				Doc: "Appends the value of a key to a native string.", Example: `msys.core.dict_stringprint(msg.vctx_mess, "k", s)`, Do: dictPrint},
			{Name: "rfc2822_prepend_headers", Params: []Param{msg, {Name: "headers", Type: String}}, Returns: "nothing", Phases: "data,data_spool,each_rcpt,set_binding", Since: "4.3",
				Doc: "Puts header lines, as they stand, in front of the message.", Example: `msys.core.rfc2822_prepend_headers(msg, "X-Seen: yes\r\n")`, Do: prependHeaders},
			{Name: "scheduler_for_domain", Params: []Param{{Name: "domain", Type: String}}, Returns: "number", Phases: "any", Since: "4.3",
				Doc: "The scheduler of a domain: 0, since one has all.", Example: `msys.core.scheduler_for_domain("example.com") -- 0`,
				Do: func(_ *Env, L *lua.LState) int { return pushNumber(L, 0) }},
		},
	}
}

func pushKey(L *lua.LState, d sdk.Dict, i int) int {
	if i >= len(d) {
		return pushNil(L)
	}
	return pushString(L, d[i].Key)
}

func dictPrint(e *Env, L *lua.LState) int {
	d := self[nativeDict](L)
	value, _ := d.of.get(e, L, d.id).Get(L.ToString(2))
	s, ok := L.CheckUserData(3).Value.(*ecString)
	if !ok || len(s.text)+len(value) > maxECString {
		L.RaiseError("the string would be longer than %d bytes", maxECString)
	}
	s.text += value
	return 0
}

func prependHeaders(e *Env, L *lua.LState) int {
	m := current(e, L)
	m.needContent(e, L, "rfc2822_prepend_headers")
	m.needOpen(e, L, "rfc2822_prepend_headers")
	text := strings.TrimRight(mail.CanonicalLines(L.ToString(2)), "\r\n") + "\r\n"
	section, body := mail.SplitMessage([]byte(text))
	if len(body) > 0 || len(section) != len(text) || len(mail.ListHeaders(section)) == 0 || text[0] == ' ' || text[0] == '\t' {
		L.RaiseError("%q is no text of header lines", L.ToString(2))
	}
	m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: append(section[:len(section):len(section)], m.msg.Header...)})
	return 0
}
