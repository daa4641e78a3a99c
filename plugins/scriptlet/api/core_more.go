package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// coreMorePackage are functions of msys.core that newer pages show.
func coreMorePackage() Package {
	msg := Param{Name: "msg", Type: Userdata, Class: classMessage}
	return Package{
		Name: "msys.core", Preload: true,
		Funcs: []Func{
			{Name: "rfc2822_prepend_headers", Params: []Param{msg, {Name: "headers", Type: String}}, Returns: "nothing", Phases: "data,data_spool,each_rcpt,set_binding", Since: "4.3",
				Doc: "Puts header lines, as they stand, in front of the message.", Example: `msys.core.rfc2822_prepend_headers(msg, "X-Seen: yes\r\n")`, Do: prependHeaders},
			{Name: "scheduler_for_domain", Params: []Param{{Name: "domain", Type: String}}, Returns: "number", Phases: "any", Since: "4.3",
				Doc: "The scheduler of a domain: 0, since one has all.", Example: `msys.core.scheduler_for_domain("example.com") -- 0`,
				Do: func(_ *Env, L *lua.LState) int { return pushNumber(L, 0) }},
		},
	}
}

func prependHeaders(e *Env, L *lua.LState) int {
	m := current(e, L)
	m.needContent(e, L, "rfc2822_prepend_headers")
	m.needOpen(e, L, "rfc2822_prepend_headers")
	text := strings.TrimRight(mail.CanonicalLines(L.ToString(2)), "\r\n") + "\r\n"
	section, body := mail.SplitMessage([]byte(text))
	if len(body) > 0 || len(section) != len(text) || len(mail.ListHeaders(section)) == 0 || text[0] == ' ' || text[0] == '\t' {
		L.RaiseError("%q is no text of header lines", L.ToString(2))
	}
	m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: append(section[:len(section):len(section)], m.msg.Header...)})
	return 0
}
