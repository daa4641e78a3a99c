package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

const classContext = "validate_context"

// validateContext is the vctx of a session: its two dictionaries, its reply and
// its recipient list.
type validateContext struct{ session uint64 }

func newContext(e *Env, L *lua.LState, f *Frame) lua.LValue {
	return e.World.Object(L, classContext, &validateContext{session: f.Session})
}

const staleContext = "validation context is no longer valid: it can be used only while a callout of its session runs"

// frame is the phase being run for the context's session.
func (v *validateContext) frame(e *Env, L *lua.LState) *Frame {
	f := e.World.Frame(L)
	if f == nil || f.Session != v.session {
		L.RaiseError("%s", staleContext)
	}
	return f
}

// get implements contextual. Behind the split the copy's dictionaries count;
// of the connection's, what the copy does not know may be in the session's.
func (v *validateContext) get(e *Env, L *lua.LState, id sdk.DictID) sdk.Dict {
	f := v.frame(e, L)
	m := f.Message()
	if id == sdk.DictMess {
		if m == nil {
			return nil
		}
		return m.Context
	}
	if f.Phase.Hook.Info().Target != sdk.TargetCopy || m == nil {
		return f.State.Conn.Context
	}
	both := f.State.Conn.Context.Clone()
	for _, p := range m.ConnContext {
		both.Set(p.Key, p.Value)
	}
	return both
}

// lookup finds one variable of what get gives.
func (v *validateContext) lookup(e *Env, L *lua.LState, id sdk.DictID, key string) (value string, ok bool) {
	f := v.frame(e, L)
	m := f.Message()
	if id == sdk.DictMess {
		if m == nil {
			return "", false
		}
		return m.Context.Get(key)
	}
	if m != nil && f.Phase.Hook.Info().Target == sdk.TargetCopy {
		if value, ok = m.ConnContext.Get(key); ok {
			return value, true
		}
	}
	return f.State.Conn.Context.Get(key)
}

// put implements contextual. A connection variable that is set behind the split
// belongs to the session, and to the copy at hand.
func (v *validateContext) put(e *Env, L *lua.LState, c sdk.Change) {
	f := v.frame(e, L)
	target := f.Phase.Hook.Info().Target
	if c.Dict == sdk.DictMess && f.Message() == nil {
		e.World.Host().Log(sdk.LogRecord{Level: sdk.LevelWarning, Source: "scriptlet",
			Text: "message context variable '" + c.Name + "' was set in " + f.Phase.Hook.String() + ", where there is no message yet: it is lost"})
		return
	}
	if target == sdk.TargetConn {
		target = sdk.TargetTxn
	}
	c.Target, c.Copy = target, f.Phase.Copy
	v.change(L, f, c)
	if c.Dict == sdk.DictConn && target == sdk.TargetCopy {
		c.Target, c.Copy = sdk.TargetConn, 0
		v.change(L, f, c)
	}
}

func (v *validateContext) change(L *lua.LState, f *Frame, c sdk.Change) {
	if err := f.Change(c); err != nil {
		L.RaiseError("%s", err.Error())
	}
}

// contextPackage is msys.extended.vctx. Its methods are there without require.
func contextPackage() Package {
	return Package{
		Name: "msys.extended.vctx",
		Doc:  "The validation context: variables, the reply, the recipient list.",
		Classes: []Class{{
			Name: classContext, Doc: "The validation context of a session.",
			Methods: append(append(dictionaryMethods(), replyMethods()...), recipientMethods()...),
			Fields:  contextFields(), FieldsOfCall: true,
			Meta: map[string]func(e *Env, L *lua.LState) int{
				"__eq": func(_ *Env, L *lua.LState) int {
					a, _ := L.CheckUserData(1).Value.(*validateContext)
					b, _ := L.CheckUserData(2).Value.(*validateContext)
					return pushBool(L, a != nil && b != nil && a.session == b.session)
				},
			},
		}},
	}
}

