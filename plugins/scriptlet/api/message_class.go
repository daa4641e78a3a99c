package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// messagePackage is msys.extended.message: the methods of messages and of their
// parts. They are there without require, as several published scripts count on.
func messagePackage() Package {
	var methods []Func
	for _, group := range [][]Func{
		contextMethods(), envelopeMethods(), bindingMethods(), statusMethods(), contentMethods(), messageMatchMethods(),
		mimeMethods(), buildMethods(),
	} {
		methods = append(methods, group...)
	}
	return Package{
		Name:    "msys.extended.message",
		Doc:     "Messages: envelope, headers, body, MIME parts, and new messages.",
		Classes: []Class{{Name: classMessage, Doc: "A message.", Methods: methods, Fields: messageFields(), Meta: messageMeta()}, partClass()},
	}
}

// routingPackage is msys.extended.message_routing. The original installs a hook
// when it is required; msg:routing_domain needs none here.
func routingPackage() Package {
	return Package{
		Name:    "msys.extended.message_routing",
		Doc:     "The domain in whose queue a message goes out.",
		Classes: []Class{{Name: classMessage, Methods: []Func{routingDomainFunc()}}},
	}
}

func contextMethods() []Func {
	kind, key := Param{Name: "type", Type: Number}, Param{Name: "key", Type: String}
	const phases = "any with a message"
	return []Func{
		{Name: "context_get", Params: []Param{kind, key}, Returns: "string", Phases: phases, Since: "3.0",
			Doc: `A context variable as text, "" where it is absent.`, Example: `msg:context_get(msys.core.ECMESS_CTX_MESS, "k")`, Do: contextGet},
		{Name: "context_set", Params: []Param{kind, key, {Name: "value", Type: Any}}, Returns: "number", Phases: phases, Since: "3.0",
			Doc: "Stores a value as text in the message's context, or in its copy of the connection's.", Example: `msg:context_set(msys.core.ECMESS_CTX_MESS, "k", 17)`, Do: contextSet},
		{Name: "context_exists", Params: []Param{kind, key}, Returns: "1 or 0", Phases: phases, Since: "3.0",
			Doc: "Whether a context variable is there.", Example: `if msg:context_exists(msys.core.ECMESS_CTX_MESS, "k") == 1 then end`, Do: contextExists},
		{Name: "context_exists_and_get", Params: []Param{kind, key}, Returns: "1, string or 0, nil", Phases: phases, Since: "3.0",
			Doc: "Whether a context variable is there, and its value.", Example: `local there, v = msg:context_exists_and_get(msys.core.ECMESS_CTX_MESS, "k")`, Do: contextExistsAndGet},
		{Name: "context_delete", Params: []Param{kind, key}, Returns: "1 or 0", Phases: phases, Since: "3.0",
			Doc: "Removes a context variable.", Example: `msg:context_delete(msys.core.ECMESS_CTX_MESS, "k")`, Do: contextDelete},
		{Name: "get_message_size", Returns: "number", Phases: "data,data_spool,each_rcpt", Since: "3.0",
			Doc: "The size of the message in bytes.", Example: `if msg:get_message_size() > 1048576 then end`,
			Do: func(e *Env, L *lua.LState) int {
				m := self[*message](L)
				m.frame(e, L)
				return pushNumber(L, m.msg.Size())
			}},
		{Name: "get_delivery_method", Returns: "string", Phases: "any with a message", Since: "3.6",
			Doc: "How the message is delivered: \"smtp\", the only way mtad has.", Example: `msg:get_delivery_method() -- "smtp"`,
			Do: func(e *Env, L *lua.LState) int {
				current(e, L)
				return pushString(L, "smtp")
			}},
		{Name: "is_mcmt", Returns: "boolean", Phases: "any with a message", Since: "3.6",
			Doc: "Whether the message is a multi-channel container; mtad has none.", Example: `msg:is_mcmt()`,
			Do: func(_ *Env, L *lua.LState) int { return pushBool(L, false) }},
	}
}

// messageMeta lets two objects of one message be equal, and print its id.
func messageMeta() map[string]func(e *Env, L *lua.LState) int {
	return map[string]func(e *Env, L *lua.LState) int{
		"__eq": func(_ *Env, L *lua.LState) int {
			a, _ := L.CheckUserData(1).Value.(*message)
			b, _ := L.CheckUserData(2).Value.(*message)
			return pushBool(L, a != nil && b != nil && a.msg == b.msg)
		},
		"__tostring": func(_ *Env, L *lua.LState) int {
			return pushString(L, classMessage+": "+self[*message](L).msg.ID)
		},
	}
}

