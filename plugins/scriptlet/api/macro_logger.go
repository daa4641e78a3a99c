package api

import (
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/bounce"
)

// logged is a specifier of custom_logger's formats (reference/logs.md) in its
// form as a macro: %{custom_logger:b} is %b.
func (m *macros) logged(spec string) string {
	name, argument, _ := strings.Cut(strings.TrimSuffix(spec, "}"), "{")
	switch name {
	case "t":
		if argument != "" {
			return m.formatted(argument)
		}
		return strconv.FormatInt(m.e.World.Now().Unix(), 10)
	case "us":
		return decimals(time.Duration(m.e.World.Now().UnixNano()), naturalNumber(argument, 6))
	case "vctx_conn":
		v, _ := m.conn.Get(argument)
		return v
	case "vctx_mess":
		v, _ := m.mess.Get(argument)
		return v
	case "P":
		v, _ := m.conn.Get("pathway")
		return v
	case "PG":
		return m.pathwayGroup()
	case "s", "S":
		return m.stage(name)
	case "A":
		v, _ := m.conn.Get("auth_name")
		return v
	case "U":
		v, _ := m.conn.Get("auth_user")
		return v
	case "CI":
		if m.f != nil {
			return m.f.State.Conn.ID
		}
	case "H":
		return m.remoteHost()
	}
	if m.msg == nil {
		return ""
	}
	return m.loggedMessage(name, argument)
}

func (m *macros) loggedMessage(name, argument string) string {
	senderLocal, senderDomain := m.msg.Sender.Split()
	rcptLocal, rcptDomain := m.msg.Recipient.Split()
	switch name {
	case "b":
		return m.msg.Binding
	case "B":
		if m.noMessage() {
			return ""
		}
		return strconv.FormatInt(m.msg.Size(), 10)
	case "BI":
		return m.orNullID(m.msg.BatchID)
	case "d":
		if m.msg.RoutingDomain != "" {
			return m.msg.RoutingDomain
		}
		return rcptDomain
	case "g":
		return m.msg.BindingGroup
	case "h":
		return oneLine(m.header(argument))
	case "i":
		return m.orNullID(m.msg.ID)
	case "m":
		return senderLocal
	case "M":
		return senderDomain
	case "N":
		return strconv.Itoa(m.msg.Retries)
	case "n":
		return oneLine(m.reply())
	case "c":
		return bounce.Builtin().Classify(m.reply(), rcptDomain).Info().Description
	case "C":
		return strconv.Itoa(int(bounce.Builtin().Classify(m.reply(), rcptDomain)))
	case "p":
		return m.msg.Protocol.String()
	case "r":
		return rcptLocal
	case "R":
		return rcptDomain
	case "T":
		if m.noMessage() {
			return ""
		}
		places := 2
		if argument != "" {
			places = naturalNumber(argument, 9)
		}
		return decimals(m.e.World.Now().Sub(m.msg.Created), places)
	}
	return ""
}

// reply is the reply that a log hook tells of, or what msg:code set.
func (m *macros) reply() string {
	if isLogHook(m.f.Phase.Hook) {
		return m.f.Phase.Line
	}
	if m.msg.Reply != nil {
		return m.msg.Reply.String()
	}
	return ""
}

// formatted is the time as os.date gives it.
func (m *macros) formatted(format string) string {
	library, _ := m.L.G.Global.RawGetString("os").(*lua.LTable)
	if library == nil {
		return ""
	}
	date, ok := library.RawGetString("date").(*lua.LFunction)
	if !ok {
		return ""
	}
	m.L.Push(date)
	m.L.Push(lua.LString(format))
	m.L.Push(lua.LNumber(m.e.World.Now().Unix()))
	m.L.Call(2, 1)
	text := lua.LVAsString(m.L.Get(-1))
	m.L.Pop(1)
	return text
}

// decimals is a time in seconds with so many decimals.
func decimals(d time.Duration, places int) string {
	return strconv.FormatFloat(d.Seconds(), 'f', places, 64)
}

// oneLine makes what a peer sent fit for a line of a log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
