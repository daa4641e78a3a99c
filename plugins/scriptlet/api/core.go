package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// corePackage is msys.core: the constants and functions of the original's C
// interface, and the small classes that belong to no other package.
func corePackage() Package {
	funcs := []Func{sockaddrFamilyFunc(), sessionFunc(), messageNewFunc(), nowFunc(), getDomainFunc(), messageContextGetFunc(), messageContextSetFunc(), protocolFunc()}
	for _, group := range [][]Func{stringFuncs(), dictFuncs(), contextKeyFuncs(), bindingFuncs()} {
		funcs = append(funcs, group...)
	}
	classes := []Class{idClass(), timeClass(), recordClass(), addressClass(), stringClass(), acceptClass(), sessionClass(), listClass(), boolClass()}
	return Package{
		Name:    "msys.core",
		Doc:     "Constants and functions of the core.",
		Preload: true,
		Funcs:   funcs,
		Consts:  coreConstants(),
		Classes: append(classes, dictClasses()...),
	}
}

func nowFunc() Func {
	return Func{
		Name: "get_now_ts", Returns: "number", Phases: "any", Since: "3.0",
		Doc:     "The time in seconds since 1970, UTC.",
		Example: `local now = msys.core.get_now_ts()`,
		Do:      func(e *Env, L *lua.LState) int { return pushNumber(L, e.World.Now().Unix()) },
	}
}

func messageContextGetFunc() Func {
	return Func{
		Name: "ec_message_context_get", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage}, {Name: "type", Type: Number}, {Name: "key", Type: String}},
		Returns: "string", Phases: "any with a message", Since: "3.0",
		Doc: "The function form of msg:context_get.", Example: `msys.core.ec_message_context_get(msg, msys.core.ECMESS_CTX_MESS, "k")`,
		Do: contextGet,
	}
}

func messageContextSetFunc() Func {
	return Func{
		Name: "ec_message_context_set", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage}, {Name: "type", Type: Number}, {Name: "key", Type: String}, {Name: "value", Type: Any}},
		Returns: "number", Phases: "any with a message", Since: "3.0",
		Doc: "The function form of msg:context_set.", Example: `msys.core.ec_message_context_set(msg, msys.core.ECMESS_CTX_MESS, "k", "v")`,
		Do: contextSet,
	}
}

func protocolFunc() Func {
	return Func{
		Name: "protocol_string", Params: []Param{{Name: "recv_method", Type: Number}}, Returns: "string", Phases: "any", Since: "4.3",
		Doc: "The name of a reception protocol.", Example: `msys.core.protocol_string(msg.recv_method)`,
		Do: func(_ *Env, L *lua.LState) int {
			n := L.ToNumber(1)
			if n < 0 || n > 255 {
				n = lua.LNumber(sdk.ProtocolUnknown)
			}
			return pushString(L, sdk.Protocol(n).String())
		},
	}
}

