package api

import (
	"context"
	"errors"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// auditPackage is msys.audit.
func auditPackage() Package {
	figure := func(name, doc string, f sdk.TrafficFigure) Func {
		return Func{
			Name:    name,
			Params:  []Param{{Name: "monitor", Type: String}, {Name: "options", Type: Any, Optional: true}},
			Returns: "number", Phases: "any", Since: "3.0",
			Doc:     doc + ` over windows of a monitor of inbound_audit, such as "60,1". The options are startv and endv (windows, 0 the current one; both are included) and cidr ("/24" is the peer's network, which is what counts without it); instead of a table they may be the cidr alone. With cluster the answer is the same: a cluster is this node.`,
			Example: `local n = msys.audit.` + name + `("60,1", { startv = 0, endv = 1, cidr = "/24" })`,
			Do:      func(e *Env, L *lua.LState) int { return auditFigure(e, L, "msys.audit."+name, f) },
		}
	}
	return Package{
		Name: "msys.audit",
		Doc:  "What peers did of late: inbound_audit counts it by network.",
		Funcs: []Func{
			figure("connections", "How many connections were made", sdk.TrafficConnections),
			figure("receptions", "How many messages were received, one for each recipient,", sdk.TrafficReceptions),
			figure("rejections", "How many commands and messages were refused", sdk.TrafficRejections),
			{
				Name:    "inbound_session_count",
				Params:  []Param{{Name: "cidr", Type: String}, {Name: "service", Type: String, Optional: true}},
				Returns: "number", Phases: "any", Since: "3.0",
				Doc:     `How many sessions are open from a network: "/32" is the peer, "/24" its network, else an address with a length or without.` + onlySMTP,
				Example: `local n = msys.audit.inbound_session_count("/32", "SMTP")`,
				Do: func(e *Env, L *lua.LState) int {
					return sessionCount(e, L, "msys.audit.inbound_session_count", L.Get(1), L.Get(2))
				},
			},
		},
	}
}

// onlySMTP ends what is said of inbound_session_count.
const onlySMTP = " The sessions of a service other than SMTP are none."

func auditFigure(e *Env, L *lua.LState, what string, f sdk.TrafficFigure) int {
	q := &sdk.TrafficQuery{Figure: f, Monitor: L.ToString(1)}
	cidr := L.Get(2)
	if t, ok := cidr.(*lua.LTable); ok {
		q.Start, q.End = windowOptions(L, what, t)
		cidr = t.RawGetString("cidr")
	}
	q.Network = networkOf(e, L, what, cidr).String()
	return pushNumber(L, audited(e, L, what, func(ctx context.Context) (int64, error) { return e.World.Host().Traffic(ctx, q) }))
}

// windowOptions are startv and endv. What ends before it starts is empty, and
// windows that are not kept are too.
func windowOptions(L *lua.LState, what string, t *lua.LTable) (start, end int) {
	start = wholeOption(L, what, t, "startv", 0)
	end = wholeOption(L, what, t, "endv", 0)
	if start < 0 || end < 0 {
		L.RaiseError("%s: startv and endv count windows from 0, the current one", what)
	}
	return start, end
}

// sessionCount counts open sessions of a service from a network.
func sessionCount(e *Env, L *lua.LState, what string, cidr, service lua.LValue) int {
	q := &sdk.TrafficQuery{Figure: sdk.TrafficSessions, Network: networkOf(e, L, what, cidr).String()}
	name := "SMTP"
	if service != lua.LNil {
		name = Text(L, service)
	}
	switch name {
	case "SMTP":
	case "ECStream", "Control", "ECmmove2", "ECCluster", "inbound_cidr":
		return pushNumber(L, 0)
	default:
		L.RaiseError("%s: there is no service %q (SMTP, ECStream, Control, ECmmove2, ECCluster or inbound_cidr expected)", what, name)
	}
	return pushNumber(L, audited(e, L, what, func(ctx context.Context) (int64, error) { return e.World.Host().Traffic(ctx, q) }))
}

// sessionCountMethod is ac:inbound_session_count.
func sessionCountMethod() Func {
	return Func{
		Name:    "inbound_session_count",
		Params:  []Param{{Name: "cidr", Type: String, Optional: true}, {Name: "service", Type: String, Optional: true}},
		Returns: "number", Phases: "any", Since: "3.0",
		Doc:     `How many sessions are open: from the peer, or from a network ("/24" is the peer's).` + onlySMTP,
		Example: `local n = ac:inbound_session_count("/24", "SMTP")`,
		Do: func(e *Env, L *lua.LState) int {
			self[*acceptConstruct](L).frame(e, L)
			return sessionCount(e, L, "ac:inbound_session_count", L.Get(2), L.Get(3))
		},
	}
}

// audited asks the core for a number. While a configuration is only checked
// nothing is counted.
func audited(e *Env, L *lua.LState, what string, ask func(ctx context.Context) (int64, error)) int64 {
	var n int64
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { n, err = ask(ctx) })
	if err != nil && !errors.Is(err, sdk.ErrNoIO) {
		L.RaiseError("%s: %s", what, err.Error())
	}
	return n
}
