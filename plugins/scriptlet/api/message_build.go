package api

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// ByteSource is an object whose bytes can be a body or an attachment: an
// io_object.
type ByteSource interface {
	// Bytes gives the whole content. It may wait, so it must not touch Lua.
	Bytes(ctx context.Context) ([]byte, error)
}

func buildMethods() []Func {
	const phases = "data,data_spool,each_rcpt,set_binding"
	return []Func{
		{Name: "copy", Returns: "ec_message", Phases: phases, Since: "3.6",
			Doc: "A copy of the message that is the script's own, to change and to inject.", Example: `local copy = msg:copy()`,
			Do: func(e *Env, L *lua.LState) int {
				m := current(e, L)
				own := m.msg.Clone()
				own.Recipient, own.Recipients = m.recipient(), nil
				own.ConnContext = m.get(e, L, sdk.DictConn).Clone()
				own.Binding, own.BindingGroup, own.Discard, own.Reply = "", "", nil, nil
				L.Push(newOwnMessage(e, L, own))
				return 1
			}},
		{Name: "build", Params: []Param{{Name: "headers", Type: Table}, {Name: "parts", Type: Table}, {Name: "attachments", Type: Table, Optional: true}},
			Returns: "nothing", Phases: phases, Since: "3.0",
			Doc:     "Fills an empty message: headers, alternatives by content type, and attachments {type, name, headers, content}.",
			Example: `msg:build({Subject = "hi"}, {["text/plain"] = "hello"}, {})`, Do: doBuild},
		{Name: "inject", Params: []Param{{Name: "mailfrom", Type: String}, {Name: "rcptto", Type: String}}, Returns: "nothing", Phases: phases, Since: "3.0",
			Doc: "Queues the message for the recipients, separated by commas.", Example: `copy:inject("a@example.com", "b@example.net,c@example.net")`,
			Do: func(e *Env, L *lua.LState) int {
				m := current(e, L)
				in := &sdk.Injection{Header: m.msg.Header, Body: m.sentBody(e, L), Context: m.msg.Context.Clone()}
				inject(e, L, in, L.ToString(2), L.ToString(3))
				return 0
			}},
		{Name: "forward", Params: []Param{{Name: "sender", Type: String}, {Name: "rcptto", Type: String}, {Name: "text", Type: String},
			{Name: "subject", Type: String, Optional: true}, {Name: "charset", Type: String, Optional: true}}, Returns: "nothing", Phases: phases, Since: "3.0",
			Doc: "Sends a new message with this one attached.", Example: `msg:forward("a@example.com", "b@example.net", "see below", "FYI")`, Do: doForward},
	}
}

func messageNewFunc() Func {
	return Func{
		Name: "ec_message_new", Params: []Param{{Name: "now", Type: Any, Optional: true}}, Returns: "ec_message", Phases: "any", Since: "3.0",
		Doc:     "A blank message, to fill with msg:build and send with msg:inject.",
		Example: `local msg = msys.core.ec_message_new()`,
		Do: func(e *Env, L *lua.LState) int {
			created := e.World.Now()
			if n, ok := L.Get(1).(lua.LNumber); ok {
				created = time.Unix(int64(n), 0)
			}
			L.Push(newOwnMessage(e, L, &sdk.Message{Protocol: sdk.ProtocolInternal, Created: created}))
			return 1
		},
	}
}

// sentBody is a body as an injection carries it: by its handle where the core
// has it already.
func (m *message) sentBody(e *Env, L *lua.LState) sdk.Body {
	b := m.msg.Body
	if b.Pieces != nil {
		data := m.body(e, L)
		return sdk.Body{Size: int64(len(data)), Inline: data, Changed: true}
	}
	if b.Handle != 0 && !b.Changed {
		b.Inline = nil
	}
	return b
}

// maxInjectRecipients bounds the recipients of one injection.
const maxInjectRecipients = 1000

// inject queues a new message: as a change where a call is being served, else
// by asking the core.
func inject(e *Env, L *lua.LState, in *sdk.Injection, sender, recipients string) {
	in.Sender = envelopeAddress(L, sender, true)
	for _, r := range strings.Split(recipients, ",") {
		if strings.TrimSpace(r) != "" {
			in.Recipients = append(in.Recipients, envelopeAddress(L, r, false))
		}
	}
	if n := len(in.Recipients); n == 0 || n > maxInjectRecipients {
		L.RaiseError("%d recipients in %.60q (1 to %d expected)", n, recipients, maxInjectRecipients)
	}
	if len(in.Header) == 0 && in.Body.Size == 0 {
		L.RaiseError("an empty message cannot be sent")
	}
	if f := e.World.Frame(L); f != nil {
		if err := f.Change(sdk.Change{Kind: sdk.InjectMessage, Injection: in}); err != nil {
			L.RaiseError("%s", err.Error())
		}
		return
	}
	host := e.World.Host()
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { _, err = host.Inject(ctx, in) })
	if err != nil {
		L.RaiseError("the message was not queued: %s", err.Error())
	}
}

