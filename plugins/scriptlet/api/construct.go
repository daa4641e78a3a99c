package api

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

const (
	classAccept  = "accept_construct"
	classSession = "message_construct"
	classList    = "list_node"
)

// acceptConstruct is the ac of a session: the connection. It is the
// message_construct of the session too, by another class.
type acceptConstruct struct{ session uint64 }

func newAccept(e *Env, L *lua.LState, f *Frame) lua.LValue {
	if f.Session == 0 {
		return lua.LNil // nobody is connected
	}
	return e.World.Object(L, classAccept, &acceptConstruct{session: f.Session})
}

func (a *acceptConstruct) frame(e *Env, L *lua.LState) *Frame {
	f := e.World.Frame(L)
	if f == nil || f.Session != a.session {
		L.RaiseError("connection is no longer valid: it can be used only while a callout of its session runs")
	}
	return f
}

// connField is a field that is read from the session's state.
func connField(name, kind, doc string, get func(e *Env, L *lua.LState, f *Frame) lua.LValue) Field {
	return Field{Name: name, Type: kind, Doc: doc, Phases: "any SMTP phase",
		Get: func(e *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
			a, ok := ud.Value.(*acceptConstruct)
			if !ok {
				L.RaiseError("the object is empty")
			}
			return get(e, L, a.frame(e, L))
		}}
}

func acceptClass() Class {
	return Class{
		Name: classAccept, Doc: "A connection.",
		Fields: []Field{
			connField("remote_addr", "sockaddr", "The peer's address.", func(e *Env, L *lua.LState, f *Frame) lua.LValue { return newAddress(e, L, f.State.Conn.Peer) }),
			connField("local_addr", "sockaddr", "The listener's address.", func(e *Env, L *lua.LState, f *Frame) lua.LValue { return newAddress(e, L, f.State.Conn.Local) }),
			connField("conn_id", "message_id", "The connection's id.", func(e *Env, L *lua.LState, f *Frame) lua.LValue { return newID(e, L, f.State.Conn.ID) }),
			connField("protocol", "number", "The listener's protocol: msys.core.P_ESMTP.", func(_ *Env, _ *lua.LState, f *Frame) lua.LValue { return lua.LNumber(f.State.Conn.Protocol) }),
			connField("hostname", "string or nil", "The peer's name, where a lookup found it (reverse_dns).", func(_ *Env, _ *lua.LState, f *Frame) lua.LValue {
				if name, ok := f.State.Conn.Context.Get("reverse_dns"); ok {
					return lua.LString(name)
				}
				return lua.LNil
			}),
		},
	}
}

// acceptPackage is msys.extended.ac: what adds to a connection.
func acceptPackage() Package {
	name := []Param{{Name: "name", Type: String}}
	capability := func(method, doc string, kind sdk.ChangeKind) Func {
		return Func{Name: method, Params: name, Returns: "nothing", Phases: "connect,ehlo", Since: "3.6", Doc: doc,
			Example: `ac:` + method + `("X-POLICY")`,
			Do:      func(e *Env, L *lua.LState) int { return changeCapability(e, L, kind) }}
	}
	return Package{
		Name: "msys.extended.ac",
		Doc:  "Connections.",
		Classes: []Class{{Name: classAccept, Methods: []Func{
			capability("esmtp_capability_add", "Announces a capability in the reply to EHLO.", sdk.CapabilitySet),
			capability("esmtp_capability_remove", "Does not announce a capability in the reply to EHLO.", sdk.CapabilityDelete),
			sessionCountMethod(),
		}}},
	}
}