func dictionaryMethods() []Func {
	kind, key := Param{Name: "type", Type: Number}, Param{Name: "key", Type: String}
	return []Func{
		{Name: "get", Params: []Param{kind, key}, Returns: "string", Phases: "any", Since: "3.0",
			Doc: `A context variable as text, "" where it is absent.`, Example: `vctx:get(msys.core.VCTX_CONN, "ehlo_domain")`, Do: contextGet},
		{Name: "set", Params: []Param{kind, key, {Name: "value", Type: Any}}, Returns: "number", Phases: "any", Since: "3.0",
			Doc: "Stores a value as text in the connection's or the message's context.", Example: `vctx:set(msys.core.VCTX_CONN, "k", 17)`, Do: contextSet},
		{Name: "exists", Params: []Param{kind, key}, Returns: "1 or 0", Phases: "any", Since: "3.0",
			Doc: "Whether a context variable is there.", Example: `if vctx:exists(msys.core.VCTX_CONN, "k") == 1 then end`, Do: contextExists},
		{Name: "exists_and_get", Params: []Param{kind, key}, Returns: "1, string or 0, nil", Phases: "any", Since: "3.0",
			Doc: "Whether a context variable is there, and its value.", Example: `local there, v = vctx:exists_and_get(msys.core.VCTX_CONN, "k")`, Do: contextExistsAndGet},
	}
}

func replyMethods() []Func {
	code := []Param{{Name: "code", Type: Number}, {Name: "text", Type: String, Optional: true}}
	return []Func{
		{Name: "set_code", Params: code, Returns: "nothing", Phases: "any", Since: "3.0",
			Doc: "Sets the reply to the current command; 4xx and 5xx refuse it whatever the callout returns.", Example: `vctx:set_code(550, "5.7.1 not today")`,
			Do: func(e *Env, L *lua.LState) int {
				self[*validateContext](L).setReply(e, L, normalReply(L, int(L.ToNumber(2)), optional(L, 3)))
				return 0
			}},
		{Name: "disconnect", Params: code, Returns: "nothing", Phases: "any", Since: "3.0",
			Doc: "Replies and closes the session.", Example: `vctx:disconnect(421, "Go away")`,
			Do: func(e *Env, L *lua.LState) int {
				v := self[*validateContext](L)
				r := normalReply(L, int(L.ToNumber(2)), optional(L, 3))
				f := v.setReply(e, L, r)
				v.change(L, f, sdk.Change{Kind: sdk.DisconnectSet, Number: int64(r.Code), Value: r.FullText()})
				return 0
			}},
		{Name: "tarpit", Params: []Param{{Name: "seconds", Type: Number}}, Returns: "nothing", Phases: "connect and later", Since: "3.0",
			Doc: "Holds the reply back for that many seconds.", Example: `vctx:tarpit(1)`, Do: doTarpit},
	}
}

func (v *validateContext) setReply(e *Env, L *lua.LState, r *smtp.Reply) *Frame {
	f := v.frame(e, L)
	f.Reply, f.SetCode = r, true
	return f
}

// maxTarpit bounds how long a reply is held back: five minutes is what clients
// wait for most replies (RFC 5321 §4.5.3.2).
const maxTarpit = 300

func doTarpit(e *Env, L *lua.LState) int {
	v := self[*validateContext](L)
	f, seconds := v.frame(e, L), float64(L.ToNumber(2))
	if !(seconds >= 0) {
		L.RaiseError("vctx:tarpit: a number of seconds is expected, got %s", Text(L, L.Get(2)))
	}
	v.change(L, f, sdk.Change{Kind: sdk.TarpitSet, Number: int64(1000 * min(seconds, maxTarpit))})
	return 0
}

func contextFields() []Field {
	ofCall := func(e *Env, L *lua.LState) *Frame {
		f := e.World.Frame(L)
		if f == nil {
			L.RaiseError("%s", staleContext)
		}
		return f
	}
	frameOf := func(e *Env, L *lua.LState, ud *lua.LUserData) (*validateContext, *Frame) {
		v, ok := ud.Value.(*validateContext)
		if !ok {
			L.RaiseError("the object is empty")
		}
		return v, v.frame(e, L)
	}
	return []Field{
		{Name: "code", Type: "number", Phases: "any", Doc: "The reply code chosen so far, 0 while there is none.",
			Get: func(e *Env, L *lua.LState, _ *lua.LUserData) lua.LValue {
				if f := ofCall(e, L); f.Reply != nil {
					return lua.LNumber(f.Reply.Code)
				}
				return lua.LNumber(0)
			},
			Set: func(e *Env, L *lua.LState, ud *lua.LUserData, val lua.LValue) {
				v, f := frameOf(e, L, ud)
				v.setReply(e, L, normalReply(L, number32(L, "vctx.code", val), replyText(f)))
			}},
		{Name: "note", Type: "string or nil", Phases: "any", Doc: "The text of the reply chosen so far.",
			Get: func(e *Env, L *lua.LState, _ *lua.LUserData) lua.LValue {
				if text := replyText(ofCall(e, L)); text != "" {
					return lua.LString(text)
				}
				return lua.LNil
			},
			Set: func(e *Env, L *lua.LState, ud *lua.LUserData, val lua.LValue) {
				v, f := frameOf(e, L, ud)
				if f.Reply == nil {
					L.RaiseError("vctx.note: set vctx.code first")
				}
				v.setReply(e, L, normalReply(L, f.Reply.Code, Text(L, val)))
			}},
		// The method of this name wins when it is read
		// (reference/lua-api-notes.md 18).
		{Name: "disconnect", Type: "number", Phases: "any", Doc: "Assigning 1 closes the session after the reply.",
			Get: func(*Env, *lua.LState, *lua.LUserData) lua.LValue { return lua.LNil },
			Set: func(e *Env, L *lua.LState, ud *lua.LUserData, val lua.LValue) {
				v, f := frameOf(e, L, ud)
				if val != lua.LTrue && number32(L, "vctx.disconnect", val) == 0 {
					return
				}
				v.change(L, f, sdk.Change{Kind: sdk.DisconnectSet})
			}},
	}
}

