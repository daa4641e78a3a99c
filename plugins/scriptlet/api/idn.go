package api

import (
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/net/idna"
)

// idnPackage is msys.idn. Names are those of IDNA 2008 as UTS 46 maps them for
// lookups (RFC 5891 §5), which is what the core asks DNS for.
func idnPackage() Package {
	name := []Param{{Name: "name", Type: String}}
	return Package{
		Name: "msys.idn",
		Doc:  "Internationalised domain names: between what people read and what DNS and SMTP carry.",
		Funcs: []Func{
			{
				Name: "to_idn", Params: name, Returns: "string | nil, message", Phases: "any", Since: "3.6",
				Doc:     "Makes a domain in UTF-8 an ASCII one.",
				Example: `msys.idn.to_idn("bücher.example") -- "xn--bcher-kva.example"`,
				Do:      func(e *Env, L *lua.LState) int { return convertDomain(e, L, idna.Lookup.ToASCII) },
			},
			{
				Name: "to_utf8", Params: name, Returns: "string | nil, message", Phases: "any", Since: "3.6",
				Doc:     "Makes an ASCII domain one in UTF-8.",
				Example: `msys.idn.to_utf8("xn--bcher-kva.example") -- "bücher.example"`,
				Do:      func(e *Env, L *lua.LState) int { return convertDomain(e, L, idna.Lookup.ToUnicode) },
			},
		},
	}
}

// maxDomainText is the longest name that is worth a look: 253 bytes in ASCII (RFC
// 1035 §2.3.4) are no more than that many characters in UTF-8.
const maxDomainText = 253 * utf8.UTFMax

func convertDomain(e *Env, L *lua.LState, convert func(string) (string, error)) int {
	name := L.ToString(1)
	e.World.Spend(L, min(len(name), maxDomainText))
	switch {
	case len(name) > maxDomainText:
		return failure(L, "the domain is too long")
	case !utf8.ValidString(name):
		return failure(L, "the domain is not UTF-8")
	}
	out, err := convert(name)
	if err != nil {
		return failure(L, err.Error())
	}
	L.Push(lua.LString(out))
	return 1
}
