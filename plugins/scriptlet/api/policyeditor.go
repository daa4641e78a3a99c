package api

import (
	"math/rand/v2"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// policyEditorPackage is msys.policyeditor: the deprecated helpers, each of which
// says by a method of the message what scripts say directly today.
func policyEditorPackage() Package {
	helper := func(name, returns, doc, params string, do func(e *Env, L *lua.LState) int) Func {
		return Func{
			Name:    name,
			Params:  []Param{{Name: "ctx", Type: Table}, {Name: "vars", Type: Table}, {Name: "params", Type: Table}},
			Returns: returns, Phases: "any", Since: "3.0", Doc: doc,
			Example: `msys.policyeditor.` + name + `({ ec_message = msg }, {}, {` + params + `})`,
			Do:      do,
		}
	}
	dictionary := func(name, doc, params, method, kind string) Func {
		results := map[string]int{"context_get": 1}[method]
		return helper(name, map[int]string{0: "nothing", 1: "string"}[results], doc, params, func(e *Env, L *lua.LState) int {
			args := []lua.LValue{L.GetField(e.registry.packages["msys.core"], kind), editorParam(L, name, "key")}
			if results == 0 {
				args = append(args, editorParam(L, name, "value"))
			}
			return onMessage(L, name, method, results, args...)
		})
	}
	getter := func(name, doc, method string) Func {
		return helper(name, "string", doc, "", func(_ *Env, L *lua.LState) int { return onMessage(L, name, method, 1) })
	}
	bound := func(f Func) Func {
		f.Phases = "set_binding"
		return f
	}
	return Package{
		Name: "msys.policyeditor",
		Doc:  "Deprecated helpers. Each takes a table with the message as ec_message, a table of variables, and a table of parameters; the methods of the message do the same.",
		Funcs: []Func{
			helper("get_header", "string", "The first value of a header.", ` header = "Subject" `, editorGetHeader),
			helper("del_header", "nothing", "Removes a header.", ` header = "Subject" `, func(_ *Env, L *lua.LState) int {
				return onMessage(L, "del_header", "header", 0, editorParam(L, "del_header", "header"), lua.LString(""))
			}),
			getter("get_mailfrom", "The envelope's sender.", "mailfrom"),
			getter("get_rcptto", "The envelope's recipient.", "rcptto"),
			getter("get_mess_recv_from", "Where the message came from, as ip:port.", "reception_peer"),
			getter("get_mess_recv_via", "The listener the message came in by, as ip:port.", "listener_addr"),
			helper("get_variable", "value", "A variable of the table of variables.", ` name = "x" `, func(_ *Env, L *lua.LState) int {
				L.Push(L.GetField(L.Get(2), Text(L, editorParam(L, "get_variable", "name"))))
				return 1
			}),
			helper("set_variable", "nothing", "Sets a variable of the table of variables.", ` name = "x", value = 1 `, func(_ *Env, L *lua.LState) int {
				L.SetField(L.Get(2), Text(L, editorParam(L, "set_variable", "name")), L.GetField(L.Get(3), "value"))
				return 0
			}),
			helper("pcre_match", "boolean", "Matches a regular expression; the subject and captures become the variables $0, $1 and so on, and $name.", ` subject = "abc", pattern = "b(c)" `, editorMatch),
			bound(helper("set_binding", "boolean", "Assigns the message to a binding; of several, separated by commas, to one at random.", ` binding = "default" `, func(_ *Env, L *lua.LState) int {
				return onMessage(L, "set_binding", "binding", 1, oneOf(L, "set_binding", "binding"))
			})),
			bound(helper("set_binding_group", "boolean", "Assigns the message to a binding of a group; of several groups, separated by commas, of one at random.", ` binding_group = "pool" `, func(_ *Env, L *lua.LState) int {
				return onMessage(L, "set_binding_group", "binding_group", 1, oneOf(L, "set_binding_group", "binding_group"))
			})),
			helper("send_email", "nothing", "Sends a plain message; with throttle at most one of that subject to that recipient in so many seconds.",
				` from = "a@example.com", to = "b@example.com", subject = "s", body = "text" `, editorSendEmail),
			{
				Name: "send_trap", Returns: "nothing", Phases: "any", Doc: "Sends an SNMP trap.",
				Status: Unsupported, Why: "mtad sends no SNMP traps",
			},
			{
				Name: "get_binding_domain_failure_rate", Returns: "number", Phases: "any", Doc: "The rate of failures.",
				Status: Unsupported, Why: "it needs outbound_audit, which mtad does not have",
			},
			dictionary("vctx_conn_get", "A variable of the connection's context.", ` key = "k" `, "context_get", "ECMESS_CTX_CONN"),
			dictionary("vctx_conn_set", "Sets a variable of the connection's context.", ` key = "k", value = "v" `, "context_set", "ECMESS_CTX_CONN"),
			dictionary("vctx_mess_get", "A variable of the message's context.", ` key = "k" `, "context_get", "ECMESS_CTX_MESS"),
			dictionary("vctx_mess_set", "Sets a variable of the message's context.", ` key = "k", value = "v" `, "context_set", "ECMESS_CTX_MESS"),
		},
	}
}

// onMessage calls a method of ctx.ec_message, and gives its results.
func onMessage(L *lua.LState, helper, method string, results int, args ...lua.LValue) int {
	msg := L.GetField(L.Get(1), "ec_message")
	if msg.Type() != lua.LTUserData {
		L.RaiseError("msys.policyeditor.%s: ctx.ec_message must be a message, got %s", helper, msg.Type())
	}
	callMethod(L, msg, method, results, args...)
	return results
}

// editorParam is one of the parameters, which must be there.
func editorParam(L *lua.LState, helper, name string) lua.LValue {
	v := L.GetField(L.Get(3), name)
	if v == lua.LNil {
		L.RaiseError("msys.policyeditor.%s: parameter %s is missing", helper, name)
	}
	return v
}

// oneOf picks from a list that is separated by commas.
func oneOf(L *lua.LState, helper, name string) lua.LValue {
	words := strings.Split(Text(L, editorParam(L, helper, name)), ",")
	return lua.LString(strings.TrimSpace(words[rand.IntN(len(words))]))
}

func editorGetHeader(_ *Env, L *lua.LState) int {
	onMessage(L, "get_header", "header", 1, editorParam(L, "get_header", "header"))
	if list, ok := L.Get(-1).(*lua.LTable); ok {
		L.Push(list.RawGetInt(1))
	}
	return 1
}

func editorMatch(e *Env, L *lua.LState) int {
	subject := editorParam(L, "pcre_match", "subject")
	L.Push(L.GetField(e.registry.packages["msys.pcre"], "match"))
	L.Push(subject)
	L.Push(editorParam(L, "pcre_match", "pattern"))
	L.Call(2, 1)
	found, ok := L.Get(-1).(*lua.LTable)
	if !ok {
		return pushBool(L, false)
	}
	vars := L.Get(2)
	found.ForEach(func(k, v lua.LValue) { L.SetField(vars, "$"+k.String(), v) })
	L.SetField(vars, "$0", subject)
	return pushBool(L, true)
}