func replyText(f *Frame) string {
	if f.Reply == nil {
		return ""
	}
	return f.Reply.FullText()
}

// number32 is a small number that a script assigns; text of digits will do.
func number32(L *lua.LState, name string, v lua.LValue) int {
	switch v := v.(type) {
	case lua.LNumber:
		return int(v)
	case lua.LBool:
		return 0
	case lua.LString:
		if f, ok := dialect.ParseNumber(string(v)); ok {
			return int(f)
		}
	}
	L.RaiseError("%s: a number is expected, got %s", name, Text(L, v))
	return 0
}

func recipientMethods() []Func {
	addresses := func(optional bool) []Param {
		return []Param{{Name: "addresses", Type: StringOrTable, Optional: optional}}
	}
	const phases = "mailfrom,rcptto,rcptto_list,data,data_spool"
	return []Func{
		{Name: "add_recipient", Params: addresses(false), Returns: "nothing", Phases: phases, Since: "3.0",
			Doc: "Adds one or several recipients to the transaction.", Example: `vctx:add_recipient("bcc@example.com")`,
			Do: func(e *Env, L *lua.LState) int { return changeList(e, L, sdk.RecipientAdd) }},
		{Name: "remove_recipient", Params: addresses(false), Returns: "nothing", Phases: phases, Since: "3.0",
			Doc: "Removes one or several recipients from the transaction.", Example: `vctx:remove_recipient("b@example.com")`,
			Do: func(e *Env, L *lua.LState) int { return changeList(e, L, sdk.RecipientRemove) }},
		{Name: "recipient_list", Params: addresses(true), Returns: "table", Phases: "mailfrom,rcptto_list,data,data_spool", Since: "3.0",
			Doc: "The recipients accepted so far, from index 1; with an argument they are replaced first.", Example: `local list = vctx:recipient_list()`, Do: doRecipientList},
	}
}

func doRecipientList(e *Env, L *lua.LState) int {
	f := self[*validateContext](L).frame(e, L)
	if f.Phase.Hook == sdk.ValidateRcptTo {
		L.RaiseError("vctx:recipient_list must not be used in validate_rcptto")
	}
	if L.Get(2) != lua.LNil {
		changeList(e, L, sdk.RecipientReplace)
	}
	var list []string
	if m := f.State.Message; m != nil {
		for _, a := range m.Recipients {
			list = append(list, string(a))
		}
	}
	return pushStrings(L, list)
}

// changeList changes the transaction's recipients. They can be changed until
// the message is split: published samples do so in validate_data
// (reference/lua-api-notes.md 46).
func changeList(e *Env, L *lua.LState, kind sdk.ChangeKind) int {
	v := self[*validateContext](L)
	f := v.frame(e, L)
	switch h := f.Phase.Hook; {
	case f.State.Message == nil || h.Info().Target == sdk.TargetConn:
		L.RaiseError("there are no recipients in %s", h)
	case h.Info().Target == sdk.TargetCopy:
		L.RaiseError("the recipient list is final in %s: it can be changed until validate_data_spool (msg:copy() and inject() send to others)", h)
	}
	v.change(L, f, sdk.Change{Kind: kind, Target: sdk.TargetTxn, Values: listedAddresses(L, 2)})
	return 0
}

func listedAddresses(L *lua.LState, n int) []string {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		return []string{string(envelopeAddress(L, strings.TrimSpace(L.ToString(n)), false))}
	}
	list := make([]string, 0, t.Len())
	for i := 1; i <= t.Len(); i++ {
		list = append(list, string(envelopeAddress(L, Text(L, t.RawGetInt(i)), false)))
	}
	return list
}
