package api

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
)

// rfc3464Package is msys.rfc3464: delivery status notifications, which the
// manual calls MDNs.
func rfc3464Package() Package {
	msg, action := Param{Name: "msg", Type: Userdata, Class: classMessage}, Param{Name: "action", Type: Number}
	const phases = "data,data_spool,each_rcpt,set_binding"
	return Package{
		Name: "msys.rfc3464",
		Doc:  "Delivery status notifications (RFC 3464). An action is msys.core.FAILED, DELAYED, DELIVERED, RELAYED or EXPANDED.",
		Funcs: []Func{
			{Name: "extract_delivery_status", Params: []Param{msg}, Returns: "table | nil", Phases: phases, Since: "3.2",
				Doc: "The fields of a notification's delivery status by name, the message's and the first recipient's; all recipients' are tables under 1 and on. " +
					"nil for a message that is no notification.",
				Example: `local s = msys.rfc3464.extract_delivery_status(msg); if s then print(s["Status"]) end`, Do: extractStatus},
			{Name: "compute_delivery_status", Params: []Param{msg, action}, Returns: "table", Phases: phases, Since: "3.2",
				Doc:     "The fields of a delivery status for the message, by name; the reply is what msg:code set.",
				Example: `local fields = msys.rfc3464.compute_delivery_status(msg, msys.core.FAILED)`,
				Do: func(e *Env, L *lua.LState) int {
					t := L.CreateTable(0, 8)
					perMessage, perRecipient := computeStatus(e, L, current(e, L), actionArg(L, 2))
					for _, f := range append(perMessage, perRecipient...) {
						t.RawSetString(f.Name, lua.LString(f.Value))
					}
					L.Push(t)
					return 1
				}},
			{Name: "compute_delivery_status_string", Params: []Param{{Name: "msg_or_reply", Type: Any}, {Name: "action", Type: Number, Optional: true}},
				Returns: "string", Phases: phases, Since: "3.2",
				Doc:     "compute_delivery_status as the lines of a delivery status; or, of a reply's text, the lines that follow from it.",
				Example: `local lines = msys.rfc3464.compute_delivery_status_string("550 5.1.1 no such user")`, Do: statusString},
			{Name: "create_mdn", Params: []Param{msg, action}, Returns: "ec_message", Phases: phases, Since: "3.2",
				Doc:     "A notification for the message's sender, as a message of the script's own.",
				Example: `local dsn = msys.rfc3464.create_mdn(msg, msys.core.FAILED)`,
				Do: func(e *Env, L *lua.LState) int {
					L.Push(newOwnMessage(e, L, notification(e, L, current(e, L), actionArg(L, 2))))
					return 1
				}},
			{Name: "send_mdn", Params: []Param{msg, action}, Returns: "1 | 0", Phases: phases, Since: "3.2",
				Doc:     "Sends a notification to the message's sender; 0 where that is the null sender, to whom nobody may (RFC 5321 §6.1).",
				Example: `msys.rfc3464.send_mdn(msg, msys.core.DELAYED)`, Do: sendMDN},
		},
	}
}

// actionArg is the action at a stack index, one of the numbers that corePackage
// gives the actions.
func actionArg(L *lua.LState, n int) bounce.Action {
	list := []bounce.Action{bounce.Failed, bounce.Delayed, bounce.Delivered, bounce.Relayed, bounce.Expanded}
	i := int(L.ToNumber(n))
	if i < 0 || i >= len(list) {
		L.RaiseError("%d is no action (msys.core.FAILED, DELAYED, DELIVERED, RELAYED or EXPANDED)", i)
	}
	return list[i]
}

func extractStatus(e *Env, L *lua.LState) int {
	m := current(e, L)
	m.needContent(e, L, "msys.rfc3464.extract_delivery_status")
	s := bounce.ParseStatus(m.mime(e, L))
	if s == nil {
		return pushNil(L)
	}
	t := L.CreateTable(len(s.Recipients), 16)
	put := func(t *lua.LTable, fields bounce.Fields) {
		for _, f := range fields {
			if t.RawGetString(f.Name) == lua.LNil {
				t.RawSetString(f.Name, lua.LString(f.Value))
			}
		}
	}
	put(t, s.Message)
	for i, fields := range s.Recipients {
		if i == 0 {
			put(t, fields)
		}
		one := L.CreateTable(0, len(fields))
		put(one, fields)
		t.RawSetInt(i+1, one)
	}
	L.Push(t)
	return 1
}

