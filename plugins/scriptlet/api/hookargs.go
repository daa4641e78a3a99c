package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// HookArgs gives the arguments that a callout for f's phase is called with,
// behind self (sdk.HookInfo.Args). One userdata each; what a script can keep of
// them raises once the call is over.
func HookArgs(e *Env, L *lua.LState, f *Frame) []lua.LValue {
	msg := func() lua.LValue { return newMessage(e, L, f, f.Message()) }
	ac := func() lua.LValue { return newAccept(e, L, f) }
	vctx := func() lua.LValue { return newContext(e, L, f) }
	str := func() lua.LValue { return newString(e, L, f.Phase.Line) }
	now := func() lua.LValue { return e.World.Object(L, classTime, e.World.Now()) }
	switch f.Phase.Hook.Info().Args {
	case sdk.ArgsAcVctx:
		return []lua.LValue{ac(), vctx()}
	case sdk.ArgsStrAcVctx:
		return []lua.LValue{str(), ac(), vctx()}
	case sdk.ArgsMsgStrAcVctx:
		return []lua.LValue{msg(), str(), ac(), vctx()}
	case sdk.ArgsListVctx:
		return []lua.LValue{e.World.Object(L, classList, &listNode{&acceptConstruct{session: f.Session}}), vctx()}
	case sdk.ArgsMsgAcVctx:
		return []lua.LValue{msg(), ac(), vctx()}
	case sdk.ArgsMsg:
		return []lua.LValue{msg()}
	case sdk.ArgsMsgAc:
		return []lua.LValue{msg(), ac()}
	case sdk.ArgsVctxAuth:
		return []lua.LValue{vctx(), authInfo(L, f), authStatus(f)}
	case sdk.ArgsAcMcVctx:
		return []lua.LValue{ac(), e.World.Object(L, classSession, &acceptConstruct{session: f.Session}), vctx()}
	case sdk.ArgsAcMsgNow:
		return append([]lua.LValue{ac(), msg(), now()}, note(f)...)
	case sdk.ArgsMsgRecordNow:
		return append([]lua.LValue{msg(), record(e, L, f), now()}, note(f)...)
	case sdk.ArgsRejection:
		// The text is whole, so there are no args for it as a format.
		return []lua.LValue{now(), ac(), vctx(), lua.LNumber(f.Phase.Number), lua.LString(f.Phase.Line), lua.LNil}
	}
	return furtherArgs(e, L, f)
}

// note is a log hook's text, a plain Lua string or nil, and its length
// (reference/lua-api-notes.md 25).
func note(f *Frame) []lua.LValue {
	if f.Phase.Line == "" {
		return []lua.LValue{lua.LNil, lua.LNumber(0)}
	}
	return []lua.LValue{lua.LString(f.Phase.Line), lua.LNumber(len(f.Phase.Line))}
}

// record is the queue that a log hook's message was in.
func record(e *Env, L *lua.LState, f *Frame) lua.LValue {
	m := f.Message()
	if m == nil {
		return lua.LNil
	}
	domain := m.RoutingDomain
	if domain == "" {
		domain = m.Recipient.Domain()
	}
	return e.World.Object(L, classRecord, domainRecord{domain})
}

// authInfo is what is known of an AUTH attempt; the Lua form of the original's
// is not documented.
func authInfo(L *lua.LState, f *Frame) lua.LValue {
	t := L.CreateTable(0, 2)
	for _, key := range []string{"auth_user", "auth_name"} {
		if v, ok := f.State.Conn.Context.Get(key); ok {
			t.RawSetString(key, lua.LString(v))
		}
	}
	return t
}

// authStatus is the outcome of AUTH: EC_AUTH_OK, _FAIL or _ERROR.
func authStatus(f *Frame) lua.LValue {
	switch v, _ := f.State.Conn.Context.Get("auth_status"); v {
	case sdk.AuthOK.String():
		return lua.LNumber(AuthOK)
	case sdk.AuthFail.String():
		return lua.LNumber(AuthFail)
	}
	return lua.LNumber(AuthError)
}
