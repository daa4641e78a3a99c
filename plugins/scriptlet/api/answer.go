package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// outArgs are the arguments of a phase that its callouts write into.
type outArgs struct {
	text    *ecString  // buff, response
	enabled *boolValue // enabled
}

// TakeAnswer reads what a callout returned whose hook has answers of its own
// (sdk.Returns), and records the answer as a change. Done: nobody else is asked.
// ok is false for what is no answer.
func (f *Frame) TakeAnswer(e *Env, L *lua.LState, got lua.LValue) (v sdk.Verdict, ok bool) {
	number, ok := got.(lua.LNumber)
	if !ok {
		return sdk.Continue, false
	}
	n := int(number)
	switch f.Phase.Hook.Info().Returns {
	case sdk.ReturnsRefusal:
		return f.takeRefusal(n)
	case sdk.ReturnsBinding:
		return f.takeSlot(e, n)
	case sdk.ReturnsRouting:
		return f.takeRouting(n)
	case sdk.ReturnsText:
		if n == 0 {
			return sdk.Continue, true
		}
		return f.answer(sdk.Change{Kind: sdk.AnswerSet, Number: 1, Value: f.out.text.text})
	case sdk.ReturnsEnqueue:
		if n < sdk.EnqueueGoOn || n > sdk.EnqueueError {
			return sdk.Continue, false
		}
		if n == sdk.EnqueueGoOn {
			return sdk.Continue, true
		}
		return f.answer(sdk.Change{Kind: sdk.AnswerSet, Number: int64(n)})
	case sdk.ReturnsEnabled:
		return f.takeEnabled(n)
	}
	return sdk.Continue, false
}

// answer records an answer. A change that does not fit its state is the module's
// own mistake, not the script's.
func (f *Frame) answer(c sdk.Change) (sdk.Verdict, bool) {
	c.Target, c.Copy = f.Phase.Hook.Info().Target, f.Phase.Copy
	return sdk.Done, f.Change(c) == nil
}

// Values of EC_HOOK_*.
const (
	hookGoOn = iota
	hookReject
	hookRetry
)

// takeRefusal is core_final_validation2: a refusal without a set_code gets the
// text of a failed validation.
func (f *Frame) takeRefusal(n int) (sdk.Verdict, bool) {
	reply := smtp.NewReply(550, "5.7.1", "message refused by policy")
	switch n {
	case hookGoOn:
		return sdk.Continue, true
	case hookReject:
	case hookRetry:
		reply = smtp.NewReply(451, "4.7.1", "message deferred by policy, please retry later")
	default:
		return sdk.Continue, false
	}
	if !f.SetCode || !f.Reply.Refuses() {
		f.Reply, f.SetCode = reply, true
	}
	return sdk.Done, true
}

// takeSlot is core_binding_group_choose_binding.
func (f *Frame) takeSlot(e *Env, slot int) (sdk.Verdict, bool) {
	names := e.World.Config().Bindings
	if slot == unboundSlot {
		return sdk.Continue, true
	}
	if slot < 0 || slot >= len(names) {
		return sdk.Continue, false
	}
	return f.answer(sdk.Change{Kind: sdk.BindingSet, Value: names[slot]})
}

// takeRouting is core_config_get_message_routing_domain: the number says whether
// buff counts, whatever it is.
func (f *Frame) takeRouting(n int) (sdk.Verdict, bool) {
	if n == 0 {
		return sdk.Continue, true
	}
	domain, ok := domainName(strings.TrimRight(f.out.text.text, "\x00"))
	if !ok {
		return sdk.Continue, false
	}
	return f.answer(sdk.Change{Kind: sdk.RoutingDomainSet, Value: domain})
}

// Values of GENERATE_BOUNCES_HOOK_*.
const (
	bouncesGoOn = iota
	bouncesOK
)

// takeEnabled is core_generate_bounces.
func (f *Frame) takeEnabled(n int) (sdk.Verdict, bool) {
	switch n {
	case bouncesGoOn:
		return sdk.Continue, true
	case bouncesOK:
		c := sdk.Change{Kind: sdk.AnswerSet}
		if f.out.enabled.on {
			c.Number = 1
		}
		return f.answer(c)
	}
	return sdk.Continue, false
}

// classBool is the class of flags that a callout writes into.
const classBool = "int_pointer"

// boolValue is an int * of the original that is 0 or 1: the enabled of
// core_generate_bounces.
type boolValue struct{ on bool }

func boolClass() Class {
	return Class{
		Name: classBool, Doc: "A flag that a callout reads and writes: the enabled of core_generate_bounces.",
		Fields: []Field{{
			Name: "value", Type: "number", Phases: "core_generate_bounces", Doc: "1 or 0; false, nil and 0 turn it off.",
			Get: func(_ *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
				return lua.LNumber(flagOf(L, ud).number())
			},
			Set: func(_ *Env, L *lua.LState, ud *lua.LUserData, v lua.LValue) {
				switch v.(type) {
				case lua.LNumber, lua.LBool, *lua.LNilType:
					flagOf(L, ud).on = lua.LVAsBool(v) && v != lua.LNumber(0)
				default:
					L.RaiseError("enabled.value can be 0 or 1, not %s", Text(L, v))
				}
			},
		}},
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__tostring": func(_ *Env, L *lua.LState) int {
				return pushString(L, lua.LNumber(flagOf(L, L.CheckUserData(1)).number()).String())
			},
		},
	}
}

func flagOf(L *lua.LState, ud *lua.LUserData) *boolValue {
	b, ok := ud.Value.(*boolValue)
	if !ok {
		L.RaiseError("the object is empty")
	}
	return b
}

func (b *boolValue) number() int {
	if b.on {
		return 1
	}
	return 0
}
