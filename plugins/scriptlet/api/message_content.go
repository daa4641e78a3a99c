package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

func contentMethods() []Func {
	const phases = "data,data_spool,each_rcpt,set_binding"
	text := []Param{{Name: "text", Type: String, Optional: true}}
	return []Func{
		{Name: "header", Params: []Param{{Name: "name", Type: String}, {Name: "value", Type: Any, Optional: true}, {Name: "mode", Type: String, Optional: true}},
			Returns: "table, or boolean when setting", Phases: phases, Since: "3.0",
			Doc:     `The values of a header, decoded to UTF-8; or sets it, a table to several, "" deletes it. "replace", the default, takes away all that there are and puts the new ones at the end; "prepend" puts them on top and "append" at the end, beside those that there are.`,
			Example: `local subject = msg:header("Subject")[1]`, Do: doHeader},
		{Name: "address_header", Params: []Param{{Name: "name", Type: String}, {Name: "component", Type: String, Optional: true}},
			Returns: "table", Phases: phases, Since: "3.0",
			Doc: `The addresses in a header: "all", "localpart", "user", "detail" or "domain" of each.`, Example: `msg:address_header("From", "domain")[1]`,
			Do: func(e *Env, L *lua.LState) int { return addressHeader(L, current(e, L).msg.Header) }},
		{Name: "body", Params: text, Returns: "string", Phases: phases, Since: "3.0",
			Doc: "The raw body without the headers; with an argument it is set first.", Example: `local body = msg:body()`, Do: doBody},
		{Name: "raw", Params: text, Returns: "string, number", Phases: "data,data_spool,each_rcpt", Since: "3.0",
			Doc: "The whole message and its length; with an argument it is set first.", Example: `local source, length = msg:raw()`, Do: doRaw},
		{Name: "text", Params: []Param{{Name: "text", Type: String, Optional: true}, {Name: "type", Type: String, Optional: true}, {Name: "charset", Type: String, Optional: true}},
			Returns: "string, table where there are several texts, nil where there is none", Phases: "data,data_spool,each_rcpt", Since: "3.0",
			Doc: "The decoded text of the text parts in UTF-8; with an argument it replaces the whole body.", Example: `local text = msg:text()`, Do: doText},
	}
}

func doHeader(e *Env, L *lua.LState) int {
	m := current(e, L)
	name := L.ToString(2)
	if L.Get(3) == lua.LNil {
		return pushStrings(L, mail.Header(m.msg.Header, name))
	}
	m.needContent(e, L, "msg:header")
	m.needOpen(e, L, "msg:header")
	if c, ok := headerChange(L, name, headerValues(L, 3), optional(L, 4)); ok {
		m.change(e, L, c)
	}
	return pushBool(L, true)
}

// headerValues are the values a script sets a header to: text, or a table of
// texts. An empty text is no value.
func headerValues(L *lua.LState, n int) []string {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		return nonEmptyTexts(Text(L, L.Get(n)))
	}
	values := make([]string, 0, t.Len())
	for i := 1; i <= t.Len(); i++ {
		values = append(values, nonEmptyTexts(Text(L, t.RawGetInt(i)))...)
	}
	return values
}

func nonEmptyTexts(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// headerChange is the change that msg:header makes; false where it makes none.
func headerChange(L *lua.LState, name string, values []string, mode string) (sdk.Change, bool) {
	if !mail.ValidName(name) {
		L.RaiseError("%q cannot be the name of a header", name)
	}
	c := sdk.Change{Name: name, Values: values}
	switch mode {
	case "", "replace":
		c.Kind = sdk.HeaderReplace
		if len(values) == 0 {
			c.Kind = sdk.HeaderDelete
		}
		return c, true
	case "prepend":
		c.Kind = sdk.HeaderPrepend
	case "append":
		c.Kind = sdk.HeaderAppend
	default:
		L.RaiseError(`bad mode %q ("replace", "prepend" or "append" expected)`, mode)
	}
	return c, len(values) > 0
}

func pushStrings(L *lua.LState, list []string) int {
	t := L.CreateTable(len(list), 0)
	for _, s := range list {
		t.Append(lua.LString(s))
	}
	L.Push(t)
	return 1
}

// addressHeader gives a component of each address in all headers of the name at
// stack index 2.
func addressHeader(L *lua.LState, section []byte) int {
	name := L.ToString(2)
	component, ok := mail.ParseComponent(optional(L, 3))
	if !ok {
		L.RaiseError(`bad component %q ("all", "localpart", "user", "detail" or "domain" expected)`, optional(L, 3))
	}
	var list []string
	for _, value := range mail.RawHeader(section, name) {
		for _, a := range mail.ParseAddresses(value) {
			list = append(list, a.Component(component))
		}
	}
	return pushStrings(L, list)
}

// terminator ends a message in SMTP. The original keeps it as part of the body,
// so published scripts set a body with it (reference/lua-api-notes.md 35).
const terminator = "\r\n.\r\n"

// givenBody is a body that a script sets: without the terminator, its line
// ends CRLF, the last one included.
func givenBody(text string) []byte {
	text = mail.CanonicalLines(text)
	if strings.HasSuffix(text, terminator) {
		text = text[:len(text)-len(".\r\n")]
	}
	if text != "" && !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	return []byte(text)
}

func doBody(e *Env, L *lua.LState) int {
	m := current(e, L)
	if text, ok := L.Get(2).(lua.LString); ok {
		m.needContent(e, L, "msg:body")
		m.needOpen(e, L, "msg:body")
		m.change(e, L, sdk.Change{Kind: sdk.BodyReplace, Data: givenBody(string(text))})
	}
	body := m.body(e, L)
	spendOn(e, L, len(body))
	return pushString(L, textOf(body))
}

func doRaw(e *Env, L *lua.LState) int {
	m := current(e, L)
	if text, ok := L.Get(2).(lua.LString); ok {
		m.needContent(e, L, "msg:raw")
		m.needOpen(e, L, "msg:raw")
		m.setRaw(e, L, givenBody(string(text)))
	}
	raw := m.raw(e, L)
	return pushString(L, raw) + pushNumber(L, len(raw))
}

// raw is the whole message: header section, empty line, body.
func (m *message) raw(e *Env, L *lua.LState) string {
	body := m.body(e, L)
	spendOn(e, L, len(m.msg.Header)+len(body))
	var b strings.Builder
	b.Grow(len(m.msg.Header) + 2 + len(body))
	b.Write(m.msg.Header)
	b.WriteString("\r\n")
	b.Write(body)
	return b.String()
}

func (m *message) setRaw(e *Env, L *lua.LState, raw []byte) {
	section, body := mail.SplitMessage(raw)
	if n := len(section); n > 0 && section[n-1] != '\n' {
		section = append(section[:n:n], "\r\n"...)
	}
	m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: section})
	m.change(e, L, sdk.Change{Kind: sdk.BodyReplace, Data: body})
}

func doText(e *Env, L *lua.LState) int {
	m := current(e, L)
	if text, ok := L.Get(2).(lua.LString); ok {
		m.needContent(e, L, "msg:text")
		m.needOpen(e, L, "msg:text")
		root := m.mime(e, L)
		root.SetText(string(text), optional(L, 3), optional(L, 4))
		m.commit(e, L)
		return 0
	}
	var texts []string
	for _, p := range m.mime(e, L).TextParts() {
		spendOn(e, L, 4*len(p.Body()))
		texts = append(texts, p.Text())
	}
	switch len(texts) {
	case 0:
		return pushNil(L)
	case 1:
		return pushString(L, texts[0])
	}
	return pushStrings(L, texts)
}