// Values of msg.delivered.
const (
	deliveryTrying = iota
	deliverySucceeded
	deliveryFailed
)

func messageFields() []Field {
	const phases = "any with a message"
	field := func(name, kind, doc string, get func(e *Env, L *lua.LState, m *message) lua.LValue) Field {
		return Field{Name: name, Type: kind, Doc: doc, Phases: phases,
			Get: func(e *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
				m := messageOf(e, L, ud)
				return get(e, L, m)
			}}
	}
	priority := field("priority", "number", "Urgency: messages with 1 are taken from a queue first; 0 when created.",
		func(_ *Env, _ *lua.LState, m *message) lua.LValue { return lua.LNumber(m.msg.Priority) })
	priority.Set = setPriority
	return []Field{
		priority,
		field("id", "message_id", "The message's id.", func(e *Env, L *lua.LState, m *message) lua.LValue { return newID(e, L, m.msg.ID) }),
		field("batch_id", "message_id", "The id that all recipients' copies share.", func(e *Env, L *lua.LState, m *message) lua.LValue { return newID(e, L, m.msg.BatchID) }),
		field("conn_id", "message_id", "The id of the connection it came over.", func(e *Env, L *lua.LState, m *message) lua.LValue { return newID(e, L, m.msg.ConnID) }),
		field("recv_method", "number", "How the message came in: one of msys.core.P_*.", func(_ *Env, _ *lua.LState, m *message) lua.LValue { return lua.LNumber(m.msg.Protocol) }),
		field("recv_from", "sockaddr", "The peer it came from.", func(e *Env, L *lua.LState, m *message) lua.LValue { return newAddress(e, L, m.msg.RecvFrom) }),
		field("recv_via", "sockaddr", "The listener it came in at.", func(e *Env, L *lua.LState, m *message) lua.LValue { return newAddress(e, L, m.msg.RecvVia) }),
		field("num_retries", "number", "Delivery attempts so far.", func(_ *Env, _ *lua.LState, m *message) lua.LValue { return lua.LNumber(m.msg.Retries) }),
		field("binding_slot", "number", "The number of its binding, negative while it has none.", func(e *Env, _ *lua.LState, m *message) lua.LValue {
			return lua.LNumber(bindingSlot(e.World.Config(), m.msg.Binding))
		}),
		field("bounce", "number", "1 for a bounce that mtad made, else 0.", func(_ *Env, _ *lua.LState, m *message) lua.LValue {
			if m.msg.Bounce {
				return lua.LNumber(1)
			}
			return lua.LNumber(0)
		}),
		field("failed", "number", "1 in core_log_permanent_failure_v1, else 0.", messageFailed),
		field("domain", "domain_record", "The queue that the message goes to.", messageQueue),
		field("delivered", "number", "The outcome in a log hook: msys.core.EM_TRYING, EM_SUCCEEDED or EM_FAILED.", delivered),
		field("creation_time", "timeval", "When the message was received.", func(e *Env, L *lua.LState, m *message) lua.LValue {
			return e.World.Object(L, classTime, m.msg.Created)
		}),
		field("vctx_mess", "dict", "The message context.", func(e *Env, L *lua.LState, m *message) lua.LValue {
			return e.World.Object(L, classDict, nativeDict{m, sdk.DictMess})
		}),
		field("vctx_conn", "dict", "The message's connection context.", func(e *Env, L *lua.LState, m *message) lua.LValue {
			return e.World.Object(L, classDict, nativeDict{m, sdk.DictConn})
		}),
	}
}

// messageOf is the message behind an object; it raises where that is stale.
func messageOf(e *Env, L *lua.LState, ud *lua.LUserData) *message {
	m, ok := ud.Value.(*message)
	if !ok {
		L.RaiseError("the object is empty")
	}
	m.frame(e, L)
	return m
}

func delivered(e *Env, L *lua.LState, m *message) lua.LValue {
	switch m.hook(e, L) {
	case sdk.CoreLogDelivery:
		return lua.LNumber(deliverySucceeded)
	case sdk.CoreLogPermanentFailure:
		return lua.LNumber(deliveryFailed)
	}
	return lua.LNumber(deliveryTrying)
}

func setPriority(e *Env, L *lua.LState, ud *lua.LUserData, v lua.LValue) {
	m := messageOf(e, L, ud)
	m.needOpen(e, L, "msg.priority")
	n, ok := v.(lua.LNumber)
	if !ok || n != 0 && n != 1 {
		L.RaiseError("msg.priority can be 0 or 1, not %s", Text(L, v))
	}
	m.change(e, L, sdk.Change{Kind: sdk.PrioritySet, Number: int64(n)})
}
