package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// Session states by their MC_STATE_* numbers (reference/logs.md, "Reception
// states"): those in which a callout waits for the policy's answer.
const (
	stateConnected = 0
	stateEHLO      = 2
	stateMail      = 4
	stateRcpt      = 6
	stateData      = 8
	stateBody      = 9
	stateAsync     = 11
)

// sessionState is mc.state: where the session stands while a hook is called.
func sessionState(h sdk.Hook) lua.LValue {
	state := stateAsync
	switch {
	case h == sdk.CoreValidateAccept, h == sdk.CoreValidateConnect, h == sdk.ValidateConnect:
		state = stateConnected
	case h == sdk.ValidateEHLO:
		state = stateEHLO
	case h == sdk.ValidateMailFrom:
		state = stateMail
	case h == sdk.ValidateRcptTo:
		state = stateRcpt
	case h.Info().PreData:
		state = stateData
	case h == sdk.ValidateData:
		state = stateBody
	}
	return lua.LNumber(state)
}

// messageFailed is msg.failed: the queue has given the message up.
func messageFailed(e *Env, L *lua.LState, m *message) lua.LValue {
	if m.frame(e, L).Phase.Hook == sdk.CoreLogPermanentFailure {
		return lua.LNumber(1)
	}
	return lua.LNumber(0)
}

// messageQueue is msg.domain: the queue that the message goes to.
func messageQueue(e *Env, L *lua.LState, m *message) lua.LValue {
	domain := m.msg.RoutingDomain
	if domain == "" {
		domain = m.msg.Recipient.Domain()
	}
	return e.World.Object(L, classRecord, domainRecord{domain})
}
