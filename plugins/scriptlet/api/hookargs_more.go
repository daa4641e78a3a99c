package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// furtherArgs are the arguments of the hooks on a message's way out, and of
// those that answer by an argument (sdk.Args).
func furtherArgs(e *Env, L *lua.LState, f *Frame) []lua.LValue {
	msg := func() lua.LValue { return newMessage(e, L, f, f.Message()) }
	now := func() lua.LValue { return e.World.Object(L, classTime, e.World.Now()) }
	number := lua.LNumber(f.Phase.Number)
	switch f.Phase.Hook.Info().Args {
	case sdk.ArgsAc:
		return []lua.LValue{newAccept(e, L, f)}
	case sdk.ArgsMsgNow:
		return []lua.LValue{msg(), now()}
	case sdk.ArgsMsgGroup:
		return []lua.LValue{msg(), lua.LString(f.Phase.Line)}
	case sdk.ArgsRouting:
		return []lua.LValue{lua.LNil, msg(), f.textArg(e, L)}
	case sdk.ArgsReceived:
		ac := newAccept(e, L, f)
		mc := e.World.Object(L, classSession, &acceptConstruct{session: f.Session})
		return []lua.LValue{msg(), mc, ac, newContext(e, L, f), f.textArg(e, L)}
	case sdk.ArgsMsgEnabled:
		f.out.enabled = &boolValue{on: f.Phase.Number != 0}
		return []lua.LValue{msg(), e.World.Object(L, classBool, f.out.enabled)}
	case sdk.ArgsBounce:
		return []lua.LValue{newMessage(e, L, f, f.State.Message), msg(), number}
	case sdk.ArgsAddrRecord:
		return []lua.LValue{newAddress(e, L, f.State.Conn.Peer), record(e, L, f), laneSlot(e, f), now()}
	case sdk.ArgsAddrErrRecord:
		return []lua.LValue{newAddress(e, L, f.State.Conn.Peer), number, record(e, L, f), laneSlot(e, f), now()}
	}
	return nil
}

// textArg is an ec_string for the callout to fill.
func (f *Frame) textArg(e *Env, L *lua.LState) lua.LValue {
	f.out.text = &ecString{}
	return e.World.Object(L, classString, f.out.text)
}

// laneSlot is the binding's slot of a connection hook, whose message stands for
// the queue (sdk.State).
func laneSlot(e *Env, f *Frame) lua.LValue {
	if f.State.Message == nil {
		return lua.LNumber(unboundSlot)
	}
	return lua.LNumber(bindingSlot(e.World.Config(), f.State.Message.Binding))
}

// connectionErrors are the bits of the err of
// core_log_client_connection_failure that mtad sets. The manual names them and
// gives no values, so these are ours.
func connectionErrors() []Const {
	c := func(name string, bit int64, doc string) Const { return Const{name, lua.LNumber(bit), doc} }
	return []Const{
		c("CONN_ERROR_CONNECT", sdk.ConnErrorConnect, "core_log_client_connection_failure: the connection could not be made."),
		c("CONN_ERROR_CONNECT_NETWORK", sdk.ConnErrorNetwork, "core_log_client_connection_failure: there is no way to the network."),
		c("CONN_ERROR_CONNECT_TIMEOUT", sdk.ConnErrorTimeout, "core_log_client_connection_failure: nobody answered in time."),
		c("CONN_ERROR_BIND", sdk.ConnErrorBind, "core_log_client_connection_failure: the source address cannot be used."),
	}
}
