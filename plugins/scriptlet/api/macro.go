package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// macroPackage is msys.expandMacro.
func macroPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "expandMacro", Params: []Param{{Name: "text", Type: String}},
			Returns: "string", Phases: "any", Since: "3.0",
			Doc:     "Replaces each %{...} by its value, which is empty where there is none; %{NAME||TEXT} gives TEXT then. What can stand there is on the page of macros.",
			Example: `msys.expandMacro("%{vctx_conn:ehlo_string}")`,
			Do: func(e *Env, L *lua.LState) int {
				text := L.ToString(1)
				e.World.Spend(L, len(text))
				L.Push(lua.LString(newMacros(e, L).expand(text)))
				return 1
			},
		}},
	}
}

// macros expands macros for the phase that is being run.
type macros struct {
	e    *Env
	L    *lua.LState
	f    *Frame       // nil outside of phases: every macro but the time is empty
	msg  *sdk.Message // nil where there is no message
	conn sdk.Dict
	mess sdk.Dict

	peerName string // what %{p} found; "": not looked up yet
}

func newMacros(e *Env, L *lua.LState) *macros {
	m := &macros{e: e, L: L, f: e.World.Frame(L)}
	if m.f == nil {
		return m
	}
	m.conn = m.f.State.Conn.Context
	if m.msg = m.f.Message(); m.msg != nil {
		m.mess = m.msg.Context
		if m.f.Phase.Hook.Info().Target == sdk.TargetCopy {
			m.conn = m.msg.ConnContext
		}
	}
	return m
}

// maxExpanded bounds what the macros of one text become, in bytes.
const maxExpanded = 16 << 20

func (m *macros) expand(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		end := closingBrace(rest)
		if !found || end < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before)
		name, otherwise, _ := strings.Cut(rest[:end], "||")
		if value := m.value(name); value != "" {
			b.WriteString(value)
		} else {
			b.WriteString(otherwise)
		}
		if b.Len() > maxExpanded {
			m.L.RaiseError("the macros' text is longer than 16 MiB")
		}
		text = rest[end+1:]
	}
}

// closingBrace is where the brace closes that was opened in front of s; -1 if
// it does not.
func closingBrace(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// value is the value of NAMESPACE:KEY. Without a namespace it is a message
// variable, a connection variable or an SPF letter, in this order.
func (m *macros) value(name string) string {
	space, key, ok := strings.Cut(name, ":")
	if !ok {
		key = name
		if v, ok := m.mess.Get(key); ok {
			return v
		}
		if v, ok := m.conn.Get(key); ok {
			return v
		}
		return m.spf(key)
	}
	switch space {
	case "vctx_conn":
		v, _ := m.conn.Get(key)
		return v
	case "vctx_mess":
		v, _ := m.mess.Get(key)
		return v
	case "spfv1":
		return m.spf(key)
	case "custom_logger":
		return m.logged(key)
	case "outbound_tls":
		return m.outboundTLS(key)
	case "rfc822":
		return m.header(key)
	case "rfc2822":
		return m.content(key)
	}
	return ""
}

// header is the first value of a header.
func (m *macros) header(name string) string {
	if m.msg == nil {
		return ""
	}
	values := mail.Header(m.msg.Header, name)
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// content is a piece of the message: "body", or "body,10" for its first ten
// lines, "body,100b" for its first hundred bytes. It ends with a line end.
func (m *macros) content(key string) string {
	piece, limit, _ := strings.Cut(key, ",")
	text := m.piece(piece)
	if text == "" {
		return ""
	}
	if n, ok := strings.CutSuffix(limit, "b"); ok {
		text = text[:min(naturalNumber(n, len(text)), len(text))]
	} else if limit != "" {
		text = firstLines(text, naturalNumber(limit, len(text)))
	}
	return strings.TrimSuffix(text, "\r\n") + "\r\n"
}

func (m *macros) piece(name string) string {
	if m.msg == nil || m.f.Phase.Hook < sdk.ValidateData {
		return ""
	}
	ud, ok := newMessage(m.e, m.L, m.f, m.msg).(*lua.LUserData)
	if !ok {
		return ""
	}
	msg, _ := ud.Value.(*message)
	switch name {
	case "message":
		return msg.raw(m.e, m.L)
	case "headers":
		return string(m.msg.Header)
	case "body":
		return string(msg.body(m.e, m.L))
	case "text":
		return strings.Join(texts(m.e, m.L, msg.mime(m.e, m.L)), "\r\n")
	}
	return ""
}

// firstLines is the first n lines of text, with their ends.
func firstLines(text string, n int) string {
	end := 0
	for ; n > 0; n-- {
		i := strings.IndexByte(text[end:], '\n')
		if i < 0 {
			return text
		}
		end += i + 1
	}
	return text[:end]
}

// naturalNumber reads a number; what is none, or more than most, is most.
func naturalNumber(s string, most int) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return most
		}
		if n = 10*n + int(s[i]-'0'); n > most {
			return most
		}
	}
	if s == "" {
		return most
	}
	return n
}
