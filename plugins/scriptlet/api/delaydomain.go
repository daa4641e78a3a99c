package api

import (
	"context"

	lua "github.com/yuin/gopher-lua"
)

// delayPackage is msys.core.mail_queue_delay_domain.
func delayPackage() Package {
	return Package{
		Name: "msys.core", Preload: true,
		Funcs: []Func{{
			Name: "mail_queue_delay_domain", Params: []Param{{Name: "dr", Type: Userdata, Class: classRecord}, {Name: "note", Type: String}},
			Returns: "nil", Phases: "any", Since: "3.0",
			Doc:     "Puts off all mail that is due for a domain, by what its next retry would wait; the note becomes its status. It is no attempt, so retries do not go up.",
			Example: `msys.core.mail_queue_delay_domain(msys.core.dns_get_domain("example.com"), "451 4.4.1 [internal] manually delayed domain")`,
			Do:      delayDomain,
		}},
	}
}

func delayDomain(e *Env, L *lua.LState) int {
	r := self[domainRecord](L)
	note, host := oneLine(L.ToString(2)), e.World.Host()
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { _, err = host.DelayDomain(ctx, r.domain, note) })
	if err != nil {
		L.RaiseError("mail_queue_delay_domain: %s", err.Error())
	}
	return pushNil(L)
}
