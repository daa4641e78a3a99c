package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/option"
)

// bouncePackage is msys.bounce.
func bouncePackage() Package {
	p := Package{
		Name: "msys.bounce",
		Doc: "Bounce classes, by the rules that the bouncelog has them from. Where a class has no name in the manual, the symbol is mtad's. " +
			"msys.bounce.bounce_code has the descriptions by number.",
		Funcs: []Func{
			{Name: "classify", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage}},
				Returns: "number, string, string, string or nil", Phases: "data,data_spool,each_rcpt,set_binding", Since: "3.0",
				Doc:     "The class of a message that came back: its code, symbol and description, and whom the original was for where that can be told.",
				Example: `local code, symbol, text, rcpt = msys.bounce.classify(msg)`, Do: bounceClassify},
			{Name: "classify_smtp_response", Params: []Param{{Name: "text", Type: String}, {Name: "domain", Type: String, Optional: true}},
				Returns: "number, string, string", Phases: "any", Since: "3.0",
				Doc:     "The class of an SMTP reply: its code, symbol and description, by the overrides for the domain and then the rules that come with mtad.",
				Example: `local code, symbol = msys.bounce.classify_smtp_response("552 5.2.2 mailbox full") -- 22, "BC_SOFT_MAILBOX_FULL"`,
				Do: func(e *Env, L *lua.LState) int {
					text := L.ToString(1)
					e.World.Spend(L, 10*len(text))
					return pushClass(L, e.classOf(L, "smtp", text, L.OptString(2, "")))
				}},
		},
		Setup: func(_ *Env, L *lua.LState, pkg *lua.LTable) {
			t := L.CreateTable(0, 20)
			for _, i := range bounce.Classes() {
				t.RawSetInt(int(i.Class), lua.LString(i.Description))
			}
			pkg.RawSetString("bounce_code", t)
		},
	}
	for _, i := range bounce.Classes() {
		p.Consts = append(p.Consts, Const{"bounce_code." + strconv.Itoa(int(i.Class)), lua.LNumber(i.Class), fmt.Sprintf("Bounce class: %s (%s).", i.Description, i.Category)})
	}
	return p
}

// classOf is the class of a text: by the overrides in force, which the core has,
// or by the rules that come with mtad. For "mdn" it is no class where no override
// fits.
func (e *Env) classOf(L *lua.LState, kind, text, domain string) bounce.ClassInfo {
	overridden := slices.ContainsFunc(e.World.Config().Scopes, func(s option.Scope) bool { return s.Name == "bounce_classifier_override" })
	if overridden {
		var said string
		var err error
		e.World.Wait(L, false, func(ctx context.Context) {
			said, err = e.World.Host().ConfigValue(ctx, []string{"bounce", kind, text, domain})
		})
		if f := strings.Split(said, "\n"); err == nil && len(f) == 3 {
			n, _ := strconv.Atoi(f[0]) // the core wrote it
			return bounce.ClassInfo{Class: bounce.Class(n), Symbol: f[1], Description: f[2]}
		}
	}
	if kind == "mdn" {
		return bounce.ClassInfo{}
	}
	return bounce.Builtin().Classify(text, domain).Info()
}

func pushClass(L *lua.LState, i bounce.ClassInfo) int {
	return pushNumber(L, int(i.Class)) + pushString(L, i.Symbol) + pushString(L, i.Description)
}

func bounceClassify(e *Env, L *lua.LState) int {
	m := current(e, L)
	m.needContent(e, L, "msys.bounce.classify")
	root := m.mime(e, L)
	class, recipient := bounce.ClassifyMessage(root)
	i := e.classOf(L, "mdn", bounce.ReturnedText(root), "")
	if i.Class == 0 {
		i = class.Info()
	}
	return pushClass(L, i) + pushName(L, recipient)
}
