package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/mail"
)

// addressesPackage is msys.parseRFC2822Addresses.
func addressesPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name:    "parseRFC2822Addresses",
			Params:  []Param{{Name: "text", Type: String}, {Name: "component", Type: String, Optional: true}},
			Returns: "array", Phases: "any", Since: "3.0",
			Doc:     "Finds the addresses in the value of a header, and gives of each one the component: all, localpart, user, detail or domain.",
			Example: `local domains = msys.parseRFC2822Addresses(msg:header("To")[1], "domain")`,
			Do:      parseAddresses,
		}},
	}
}

func parseAddresses(e *Env, L *lua.LState) int {
	text := L.ToString(1)
	component, ok := mail.ParseComponent(L.OptString(2, ""))
	if !ok {
		L.RaiseError("bad component %q (all, localpart, user, detail or domain expected)", L.ToString(2))
	}
	e.World.Spend(L, len(text))
	list := mail.ParseAddresses(text)
	t := L.CreateTable(len(list), 0)
	for _, a := range list {
		t.Append(lua.LString(a.Component(component)))
	}
	L.Push(t)
	return 1
}
