package api

import (
	"encoding/json"
	"fmt"
	"regexp"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
	rules "github.com/mtad/mtad/sdk/adaptive"
)

func adaptivePackage() Package {
	return Package{
		Name: "msys.adaptive",
		Doc:  "Rules for adaptive delivery: what to do where a receiver answers in a certain way. They count where the adaptive scope is, for mail whose adaptive_enabled is on.",
		Funcs: []Func{{
			Name: "registerRules", Params: []Param{{Name: "rules", Type: Table}, {Name: "mode", Type: String, Optional: true}},
			Returns: "nothing", Phases: "load,init", Since: "3.2", Status: Partial,
			Why: "a function as the value of an option in configuration is left out, and so is a rule whose pattern looks around or refers back",
			Doc: "Adds rules by domain before those that are there (mode \"augment\", the default), or puts them in the place of all (\"replace\", also called \"override\"). " +
				"A domain has responses, tried in order, each with code (a pattern for the reply), trigger (\"1\", or \"10/60\" for more than ten within sixty seconds), action, message and phase; " +
				"and configuration, with a number or a pair of numbers for an option. A string in place of the table makes the domain an alias.",
			Example: `msys.adaptive.registerRules({
  ["example.com"] = {
    responses = {
      { code = "^421 .*too many connections", trigger = "1", action = { "reduce_connections", 1 } },
      { code = "^554 .*listed", trigger = "5/60", action = { "suspend", "4 hours" }, message = "ask for removal" },
    },
    configuration = { max_outbound_connections = { 1, 10 } },
  },
  ["example.net"] = "example.com",
}, "augment")`,
			Do: registerRules,
		}},
	}
}

func registerRules(e *Env, L *lua.LState) int {
	mode := L.OptString(2, "augment")
	if _, err := rules.ParseMode(mode); err != nil {
		L.ArgError(2, err.Error())
	}
	t := ruleTable{e, L}
	text, err := json.Marshal(t.domains(L.ToTable(1)))
	if err == nil {
		_, err = rules.Parse(text)
	}
	if err != nil {
		L.ArgError(1, err.Error())
	}
	e.World.RegisterRules(L, &sdk.AdaptiveRules{Mode: mode, Rules: text})
	return 0
}

// ruleTable reads the tables of rules.
type ruleTable struct {
	e *Env
	L *lua.LState
}

func (t ruleTable) warn(format string, args ...any) {
	t.e.World.Host().Log(sdk.LogRecord{Level: sdk.LevelWarning, Source: "scriptlet", Text: "warning: msys.adaptive.registerRules: " + fmt.Sprintf(format, args...)})
}

func (t ruleTable) domains(from *lua.LTable) map[string]any {
	out := map[string]any{}
	t.each(from, func(name string, v lua.LValue) {
		switch v := v.(type) {
		case lua.LString:
			out[name] = string(v)
		case *lua.LTable:
			out[name] = map[string]any{"responses": t.responses(name, v.RawGetString("responses")), "configuration": t.configuration(name, v.RawGetString("configuration"))}
		default:
			t.L.ArgError(1, fmt.Sprintf("domain %q: a table or the name of another domain is expected, got %s", name, v.Type()))
		}
	})
	return out
}

// each goes over a table whose keys are names.
func (t ruleTable) each(from *lua.LTable, f func(string, lua.LValue)) {
	from.ForEach(func(k, v lua.LValue) {
		t.e.World.Spend(t.L, 20)
		name, ok := k.(lua.LString)
		if !ok {
			t.L.ArgError(1, fmt.Sprintf("a name is expected as key, got %s", k.Type()))
		}
		f(string(name), v)
	})
}

// responses leaves out what the original would try in vain, or what needs more
// of a pattern than can be matched in linear time.
func (t ruleTable) responses(domain string, v lua.LValue) []any {
	list, ok := v.(*lua.LTable)
	if !ok {
		return nil
	}
	var out []any
	for i := 1; i <= list.Len(); i++ {
		entry, ok := list.RawGetInt(i).(*lua.LTable)
		if !ok {
			t.L.ArgError(1, fmt.Sprintf("domain %q: response %d is no table", domain, i))
		}
		r := map[string]any{}
		t.each(entry, func(name string, v lua.LValue) { r[name] = t.plain(v, 0) })
		if code, ok := r["code"].(string); ok {
			t.e.World.Spend(t.L, 100*len(code))
			if _, err := regexp.Compile(code); err != nil {
				t.warn("domain %q: response %d is left out: %v", domain, i, err)
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

func (t ruleTable) configuration(domain string, v lua.LValue) map[string]any {
	out := map[string]any{}
	if options, ok := v.(*lua.LTable); ok {
		t.each(options, func(name string, v lua.LValue) {
			if v.Type() == lua.LTFunction {
				t.warn("domain %q: configuration %s is left out: a number or a pair of numbers is expected, not a function", domain, name)
				return
			}
			out[name] = t.plain(v, 0)
		})
	}
	return out
}

// plain is a Lua value as JSON has it; lists may be nested twice.
func (t ruleTable) plain(v lua.LValue, depth int) any {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return json.Number(dialect.NumberText(float64(v)))
	case *lua.LTable:
		if depth > 2 {
			t.L.ArgError(1, "a list is nested too deep")
		}
		out := []any{}
		for i := 1; i <= v.Len(); i++ {
			t.e.World.Spend(t.L, 20)
			out = append(out, t.plain(v.RawGetInt(i), depth+1))
		}
		return out
	}
	t.L.ArgError(1, fmt.Sprintf("a string, number or list is expected, got %s", v.Type()))
	return nil
}
