package api

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func statusMethods() []Func {
	return []Func{
		{Name: "discard", Params: []Param{{Name: "reason", Type: String, Optional: true}}, Returns: "nothing", Phases: "rcptto,data,data_spool,each_rcpt", Since: "3.0",
			Doc:     "Drops the message without a word to the sender, who gets 250; it is logged as a rejection, and the script goes on.",
			Example: `msg:discard("550 5.7.0 dropped by policy")`, Do: doDiscard},
		{Name: "code", Params: []Param{{Name: "number", Type: Number, Optional: true}, {Name: "text", Type: String, Optional: true}},
			Returns: "string", Phases: "data,data_spool,each_rcpt", Since: "3.0",
			Doc: "The message's status text; with arguments it is set first, and 0 takes the number from the text.", Example: `msg:code(421, "Too much spam.")`, Do: doCode},
		{Name: "get_code", Returns: "string", Phases: "any with a message", Since: "3.0",
			Doc: "The message's status text: in a log hook the reply that decided its fate.", Example: `local text = msg:get_code()`,
			Do: func(e *Env, L *lua.LState) int { return pushString(L, current(e, L).status(e, L)) }},
		{Name: "set_code", Params: []Param{{Name: "code", Type: Number}, {Name: "text", Type: String, Optional: true}}, Returns: "nothing", Phases: "any with a message", Since: "3.0",
			Doc: "Sets the message's status text.", Example: `msg:set_code(550, "no such user")`,
			Do: func(e *Env, L *lua.LState) int {
				m := current(e, L)
				m.setStatus(e, L, int(L.ToNumber(2)), optional(L, 3))
				return 0
			}},
	}
}

// The replies of msg:discard (reference/lua-api-notes.md 39).
const (
	discardDefault = "550 5.7.0 discarded by policy"
	discardNoCode  = "550 5.7.1 [internal] discarded by policy"
)

func doDiscard(e *Env, L *lua.LState) int {
	m := current(e, L)
	h := m.hook(e, L)
	if onTheWayOut := h.Info().Target == sdk.TargetCopy && !h.Info().Waiting && h != sdk.MsgGenDataSpool; h == sdk.ValidateSetBinding || isLogHook(h) || onTheWayOut {
		L.RaiseError("msg:discard: not in %s", h)
	}
	reason := discardDefault
	if s, ok := L.Get(2).(lua.LString); ok {
		reason = string(s)
	}
	r, ok := smtp.ParseReply(reason)
	if !ok {
		r, _ = smtp.ParseReply(discardNoCode)
	}
	m.change(e, L, sdk.Change{Kind: sdk.DiscardSet, Number: int64(r.Code), Value: r.FullText()})
	return 0
}

func doCode(e *Env, L *lua.LState) int {
	m := current(e, L)
	if L.GetTop() > 1 {
		m.setStatus(e, L, int(L.ToNumber(2)), optional(L, 3))
	}
	return pushString(L, m.status(e, L))
}

// setStatus sets the status text. Code 0 takes the number from the text;
// further lines need none (reference/lua-api-notes.md 40).
func (m *message) setStatus(e *Env, L *lua.LState, code int, text string) {
	if h := m.hook(e, L); h == sdk.ValidateSetBinding {
		L.RaiseError("the message's code cannot be set in %s", h)
	}
	r := normalReply(L, code, text)
	m.change(e, L, sdk.Change{Kind: sdk.StatusSet, Number: int64(r.Code), Value: r.FullText()})
}

// normalReply reads a code and text that a script gives for a reply.
func normalReply(L *lua.LState, code int, text string) *smtp.Reply {
	if code == 0 {
		r, ok := smtp.ParseReply(text)
		if !ok {
			L.RaiseError("%q does not begin with a reply code", text)
		}
		return r
	}
	if code < 200 || code > 599 {
		L.RaiseError("%d is not a reply code (200 to 599)", code)
	}
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if r, ok := smtp.ParseReply(text); ok && r.Code == code && strings.Contains(text, "\n") {
		return r // every line with its code already
	}
	if r, ok := smtp.ParseReply(strconv.Itoa(code) + " " + text); ok {
		return r
	}
	return smtp.ParseReplyText(code, text)
}

// status is the status text: what was set, in a log hook the note it came with.
func (m *message) status(e *Env, L *lua.LState) string {
	if r := m.msg.Reply; r != nil && strings.Contains(r.Text, "\n") {
		return strings.TrimSuffix(string(r.Append(nil)), "\r\n") // a valid reply of several lines
	} else if r != nil {
		return r.String()
	}
	if f := m.frame(e, L); m.state != nil && isLogHook(f.Phase.Hook) {
		return f.Phase.Line
	}
	return ""
}
