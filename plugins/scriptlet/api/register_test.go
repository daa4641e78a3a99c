package api

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// thing is an object for the tests below.
type thing struct{ name string }

func thingPackages() []Package {
	named := func(self *lua.LUserData) *thing { return self.Value.(*thing) }
	return []Package{
		{
			Name: "t", Preload: true,
			Funcs: []Func{
				{Name: "make", Params: []Param{{Name: "name", Type: String}}, Do: func(e *Env, L *lua.LState) int {
					L.Push(e.World.Object(L, "thing", &thing{L.ToString(1)}))
					return 1
				}},
				{Name: "take", Params: []Param{{Name: "it", Type: Userdata, Class: "thing"}, {Name: "n", Type: Number, Optional: true}},
					Do: func(_ *Env, L *lua.LState) int { L.Push(L.Get(2)); return 1 }},
				{Name: "many", Params: []Param{{Name: "s", Type: String, Variadic: true}},
					Do: func(_ *Env, L *lua.LState) int { return L.GetTop() }},
				{Name: "either", Params: []Param{{Name: "s", Type: StringOrTable}, {Name: "b", Type: Boolean}, {Name: "f", Type: StringOrFunction}},
					Do: func(_ *Env, L *lua.LState) int { return L.GetTop() }},
				{Name: "lacking", Status: Unsupported, Why: "there is none"},
			},
			Consts: []Const{{Name: "ONE", Value: lua.LNumber(1)}},
			Classes: []Class{{
				Name:    "thing",
				Methods: []Func{{Name: "hello", Params: []Param{{Name: "to", Type: String}}, Do: func(_ *Env, L *lua.LState) int { L.Push(L.Get(2)); return 1 }}},
				Fields: []Field{
					{Name: "name", Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue { return lua.LString(named(self).name) },
						Set: func(_ *Env, L *lua.LState, self *lua.LUserData, v lua.LValue) { named(self).name = v.String() }},
					{Name: "fixed", Get: func(*Env, *lua.LState, *lua.LUserData) lua.LValue { return lua.LTrue }},
				},
				Meta: map[string]func(*Env, *lua.LState) int{"__len": func(_ *Env, L *lua.LState) int { L.Push(lua.LNumber(7)); return 1 }},
			}},
		},
		{
			Name:    "t.more",
			Classes: []Class{{Name: "thing", Methods: []Func{{Name: "more", Do: func(_ *Env, L *lua.LState) int { L.Push(lua.LString("more")); return 1 }}}}},
		},
	}
}

func newThings(t *testing.T) *fakeWorld {
	w := newWorld(t)
	Install(w.L, w.env, append(Packages(), thingPackages()...), []Missing{{"t.missing", "nobody made it"}})
	return w
}

func TestArguments(t *testing.T) {
	w := newThings(t)
	w.is("nil", `return t.take(t.make("a"))`)
	w.is("5", `return t.take(t.make("a"), "5")`)
	w.is("8", `return t.take(t.make("a"), "010")`)
	w.is("0.3", `return t.make(0.1 + 0.2).name`)
	w.is("a 1", `return t.many("a", 1)`)
	w.is("x true y", `return t.either("x", true, "y")`)
	for script, want := range map[string]string{
		`t.make()`:                    "test.lua:1: bad argument #1 to 'make' (string expected, got no value)",
		`t.make(nil)`:                 "bad argument #1 to 'make' (string expected, got nil)",
		`t.make({})`:                  "bad argument #1 to 'make' (string expected, got table)",
		`t.take({})`:                  "bad argument #1 to 'take' (thing expected, got table)",
		`t.take(t.make("a"), "x")`:    "bad argument #2 to 'take' (number expected, got string)",
		`t.many("a", {})`:             "bad argument #2 to 'many' (string expected, got table)",
		`t.either(1, 1)`:              "bad argument #2 to 'either' (boolean expected, got number)",
		`t.either({}, true, 1, 2)`:    "",
		`t.either({}, true, {})`:      "bad argument #3 to 'either' (string or function expected, got table)",
		`t.make("a"):hello()`:         "bad argument #1 to 'hello' (string expected, got no value)",
		`t.make("a"):hello(t.make())`: "bad argument #1 to 'make' (string expected, got no value)",
		`t.make("a").hello("x", "y")`: "calling 'hello' on bad self (thing expected, got string)",
		`t.make("a").fixed = 1`:       "field 'fixed' of thing cannot be set",
		`t.make("a").colour = 1`:      "thing has no field 'colour'",
		`t.lacking()`:                 "test.lua:1: t.lacking is not supported by mtad: there is none",
		`require "t.missing"`:         "module 't.missing' is not supported by mtad: nobody made it",
	} {
		if want == "" {
			w.run(script)
			continue
		}
		w.raises(want, script)
	}
}

func TestClasses(t *testing.T) {
	w := newThings(t)
	w.is("you", `return t.make("a"):hello("you")`)
	w.is("b true nil", `local x = t.make("a") x.name = "b" return x.name, x.fixed, x.colour`)
	w.is("7 more", `local x = t.make("a") return #x, x:more()`)
	w.is("thing table 1", `return msys.type(t.make("a")), msys.type(t), t.ONE`)
	w.is("nil", `return t.missing`)
}

// What is not preloaded is there once somebody requires it, beside what hangs
// on its parent.
func TestOpenAttaches(t *testing.T) {
	w := newThings(t)
	w.is("true table function", `local p = require "t.more" return p == t.more, type(t.more), type(t.make)`)
}

// Every class that a parameter names must be declared.
func TestParametersNameDeclaredClasses(t *testing.T) {
	classes := make(map[string]bool)
	for _, p := range Packages() {
		for _, c := range p.Classes {
			classes[c.Name] = true
		}
	}
	check := func(where string, f *Func) {
		for _, p := range f.Params {
			if p.Class != "" && !classes[p.Class] {
				t.Errorf("%s:%s: parameter %s is of the unknown class %s", where, f.Name, p.Name, p.Class)
			}
		}
		if f.Status == Supported && f.Do == nil {
			t.Errorf("%s:%s does nothing", where, f.Name)
		}
	}
	for _, p := range Packages() {
		for i := range p.Funcs {
			check(p.Name, &p.Funcs[i])
		}
		for _, c := range p.Classes {
			for i := range c.Methods {
				check(c.Name, &c.Methods[i])
			}
		}
	}
}
