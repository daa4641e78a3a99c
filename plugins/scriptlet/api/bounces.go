package api

import (
	"fmt"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/bounce"
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
				Doc:     "The class of an SMTP reply: its code, symbol and description. All domains have the same rules.",
				Example: `local code, symbol = msys.bounce.classify_smtp_response("552 5.2.2 mailbox full") -- 22, "BC_SOFT_MAILBOX_FULL"`,
				Do: func(e *Env, L *lua.LState) int {
					text := L.ToString(1)
					e.World.Spend(L, 10*len(text))
					return pushClass(L, bounce.Classify(text))
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

func pushClass(L *lua.LState, c bounce.Class) int {
	i := c.Info()
	return pushNumber(L, int(c)) + pushString(L, i.Symbol) + pushString(L, i.Description)
}

func bounceClassify(e *Env, L *lua.LState) int {
	m := current(e, L)
	m.needContent(e, L, "msys.bounce.classify")
	class, recipient := bounce.ClassifyMessage(m.mime(e, L))
	return pushClass(L, class) + pushName(L, recipient)
}
