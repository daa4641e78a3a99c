package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
)

// The classes of msys.validate.dkim.
const (
	classResults = "dkim_verify_results"
	classResult  = "dkim_verify_result"
)

// dkimPackage is msys.validate.dkim (reference/lua-api.tsv): the older names for
// the same work.
func dkimPackage() Package {
	const data = "data,data_spool,each_rcpt"
	keys := &mailauth.Signer{}
	msg := Param{Name: "msg", Type: Userdata, Class: classMessage, Optional: true}
	vctx := Param{Name: "vctx", Type: Userdata, Class: classContext, Optional: true}
	results := Param{Name: "results", Type: Userdata, Class: classResults, Optional: true}
	return Package{
		Name: "msys.validate.dkim",
		Doc:  "DKIM as Momentum 3 had it. What it tells of was verified by a dkim_validate or dmarc scope, by msys.validate.opendkim.verify, or is verified when it is first asked for.",
		Funcs: []Func{
			{Name: "sign", Params: []Param{msg, vctx, {Name: "options", Type: Table, Optional: true}}, Returns: "true | nil, message", Phases: "final_validation", Since: "3.0",
				Doc:     "As msys.validate.opendkim.sign; the option key is a name for keyfile. nil for the message is the one at hand.",
				Example: `msys.validate.dkim.sign(nil, nil, { base_domain = "example.com", selector = "s1", key = "/etc/mtad/dkim/s1.key" })`,
				Do:      signDKIM(keys, "msys.validate.dkim.sign")},
			{Name: "get_domains", Params: []Param{msg, vctx}, Returns: "table", Phases: "data_spool and later", Since: "3.0",
				Doc: "The domains whose signatures verified.", Example: `local domains = msys.validate.dkim.get_domains(msg, vctx)`,
				Do: func(e *Env, L *lua.LState) int {
					m := messageArg(e, L, 1, "msys.validate.dkim.get_domains")
					return pushStrings(L, mailauth.Verified(m.results(e, L)))
				}},
			{Name: "get_responsible_domain", Params: []Param{msg, vctx}, Returns: "string", Phases: "data_spool and later", Since: "3.0",
				Doc: "The domain that answers for the message: that of Sender, else of From.", Example: `local domain = msys.validate.dkim.get_responsible_domain(msg, vctx)`,
				Do: func(e *Env, L *lua.LState) int {
					m := messageArg(e, L, 1, "msys.validate.dkim.get_responsible_domain")
					return pushString(L, mailauth.ResponsibleDomain(m.msg.Header))
				}},
			{Name: "get_verify_results", Params: []Param{vctx}, Returns: "number, results", Phases: data, Since: "3.5",
				Doc: "How many signatures there are, and their results.", Example: `local count, results = msys.validate.dkim.get_verify_results(vctx)`,
				Do: func(e *Env, L *lua.LState) int {
					list := messageArg(e, L, 0, "msys.validate.dkim.get_verify_results").results(e, L)
					L.Push(lua.LNumber(len(list)))
					L.Push(e.World.Object(L, classResults, &dkimHandle{list}))
					return 2
				}},
			{Name: "verify_results_get_count", Params: []Param{results}, Returns: "number | nil, message", Phases: data, Since: "3.5",
				Doc: "How many results there are.", Example: "local _, results = msys.validate.dkim.get_verify_results(vctx)\nlocal n = msys.validate.dkim.verify_results_get_count(results)",
				Do: func(_ *Env, L *lua.LState) int {
					if L.Get(1) == lua.LNil {
						return failure(L, "No verification results to count.")
					}
					L.Push(lua.LNumber(len(handleArg(L, 1).list)))
					return 1
				}},
			{Name: "verify_results_get_item", Params: []Param{results, {Name: "index", Type: Number, Optional: true}}, Returns: "result | nil, message", Phases: data, Since: "3.5",
				Doc: "A result, by its index from 0.", Example: "local n, results = msys.validate.dkim.get_verify_results(vctx)\nlocal first = msys.validate.dkim.verify_results_get_item(results, 0)",
				Do: dkimGetItem},
			{Name: "verify_status_to_string", Params: []Param{{Name: "status", Type: Number, Optional: true}}, Returns: "string | nil, message", Phases: data, Since: "3.5",
				Doc: "The word of a result's status in Authentication-Results: pass, fail, policy, neutral, temperror, permerror or none.", Example: "local n, results = msys.validate.dkim.get_verify_results(vctx)\nlocal first = msys.validate.dkim.verify_results_get_item(results, 0)\nif first then print(msys.validate.dkim.verify_status_to_string(first.status)) end",
				Do: func(_ *Env, L *lua.LState) int {
					if L.Get(1) == lua.LNil {
						return failure(L, "No status code is passed in")
					}
					return pushString(L, string(mailauth.Status(L.ToInt(1)).Result()))
				}},
			{Name: "reflect", Returns: "nothing", Phases: "none", Doc: "Sends a report with the result of the validation.",
				Status: Unsupported, Why: "a script that wants to tell somebody makes a message (msys.core.ec_message_new)"},
		},
		Classes: []Class{
			{Name: classResults, Doc: "The results of verifying a message.", Fields: []Field{
				{Name: "ref", Type: "number", Doc: "Always 1; the original counts references.",
					Get: func(*Env, *lua.LState, *lua.LUserData) lua.LValue { return lua.LNumber(1) }},
			}},
			{Name: classResult, Doc: "The result of one signature.", Fields: resultFields()},
		},
	}
}

