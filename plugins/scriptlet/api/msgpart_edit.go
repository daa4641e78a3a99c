package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/mail"
)

func partMatchMethods() []Func {
	const phases = "data,data_spool,each_rcpt"
	match := func(name, doc string, texts func(e *Env, L *lua.LState, n *mail.Part) []string) Func {
		return Func{Name: name, Params: matchParams(), Returns: "table or false", Phases: phases, Since: "3.0",
			Doc: doc, Example: `local m = part:` + name + `("order (\\d+)")`,
			Do: func(e *Env, L *lua.LState) int { return matchIn(e, L, texts(e, L, selfPart(e, L).node)...) }}
	}
	replace := func(name, doc string, do func(e *Env, L *lua.LState, n *mail.Part) bool) Func {
		return Func{Name: name, Params: replaceParams(), Returns: "boolean", Phases: phases, Since: "3.0",
			Doc: doc, Example: `part:` + name + `("secret", "xxxxxx")`,
			Do: func(e *Env, L *lua.LState) int {
				p := selfPart(e, L)
				done := false
				p.edit(e, L, func() { done = do(e, L, p.node) })
				return pushBool(L, done)
			}}
	}
	return []Func{
		match("body_match", "The captures of the first match in the part's raw body.", func(_ *Env, _ *lua.LState, n *mail.Part) []string { return []string{string(n.Body())} }),
		match("raw_match", "The captures of the first match in the part's source.", func(_ *Env, _ *lua.LState, n *mail.Part) []string { return []string{string(n.Raw())} }),
		match("text_match", "The captures of the first match in the part's decoded text.", texts),
		replace("body_replace", "Replaces every match in the part's raw body.", func(e *Env, L *lua.LState, n *mail.Part) bool {
			out, ok := replaceIn(e, L, string(n.Body()), n.Parent() == nil)
			if ok {
				n.SetBody([]byte(out))
			}
			return ok
		}),
		replace("raw_replace", "Replaces every match in the part's source.", func(e *Env, L *lua.LState, n *mail.Part) bool {
			out, ok := replaceIn(e, L, string(n.Raw()), n.Parent() == nil)
			if ok {
				n.SetRaw([]byte(out))
			}
			return ok
		}),
		replace("text_replace", "Replaces every match in the part's decoded text, which keeps its charset and transfer encoding where these can hold the result.", replaceTexts),
	}
}

func partTreeMethods() []Func {
	const phases = "data,data_spool,each_rcpt"
	other := func(name string) []Param { return []Param{{Name: name, Type: Userdata, Class: classPart}} }
	child := func(name, doc string, put func(p, c *mail.Part) error) Func {
		return Func{Name: name, Params: other("child"), Returns: "boolean", Phases: phases, Since: "3.0",
			Doc: doc, Example: `root:` + name + `(msg:makePart("text/plain", "hi"))`,
			Do: func(e *Env, L *lua.LState) int { return pushBool(L, join(e, L, put) == nil) }}
	}
	place := func(name, doc string, put func(p, ref *mail.Part) error) Func {
		return Func{Name: name, Params: other("part"), Returns: "boolean", Phases: phases, Since: "3.0",
			Doc: doc, Example: `new:` + name + `(part)`,
			Do: func(e *Env, L *lua.LState) int {
				if err := join(e, L, put); err != nil {
					L.RaiseError("%s: %s", name, err.Error())
				}
				return pushBool(L, true)
			}}
	}
	return []Func{
		child("addFirstChild", "Puts a part first into this container; false if this is none.", (*mail.Part).PrependChild),
		child("addLastChild", "Puts a part last into this container; false if this is none.", (*mail.Part).AppendChild),
		place("insertBefore", "Puts this part in front of another.", (*mail.Part).InsertBefore),
		place("insertAfter", "Puts this part behind another.", (*mail.Part).InsertAfter),
		{Name: "unlink", Returns: "nothing", Phases: phases, Since: "3.0",
			Doc: "Takes the part, with all parts in it, out of its tree.", Example: `part:unlink()`,
			Do: func(e *Env, L *lua.LState) int {
				p := selfPart(e, L)
				p.edit(e, L, p.node.Unlink)
				return 0
			}},
	}
}

// join moves the part at one of the first two stack indexes next to or into the
// other, and records the change in the messages of both.
func join(e *Env, L *lua.LState, put func(a, b *mail.Part) error) error {
	a, b := selfPart(e, L), partOf(e, L, L.CheckUserData(2))
	owners := []*message{a.mayEdit(e, L), b.mayEdit(e, L)}
	if err := put(a.node, b.node); err != nil {
		return err
	}
	for _, m := range owners {
		if m != nil {
			m.commit(e, L)
		}
	}
	return nil
}