// coreConstants are the constants of msys.core (reference/lua-api.tsv). Values
// that the documentation does not give are ours (reference/lua-api-notes.md 44).
func coreConstants() []Const {
	c := func(name string, value int, doc string) Const { return Const{name, lua.LNumber(value), doc} }
	list := []Const{
		c("VALIDATE_CONT", int(sdk.Continue), "Ask the remaining scripts and modules."),
		c("VALIDATE_DONE", int(sdk.Done), "Skip the rest of this phase."),
		c("VALIDATE_AGAIN", int(sdk.Again), "Call this callout again later."),
		c("ECMESS_CTX_MESS", int(sdk.DictMess), "The message context."),
		c("ECMESS_CTX_CONN", int(sdk.DictConn), "The connection context."),
		c("VCTX_MESS", int(sdk.DictMess), "The message context."),
		c("VCTX_CONN", int(sdk.DictConn), "The connection context."),
		c("EC_MSG_ENV_FROM", envelopeFrom, "get_envelope2: the sender."),
		c("EC_MSG_ENV_TO", envelopeTo, "get_envelope2: the recipient."),
		c("EC_MSG_ENV_COMPLETE", envelopeComplete, "get_envelope2: the whole address."),
		c("EC_AUTH_OK", AuthOK, "Authentication succeeded."),
		c("EC_AUTH_FAIL", AuthFail, "Authentication was refused."),
		c("EC_AUTH_ERROR", AuthError, "Authentication could not be decided."),
		c("P_INTERNAL", int(sdk.ProtocolInternal), "Received by injection."),
		c("P_ESMTP", int(sdk.ProtocolESMTP), "Received over SMTP."),
		c("P_SMPP", 16, "Received over SMPP; never in mtad."),
		c("P_MM7", 17, "Received over MM7; never in mtad."),
		c("AF_INET", familyINet, "An IPv4 address."),
		c("AF_INET6", familyINet6, "An IPv6 address."),
		c("ECTP_COMPLETE_CALLBACK", 3, "runInPool: complete on the pool's thread."),
		c("ECTP_COMPLETE_CALLBACK_SCHED", 6, "runInPool: complete on the scheduler."),
		c("EC_HOOK_CONT", 0, "final_validation2: go on."),
		c("EC_HOOK_DONE", 1, "final_validation2: reject."),
		c("EC_HOOK_RETRY", 2, "final_validation2: defer."),
		c("EM_TRYING", deliveryTrying, "msg.delivered: not decided."),
		c("EM_SUCCEEDED", deliverySucceeded, "msg.delivered: delivered."),
		c("EM_FAILED", deliveryFailed, "msg.delivered: failed for good."),
		c("O_RDONLY", 0, "io_wrapper_open: read."),
		c("O_WRONLY", 1, "io_wrapper_open: write."),
		c("O_RDRW", 2, "io_wrapper_open: read and write, as the manual spells it."),
		c("O_RDWR", 2, "io_wrapper_open: read and write."),
		c("O_CREAT", 0o100, "io_wrapper_open: create the file."),
		c("O_APPEND", 0o2000, "io_wrapper_open: write at the end."),
		c("O_BINARY", 0, "io_wrapper_open: without effect."),
		c("EC_BINDING_SLOT_UNBOUND", unboundSlot, "No binding was chosen."),
	}
	list = append(list, numbered("A result of core_ec_message_enqueue.", "EC_MESSAGE_ENQUEUE_HOOK_CONT", "EC_MESSAGE_ENQUEUE_HOOK_OK", "EC_MESSAGE_ENQUEUE_HOOK_ERR")...)
	list = append(list, numbered("A result of core_generate_bounces.", "GENERATE_BOUNCES_HOOK_CONT", "GENERATE_BOUNCES_HOOK_OK")...)
	list = append(list, numbered("A transfer encoding.", "EC_MIME_TE_7BIT", "EC_MIME_TE_8BIT", "EC_MIME_TE_BASE64", "EC_MIME_TE_QUOTED_PRINTABLE")...)
	list = append(list, numbered("An action of a delivery report.", "FAILED", "DELAYED", "DELIVERED", "RELAYED", "EXPANDED")...)
	list = append(list, numbered("The state of an SMTP session, the phase of core_log_rejection.", sessionStates()...)...)
	list = append(list, connectionErrors()...)
	return list
}

// numbered gives the names the numbers from 0.
func numbered(doc string, names ...string) []Const {
	list := make([]Const, len(names))
	for i, name := range names {
		list[i] = Const{name, lua.LNumber(i), doc}
	}
	return list
}

// sessionStates are the MC_STATE_* names in the order of their published values.
func sessionStates() []string {
	return []string{
		"MC_STATE_START", "MC_STATE_START_RESPONSE", "MC_STATE_EHLO", "MC_STATE_EHLO_RESPONSE", "MC_STATE_MAILFROM",
		"MC_STATE_MAILFROM_RESPONSE", "MC_STATE_RCPTTO", "MC_STATE_RCPTTO_RESPONSE", "MC_STATE_DATA", "MC_STATE_BODY",
		"MC_STATE_BODY_RESPONSE", "MC_STATE_ASYNC_BODY_RESPONSE", "MC_STATE_OK", "MC_STATE_RELAYING_DENIED",
		"MC_STATE_EXTENSION_1", "MC_STATE_EXTENSION_2", "MC_STATE_EXTENSION_3", "MC_STATE_EXTENSION_4",
		"MC_STATE_CONCURRENCY_LIMIT", "MC_STATE_RCPTTO_LIST_RESPONSE", "MC_STATE_RCPTTO_LIST_FINAL_RESPONSE",
		"MC_STATE_SETUP", "MC_STATE_MCMT_FIXUP", "MC_STATE_COUNT",
	}
}
