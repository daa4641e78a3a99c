package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Flags of msg:get_envelope2.
const (
	envelopeFrom     = 1
	envelopeTo       = 2
	envelopeComplete = 4
)

func envelopeMethods() []Func {
	flag := []Param{{Name: "flag", Type: String, Optional: true}}
	const reception = "data,data_spool,each_rcpt"
	return []Func{
		{Name: "mailfrom", Params: []Param{{Name: "address", Type: String, Optional: true}}, Returns: "string",
			Phases: "rcptto," + reception + ",set_binding", Since: "3.0",
			Doc: `The envelope sender, "" for the null sender; with an argument it is set first.`, Example: `msg:mailfrom("bounces@example.com")`, Do: doMailFrom},
		{Name: "rcptto", Params: []Param{{Name: "address", Type: String, Optional: true}}, Returns: "string",
			Phases: "rcptto and later; set from each_rcpt on", Since: "3.0",
			Doc: "The envelope recipient; with an argument it is set first.", Example: `local to = msg:rcptto()`, Do: doRcptTo},
		{Name: "get_envelope2", Params: []Param{{Name: "flags", Type: Number}, {Name: "localpart", Type: Userdata, Class: classString},
			{Name: "domain", Type: Userdata, Class: classString, Optional: true}}, Returns: "nothing", Phases: reception + ",set_binding", Since: "3.0",
			Doc:     "Writes the sender (EC_MSG_ENV_FROM) or recipient (EC_MSG_ENV_TO) into native strings, with EC_MSG_ENV_COMPLETE whole into the first.",
			Example: `msg:get_envelope2(msys.core.EC_MSG_ENV_FROM, localpart, domain)`, Do: doGetEnvelope},
		{Name: "listener_addr", Params: flag, Returns: "string", Phases: reception, Since: "3.0",
			Doc: `The listener the message came in at: "ip", "port" or "all".`, Example: `msg:listener_addr("ip")`,
			Do: func(e *Env, L *lua.LState) int {
				return pushString(L, addressPart(L, current(e, L).msg.RecvVia, optional(L, 2)))
			}},
		{Name: "reception_peer", Params: flag, Returns: "string", Phases: reception, Since: "3.0",
			Doc: `The peer the message came from: "ip", "port" or "all".`, Example: `msg:reception_peer("ip")`,
			Do: func(e *Env, L *lua.LState) int {
				return pushString(L, addressPart(L, current(e, L).msg.RecvFrom, optional(L, 2)))
			}},
	}
}

// current is the message a method is called on, still valid.
func current(e *Env, L *lua.LState) *message {
	m := self[*message](L)
	m.frame(e, L)
	return m
}

// optional is a text argument, "" where it is absent.
func optional(L *lua.LState, n int) string {
	if s, ok := L.Get(n).(lua.LString); ok {
		return string(s)
	}
	return ""
}

func doMailFrom(e *Env, L *lua.LState) int {
	m := current(e, L)
	if s, ok := L.Get(2).(lua.LString); ok {
		m.needOpen(e, L, "msg:mailfrom")
		m.change(e, L, sdk.Change{Kind: sdk.SenderSet, Value: string(envelopeAddress(L, string(s), true))})
	}
	return pushString(L, string(m.msg.Sender))
}

func doRcptTo(e *Env, L *lua.LState) int {
	m := current(e, L)
	if s, ok := L.Get(2).(lua.LString); ok {
		m.needOpen(e, L, "msg:rcptto")
		if h := m.hook(e, L); m.state != nil && m.target != sdk.TargetCopy {
			L.RaiseError("msg:rcptto: the recipient can be changed from validate_data_spool_each_rcpt on; this is %s", h)
		}
		m.change(e, L, sdk.Change{Kind: sdk.RecipientSet, Value: string(envelopeAddress(L, string(s), false))})
	}
	return pushString(L, string(m.recipient()))
}

// recipient is the candidate or the copy's own; between the two phases, where
// there are several, the first that was accepted.
func (m *message) recipient() smtp.Address {
	if m.msg.Recipient == "" && len(m.msg.Recipients) > 0 {
		return m.msg.Recipients[0]
	}
	return m.msg.Recipient
}

// maxAddress bounds an address: a path of RFC 5321 §4.5.3.1.3 is 256 octets,
// and 320 is what its parts could come to.
const maxAddress = 320

// envelopeAddress takes an address for the envelope, with or without angle
// brackets. It raises where the text could not stand in MAIL or RCPT.
func envelopeAddress(L *lua.LState, text string, null bool) smtp.Address {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
		text = text[1 : len(text)-1]
	}
	if text == "" && null {
		return ""
	}
	quoted := strings.HasPrefix(text, `"`)
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == 0x7f || !quoted && (c == ' ' || c == '<' || c == '>' || c == ',') {
			L.RaiseError("%q is not an envelope address", text)
		}
	}
	if local, domain := smtp.Address(text).Split(); local == "" || domain == "" || strings.ContainsAny(domain, " <>,\"") || len(text) > maxAddress {
		L.RaiseError("%q is not an envelope address", text)
	}
	return smtp.Address(text)
}

func doGetEnvelope(e *Env, L *lua.LState) int {
	m := current(e, L)
	flags := int(L.ToNumber(2))
	var address smtp.Address
	switch flags &^ envelopeComplete {
	case envelopeFrom:
		address = m.msg.Sender
	case envelopeTo:
		address = m.recipient()
	default:
		L.RaiseError("get_envelope2 needs either EC_MSG_ENV_FROM or EC_MSG_ENV_TO")
	}
	local, domain := address.Split()
	if flags&envelopeComplete != 0 {
		local, domain = string(address), ""
	}
	for i, text := range []string{local, domain} {
		if ud, ok := L.Get(3 + i).(*lua.LUserData); ok {
			if s, ok := ud.Value.(*ecString); ok {
				s.text = text
			}
		}
	}
	return 0
}