// computeStatus are the fields of a delivery status (RFC 3464 §2.2, §2.3).
func computeStatus(e *Env, L *lua.LState, m *message, a bounce.Action) (perMessage, perRecipient bounce.Fields) {
	perMessage = bounce.Fields{
		{Name: "Reporting-MTA", Value: "dns; " + hostname(e)},
		{Name: "Arrival-Date", Value: m.msg.Created.Format(time.RFC1123Z)},
	}
	rcpt := string(m.recipient())
	if original := string(m.msg.Original); original != "" && original != rcpt {
		perRecipient = append(perRecipient, bounce.Field{Name: "Original-Recipient", Value: "rfc822; " + original})
	}
	perRecipient = append(perRecipient, bounce.Field{Name: "Final-Recipient", Value: "rfc822; " + rcpt})
	perRecipient = append(perRecipient, replyStatus(m.status(e, L), a)...)
	return perMessage, append(perRecipient, bounce.Field{Name: "Last-Attempt-Date", Value: e.World.Now().Format(time.RFC1123Z)})
}

// replyStatus are the fields that follow from a reply.
func replyStatus(reply string, a bounce.Action) bounce.Fields {
	fields := bounce.Fields{{Name: "Action", Value: string(a)}, {Name: "Status", Value: bounce.EnhancedCode(reply, a)}}
	if reply != "" {
		fields = append(fields, bounce.Field{Name: "Diagnostic-Code", Value: "smtp; " + oneLine(reply)})
	}
	return fields
}

func statusLines(fields bounce.Fields) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	return b.String()
}

func statusString(e *Env, L *lua.LState) int {
	switch v := L.Get(1).(type) {
	case lua.LString:
		a := bounce.Failed
		if strings.HasPrefix(string(v), "4") {
			a = bounce.Delayed
		} else if strings.HasPrefix(string(v), "2") {
			a = bounce.Delivered
		}
		return pushString(L, statusLines(replyStatus(string(v), a)))
	case *lua.LUserData:
		if m, ok := v.Value.(*message); ok {
			m.frame(e, L)
			perMessage, perRecipient := computeStatus(e, L, m, actionArg(L, 2))
			return pushString(L, statusLines(perMessage)+"\r\n"+statusLines(perRecipient))
		}
	}
	L.RaiseError("bad argument #1 to 'compute_delivery_status_string' (ec_message or string expected, got %s)", e.TypeName(L.Get(1)))
	return 0
}

// notification is a report (RFC 6522 §3) on the message to its sender, with the
// message's header section.
func notification(e *Env, L *lua.LState, m *message, a bounce.Action) *sdk.Message {
	section := append(m.msg.Header[:len(m.msg.Header):len(m.msg.Header)], "\r\n"...)
	perMessage, perRecipient := computeStatus(e, L, m, a)
	status := statusLines(perMessage) + "\r\n" + statusLines(perRecipient) + "\r\n"
	text := "This message to " + string(m.recipient()) + " was " + string(a) + ".\r\n"
	if reply := m.status(e, L); reply != "" {
		text += "\r\n  " + oneLine(reply) + "\r\n"
	}
	boundary := newBoundary(L, section)
	var body strings.Builder
	part := func(header, content string) {
		body.WriteString("--" + boundary + "\r\n" + header + "\r\n\r\n" + strings.TrimSuffix(content, "\r\n") + "\r\n")
	}
	plain := mail.EncodeTransfer(mail.EncodingQP, []byte(text), true)
	part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", string(plain))
	part("Content-Type: message/delivery-status", status)
	part("Content-Type: text/rfc822-headers", string(section))
	body.WriteString("--" + boundary + "--\r\n")
	out := &sdk.Message{
		Protocol: sdk.ProtocolInternal, Created: e.World.Now(), Recipient: m.msg.Sender,
		Header: notificationHeader(e, L, m, boundary),
		Body:   sdk.Body{Size: int64(body.Len()), Inline: []byte(body.String()), Changed: true},
	}
	spendOn(e, L, body.Len())
	return out
}

func notificationHeader(e *Env, L *lua.LState, m *message, boundary string) []byte {
	var section []byte
	for _, h := range []mail.HeaderLine{
		{Name: "From", Value: "Mail Delivery System <mailer-daemon@" + hostname(e) + ">"}, {Name: "To", Value: m.msg.Sender.Path()},
		{Name: "Subject", Value: "Delivery Status Notification"}, {Name: "Date", Value: e.World.Now().Format(time.RFC1123Z)},
		{Name: "Message-ID", Value: "<" + strings.Trim(newBoundary(L), "=_") + "@" + hostname(e) + ">"},
		{Name: "Auto-Submitted", Value: "auto-replied"}, // RFC 3834 §5
		{Name: "MIME-Version", Value: "1.0"},
		{Name: "Content-Type", Value: `multipart/report; report-type=delivery-status; boundary="` + boundary + `"`},
	} {
		section = mail.AppendHeader(section, h.Name, []string{h.Value})
	}
	return section
}

func sendMDN(e *Env, L *lua.LState) int {
	m, a := current(e, L), actionArg(L, 2)
	if m.msg.Sender.Null() || m.msg.Bounce {
		return pushNumber(L, 0)
	}
	dsn := notification(e, L, m, a)
	// RFC 3464 §2: the return address is null, so that no bounce answers it.
	inject(e, L, &sdk.Injection{Header: dsn.Header, Body: dsn.Body}, "", string(m.msg.Sender))
	return pushNumber(L, 1)
}
