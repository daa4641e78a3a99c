package api

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// defaultBinding is the binding that is always there (reference/lua-api-notes.md 41).
const defaultBinding = "default"

// unboundSlot is EC_BINDING_SLOT_UNBOUND: no binding.
const unboundSlot = -1

func bindingMethods() []Func {
	name := []Param{{Name: "name", Type: String, Optional: true}}
	return []Func{
		{Name: "binding", Params: name, Returns: "string or nil", Phases: "set_binding", Since: "3.0",
			Doc: "The message's binding; with an argument it is set first. nil for an unknown name.", Example: `msg:binding("b1")`, Do: doBinding},
		{Name: "binding_group", Params: name, Returns: "string or nil", Phases: "set_binding", Since: "3.0",
			Doc: "The message's binding group; with an argument it is set first, and the core picks a binding of it.", Example: `msg:binding_group("pool")`, Do: doBindingGroup},
	}
}

func doBinding(e *Env, L *lua.LState) int {
	m := current(e, L)
	if name, ok := L.Get(2).(lua.LString); ok {
		m.needSetBinding(e, L, "msg:binding")
		if bindingSlot(e.World.Config(), string(name)) < 0 && name != defaultBinding {
			return pushNil(L)
		}
		m.change(e, L, sdk.Change{Kind: sdk.BindingSet, Value: string(name)})
	}
	return pushName(L, m.msg.Binding)
}

func doBindingGroup(e *Env, L *lua.LState) int {
	m := current(e, L)
	if name, ok := L.Get(2).(lua.LString); ok {
		m.needSetBinding(e, L, "msg:binding_group")
		if groupSize(e.World.Config(), string(name)) == 0 {
			return pushNil(L)
		}
		m.change(e, L, sdk.Change{Kind: sdk.BindingGroupSet, Value: string(name)})
	}
	return pushName(L, m.msg.BindingGroup)
}

// needSetBinding raises where a binding cannot be chosen.
func (m *message) needSetBinding(e *Env, L *lua.LState, what string) {
	if h := m.hook(e, L); h != sdk.ValidateSetBinding {
		where := "this is " + h.String()
		if m.state == nil {
			where = "this message is the script's own and gets its binding when it is injected"
		}
		L.RaiseError("%s can be set in validate_set_binding only; %s", what, where)
	}
}

func pushNil(L *lua.LState) int {
	L.Push(lua.LNil)
	return 1
}

func pushName(L *lua.LState, name string) int {
	if name == "" {
		return pushNil(L)
	}
	return pushString(L, name)
}

// bindingSlot is a binding's number, negative where there is none of that name.
func bindingSlot(c *sdk.Config, name string) int {
	return slices.Index(c.Bindings, name)
}

// groupSize is the number of bindings in a group, 0 where there is no group.
func groupSize(c *sdk.Config, name string) int {
	for _, g := range c.BindingGroups {
		if g.Name == name {
			return len(g.Bindings)
		}
	}
	return 0
}

func bindingFuncs() []Func {
	name := func(n string) []Param { return []Param{{Name: n, Type: String}} }
	return []Func{
		{Name: "config_get_binding_id_from_name", Params: name("name"), Returns: "number", Phases: "any", Since: "3.0",
			Doc: "A binding's slot, negative where there is no such binding.", Example: `msys.core.config_get_binding_id_from_name("b1") >= 0`,
			Do: func(e *Env, L *lua.LState) int { return pushNumber(L, bindingSlot(e.World.Config(), L.ToString(1))) }},
		{Name: "config_get_binding_name_from_id", Params: []Param{{Name: "slot", Type: Number}}, Returns: "string or nil", Phases: "any", Since: "3.0",
			Doc: "The name of the binding in a slot.", Example: `msys.core.config_get_binding_name_from_id(msg.binding_slot)`,
			Do: func(e *Env, L *lua.LState) int {
				slot, list := int(L.ToNumber(1)), e.World.Config().Bindings
				if slot < 0 || slot >= len(list) {
					return pushNil(L)
				}
				return pushString(L, list[slot])
			}},
		{Name: "config_get_binding_group_size", Params: name("group"), Returns: "number", Phases: "any", Since: "3.0",
			Doc: "How many bindings a group has, 0 where there is no such group.", Example: `msys.core.config_get_binding_group_size("pool") > 0`,
			Do: func(e *Env, L *lua.LState) int { return pushNumber(L, groupSize(e.World.Config(), L.ToString(1))) }},
	}
}

func routingDomainFunc() Func {
	return Func{
		Name: "routing_domain", Params: []Param{{Name: "domain", Type: String, Optional: true}}, Returns: "string",
		Phases: "rcptto,data,data_spool,each_rcpt,set_binding", Since: "3.0",
		Doc:     "The domain in whose queue the message goes out, in lower case; with an argument it is set first.",
		Example: `msg:routing_domain("gateway.example.com")`,
		Do: func(e *Env, L *lua.LState) int {
			m := current(e, L)
			if domain, ok := L.Get(2).(lua.LString); ok {
				m.needOpen(e, L, "msg:routing_domain")
				m.change(e, L, sdk.Change{Kind: sdk.RoutingDomainSet, Value: routingName(L, string(domain))})
			}
			if m.msg.RoutingDomain != "" {
				return pushString(L, m.msg.RoutingDomain)
			}
			return pushString(L, m.recipient().Domain())
		},
	}
}

// maxDomain is the longest domain name (RFC 1035 §2.3.4).
const maxDomain = 255

func routingName(L *lua.LState, text string) string {
	domain, ok := domainName(text)
	if !ok {
		L.RaiseError("%q is not a domain", domain)
	}
	return domain
}

// domainName is a text as the name of a queue.
func domainName(text string) (domain string, ok bool) {
	domain = strings.ToLower(strings.TrimSpace(text))
	return domain, domain != "" && len(domain) <= maxDomain && !strings.ContainsAny(domain, " \t\r\n\x00@<>,/")
}