func changeCapability(e *Env, L *lua.LState, kind sdk.ChangeKind) int {
	f := self[*acceptConstruct](L).frame(e, L)
	keyword := strings.TrimSpace(L.ToString(2))
	switch h := f.Phase.Hook; {
	case f.State.Conn.Protocol != sdk.ProtocolESMTP:
		L.RaiseError("capabilities are announced in SMTP only; this session is %s", f.State.Conn.Protocol)
	case h > sdk.ValidateEHLO:
		L.RaiseError("capabilities are announced in the reply to EHLO; this is %s", h)
	case keyword == "" || strings.ContainsAny(keyword, "\r\n\x00"):
		L.RaiseError("%q cannot be a capability", keyword)
	}
	if err := f.Change(sdk.Change{Kind: kind, Name: keyword}); err != nil {
		L.RaiseError("%s", err.Error())
	}
	return 0
}

func sessionFunc() Func {
	return Func{
		Name: "accept_construct_get_message_construct", Params: []Param{{Name: "ac", Type: Userdata, Class: classAccept}},
		Returns: "message_construct", Phases: "any SMTP phase", Since: "3.0",
		Doc:     "The SMTP session on a connection: its message, context and counters.",
		Example: `local mc = msys.core.accept_construct_get_message_construct(ac)`,
		Do: func(e *Env, L *lua.LState) int {
			a := self[*acceptConstruct](L)
			a.frame(e, L)
			L.Push(e.World.Object(L, classSession, a))
			return 1
		},
	}
}

// sessionClass is mc: an SMTP session (reference/lua-api.tsv, message_construct).
func sessionClass() Class {
	counter := func(name, doc string) Field {
		return connField(name, "number", doc, func(_ *Env, _ *lua.LState, f *Frame) lua.LValue {
			return lua.LNumber(contextNumber(f.State.Conn.Context, name))
		})
	}
	return Class{
		Name: classSession, Doc: "An SMTP session.",
		Fields: []Field{
			connField("message", "ec_message", "The message being received; nil before MAIL FROM.", func(e *Env, L *lua.LState, f *Frame) lua.LValue { return newMessage(e, L, f, f.Message()) }),
			connField("ac", "accept_construct", "The connection.", newAccept),
			connField("ctx", "validate_context", "The validation context.", newContext),
			counter("connection_message_count", "Messages so far on the connection."),
			counter("connection_rcpt_count", "Recipients so far on the connection."),
			connField("message_rcpt_count", "number", "Recipients so far for the message.", func(_ *Env, _ *lua.LState, f *Frame) lua.LValue {
				if f.State.Message == nil {
					return lua.LNumber(0)
				}
				return lua.LNumber(len(f.State.Message.Recipients))
			}),
			connField("peer_address", "string", "The peer's IP address.", func(_ *Env, L *lua.LState, f *Frame) lua.LValue {
				return lua.LString(addressPart(L, f.State.Conn.Peer, "ip"))
			}),
			connField("state", "number", "Where the session stands: one of msys.core.MC_STATE_*.", func(_ *Env, _ *lua.LState, f *Frame) lua.LValue {
				return sessionState(f.Phase.Hook)
			}),
			connField("banner_hostname", "string", "The name in our greeting.", func(e *Env, _ *lua.LState, _ *Frame) lua.LValue {
				return lua.LString(hostname(e))
			}),
		},
	}
}

// contextNumber is a counter that the core keeps as a context variable.
func contextNumber(d sdk.Dict, name string) int {
	text, _ := d.Get(name)
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// listNode is the argument of the rcptto_list hooks: a native list, whose Lua
// form is not documented. vctx:recipient_list() reads the same list.
type listNode struct{ *acceptConstruct }

func listClass() Class {
	recipients := func(e *Env, L *lua.LState) []string {
		f := self[*listNode](L).frame(e, L)
		var list []string
		for _, a := range f.State.Message.Recipients {
			list = append(list, string(a))
		}
		return list
	}
	return Class{
		Name: classList, Doc: "The recipient list; # is its length, tostring joins it with commas.",
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__len":      func(e *Env, L *lua.LState) int { return pushNumber(L, len(recipients(e, L))) },
			"__tostring": func(e *Env, L *lua.LState) int { return pushString(L, strings.Join(recipients(e, L), ",")) },
		},
	}
}