func resultFields() []Field {
	field := func(name, kind, doc string, get func(s *mailauth.Signature) lua.LValue) Field {
		return Field{Name: name, Type: kind, Doc: doc, Get: func(_ *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
			s, ok := ud.Value.(*mailauth.Signature)
			if !ok {
				L.RaiseError("the object is empty")
			}
			return get(s)
		}}
	}
	return []Field{
		field("status", "number", "For verify_status_to_string.", func(s *mailauth.Signature) lua.LValue { return lua.LNumber(s.Status) }),
		field("diagnostic", "string", "The result in words.", func(s *mailauth.Signature) lua.LValue { return lua.LString(diagnostic(s)) }),
		field("query", "string or nil", "How the key is queried (q=).", func(s *mailauth.Signature) lua.LValue { return textOrNil(s.Query) }),
		field("algorithm", "string or nil", "The algorithm (a=).", func(s *mailauth.Signature) lua.LValue { return textOrNil(s.Algorithm) }),
		field("domain", "string or nil", "The signing domain (d=).", func(s *mailauth.Signature) lua.LValue { return textOrNil(s.Domain) }),
		field("selector", "string or nil", "The selector (s=).", func(s *mailauth.Signature) lua.LValue { return textOrNil(s.Selector) }),
	}
}

func diagnostic(s *mailauth.Signature) string {
	if s.Error == "" {
		return string(s.Result())
	}
	return string(s.Result()) + " (" + s.Error + ")"
}

func dkimGetItem(e *Env, L *lua.LState) int {
	switch {
	case L.Get(1) == lua.LNil:
		return failure(L, "No verification results to get item from")
	case L.Get(2) == lua.LNil:
		return failure(L, "Index value not specified")
	}
	h, i := handleArg(L, 1), float64(L.ToNumber(2))
	if i != float64(int(i)) || i < 0 || int(i) >= len(h.list) {
		return failure(L, "Index value is greater than the number of verification results")
	}
	L.Push(e.World.Object(L, classResult, h.list[int(i)]))
	return 1
}

// results are those that are known of a message, else it is verified now.
func (m *message) results(e *Env, L *lua.LState) []*mailauth.Signature {
	if text, ok := m.get(e, L, sdk.DictMess).Get(mailauth.ResultsVariable); ok {
		if list, ok := mailauth.DecodeResults(text); ok {
			return list
		}
	}
	list := m.verifyDKIM(e, L)
	m.remember(e, L, list)
	return list
}

// remember keeps the results for later phases, in which an edited message may
// not verify any more.
func (m *message) remember(e *Env, L *lua.LState, list []*mailauth.Signature) {
	if m.state == nil {
		return
	}
	m.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: mailauth.ResultsVariable, Value: mailauth.EncodeResults(list)})
}