func doForward(e *Env, L *lua.LState) int {
	m := current(e, L)
	contentType := mail.Params{Value: "text/plain"}
	if charset := optional(L, 6); charset != "" {
		contentType.Set("charset", charset)
	}
	headers := []mail.HeaderLine{{Name: "From", Value: L.ToString(2)}, {Name: "To", Value: L.ToString(3)}}
	if envelopeAddress(L, L.ToString(2), true) == "" {
		headers[0].Value = "postmaster@" + hostname(e) // RFC 5322 §3.6.2: From has a mailbox
	}
	if subject := optional(L, 5); subject != "" {
		headers = append(headers, mail.HeaderLine{Name: "Subject", Value: subject})
	}
	draft := mail.Draft{
		Headers:      headers,
		Alternatives: []mail.Alternative{{ContentType: contentType.String(), Content: L.ToString(4)}},
		Attachments:  []mail.Attachment{{Content: []byte(m.raw(e, L)), Message: true}},
	}
	section, body := buildDraft(e, L, draft)
	in := &sdk.Injection{Header: section, Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true}}
	inject(e, L, in, L.ToString(2), L.ToString(3))
	return 0
}

// buildDraft builds a message, with the Date and Message-ID that every message
// has (RFC 5322 §3.6).
func buildDraft(e *Env, L *lua.LState, d mail.Draft) (section, body []byte) {
	has := func(name string) bool {
		for _, h := range d.Headers {
			if strings.EqualFold(h.Name, name) {
				return true
			}
		}
		return false
	}
	if !has("Date") {
		d.Headers = append(d.Headers, mail.HeaderLine{Name: "Date", Value: e.World.Now().Format(time.RFC1123Z)})
	}
	if !has("Message-ID") {
		id := newBoundary(L)
		d.Headers = append(d.Headers, mail.HeaderLine{Name: "Message-ID", Value: "<" + strings.Trim(id, "=_") + "@" + hostname(e) + ">"})
	}
	section, body, err := mail.Build(rand.Reader, d)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	spendOn(e, L, 4*len(body))
	return section, body
}

func hostname(e *Env) string {
	if name := e.World.Config().Hostname; name != "" {
		return name
	}
	return "localhost"
}

func newBoundary(L *lua.LState, contents ...[]byte) string {
	b, err := mail.NewBoundary(rand.Reader, contents...)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	return b
}

func doBuild(e *Env, L *lua.LState) int {
	m := current(e, L)
	if len(m.msg.Header) > 0 || m.msg.Body.Size > 0 {
		L.RaiseError("msg:build needs an empty message (msys.core.ec_message_new())")
	}
	draft := mail.Draft{Headers: draftHeaders(L, L.ToTable(2)), Alternatives: draftParts(L, L.ToTable(3))}
	if t, ok := L.Get(4).(*lua.LTable); ok {
		for i := 1; i <= t.Len(); i++ {
			draft.Attachments = append(draft.Attachments, draftAttachment(e, L, t.RawGetInt(i)))
		}
	}
	section, body := buildDraft(e, L, draft)
	m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: section})
	m.change(e, L, sdk.Change{Kind: sdk.BodyReplace, Data: body})
	return 0
}

// draftHeaders reads the table of headers; a table as value gives several.
func draftHeaders(L *lua.LState, t *lua.LTable) []mail.HeaderLine {
	var out []mail.HeaderLine
	eachPair(t, func(k, v lua.LValue) {
		name := Text(L, k)
		if !mail.ValidName(name) {
			L.RaiseError("%q cannot be the name of a header", name)
		}
		list, ok := v.(*lua.LTable)
		if !ok {
			out = append(out, mail.HeaderLine{Name: name, Value: Text(L, v)})
			return
		}
		for i := 1; i <= list.Len(); i++ {
			out = append(out, mail.HeaderLine{Name: name, Value: Text(L, list.RawGetInt(i))})
		}
	})
	return out
}

func draftParts(L *lua.LState, t *lua.LTable) []mail.Alternative {
	var out []mail.Alternative
	eachPair(t, func(k, v lua.LValue) {
		if content, ok := v.(lua.LString); ok && k.Type() == lua.LTString {
			out = append(out, mail.Alternative{ContentType: k.String(), Content: string(content)})
			return
		}
		L.RaiseError("msg:build: the parts are a table of content types and texts")
	})
	return out
}

// eachPair visits a table in the order its keys were set.
func eachPair(t *lua.LTable, f func(k, v lua.LValue)) {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		f(k, v)
	}
}

// draftAttachment reads one attachment. Text becomes quoted-printable, an
// io_object base64, a message message/rfc822 (reference/lua-api-notes.md 47).
func draftAttachment(e *Env, L *lua.LState, v lua.LValue) mail.Attachment {
	t, ok := v.(*lua.LTable)
	if !ok {
		L.RaiseError("msg:build: an attachment is a table {type, name, headers, content}")
	}
	text := func(key string) string { return lua.LVAsString(t.RawGetString(key)) }
	name := strings.TrimPrefix(text("name"), "./")
	a := mail.Attachment{ContentType: text("type"), Name: name[strings.LastIndexByte(name, '/')+1:], Headers: text("headers")}
	switch content := t.RawGetString("content").(type) {
	case lua.LString:
		a.Content = []byte(content)
	case *lua.LUserData:
		switch v := content.Value.(type) {
		case *message:
			v.frame(e, L)
			return mail.Attachment{Content: []byte(v.raw(e, L)), Message: true}
		case ByteSource:
			a.Content, a.Binary = readSource(e, L, v), true
		default:
			L.RaiseError("msg:build: the content of an attachment cannot be a %s", e.TypeName(content))
		}
	default:
		L.RaiseError("msg:build: an attachment needs a content")
	}
	return a
}

func readSource(e *Env, L *lua.LState, s ByteSource) []byte {
	var data []byte
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { data, err = s.Bytes(ctx) })
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if len(data) > maxBody {
		L.RaiseError("%d bytes are too large for a part (at most %d)", len(data), maxBody)
	}
	return data
}
