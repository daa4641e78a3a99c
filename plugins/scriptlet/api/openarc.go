package api

import (
	"context"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/mailauth"
)

// openarcPackage is msys.validate.openarc (reference/lua-api.tsv).
func openarcPackage() Package {
	keys := &mailauth.Signer{}
	msg := Param{Name: "msg", Type: Userdata, Class: classMessage}
	seal := func(name, doc string) Func {
		return Func{Name: name, Params: []Param{msg, {Name: "options", Type: Table}, {Name: "results", Type: String, Optional: true}},
			Returns: "nothing", Phases: "post_final_validation", Since: "4.8", Doc: doc,
			Example: `msys.validate.openarc.` + name + `(msg, { signing_domain = "example.com", selector = "s1", keyfile = "/etc/mtad/dkim/s1.key", headerlist = "From:Subject:Date:To" })`,
			Do: func(e *Env, L *lua.LState) int {
				return sealARC(e, L, keys, "msys.validate.openarc."+name)
			}}
	}
	return Package{
		Name: "msys.validate.openarc",
		Doc:  "ARC (RFC 8617).",
		Funcs: []Func{
			{Name: "verify", Params: []Param{msg}, Returns: "nothing", Phases: "data_spool,each_rcpt", Since: "4.8",
				Doc:     "Validates the message's ARC chain and sets arc_cv in the message's context: none, pass or fail.",
				Example: `msys.validate.openarc.verify(msg)`,
				Do: func(e *Env, L *lua.LState) int {
					m := messageArg(e, L, 1, "msys.validate.openarc.verify")
					m.verifyARC(e, L)
					return 0
				}},
			seal("sign", "Adds an ARC set, and sets arc_seal in the message's context: ok, or skip where the chain had failed; without it the paniclog says why. Where arc_cv is not set the chain is validated first. Options: signing_domain, selector, keyfile or keybuf, authservid, header_canon, body_canon, digest, headerlist, oversign_headerlist. The results are those of the argument, else of our own Authentication-Results."),
			seal("seal", "As sign."),
		},
	}
}

// verifyARC validates a chain and keeps what came out.
func (m *message) verifyARC(e *Env, L *lua.LState) *mailauth.ARC {
	o := mailauth.VerifyOptions{Resolver: mailauth.HostResolver{Host: e.World.Host()}, Now: e.World.Now()}
	spendOn(e, L, len(m.msg.Header)+int(m.msg.Body.Size))
	var a *mailauth.ARC
	var err error
	e.World.Wait(L, false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, authTime)
		defer cancel()
		a, err = mailauth.VerifyARC(ctx, m.content(ctx, e), o)
	})
	if err != nil {
		L.RaiseError("the chain cannot be validated: %s", err.Error())
	}
	e.World.Spend(L, verifySteps*(1+a.Length))
	m.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: "arc_cv", Value: string(a.Result)})
	return a
}

func sealARC(e *Env, L *lua.LState, keys *mailauth.Signer, what string) int {
	m := messageArg(e, L, 1, what)
	m.needOpen(e, L, what)
	options, _ := L.Get(2).(*lua.LTable)
	var a *mailauth.ARC
	if cv, ok := m.get(e, L, sdk.DictMess).Get("arc_cv"); ok {
		a = &mailauth.ARC{Result: mailauth.Result(cv)}
	} else {
		a = m.verifyARC(e, L)
	}
	status := func(s string) {
		m.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: "arc_seal", Value: s})
	}
	if a.Result == mailauth.Fail {
		status("skip")
		return 0
	}
	p := profileOf(e, L, m, options)
	// RFC 8617 §4.1.3: seals are relaxed; the signature follows them here.
	if textOption(L, options, "header_canon") == "" {
		p.HeaderCanon = string(mailauth.Relaxed)
	}
	if textOption(L, options, "body_canon") == "" {
		p.BodyCanon = string(mailauth.Relaxed)
	}
	of := mailauth.SealedFor{AuthServID: textOption(L, options, "authservid"), Now: e.World.Now()}
	if of.AuthServID == "" {
		of.AuthServID = e.World.Config().Hostname
	}
	if of.Results = optional(L, 3); of.Results == "" {
		of.Results = ownResults(m.msg.Header, of.AuthServID)
	}
	set, err := m.seal(e, L, keys, a, sealJob{p, of})
	if err != nil {
		unsigned(e, L, what, m, err)
		L.Pop(2)
		return 0
	}
	m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: append([]byte(set), m.msg.Header...)})
	status("ok")
	return 0
}

type sealJob struct {
	profile mailauth.Profile
	of      mailauth.SealedFor
}

func (m *message) seal(e *Env, L *lua.LState, keys *mailauth.Signer, a *mailauth.ARC, j sealJob) (set string, err error) {
	if e.World.Config().CheckOnly {
		return "", sdk.ErrNoIO
	}
	spendOn(e, L, len(m.msg.Header)+int(m.msg.Body.Size))
	e.World.Spend(L, 2*signSteps)
	e.World.Wait(L, false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, authTime)
		defer cancel()
		set, err = keys.Seal(m.content(ctx, e), a, j.profile, j.of)
	})
	return set, err
}

// ownResults are what our Authentication-Results say.
func ownResults(section []byte, id string) string {
	var out []string
	for _, value := range mail.RawHeader(section, "Authentication-Results") {
		if mailauth.Claims(value, id) {
			if _, results, ok := strings.Cut(value, ";"); ok {
				out = append(out, strings.TrimSpace(results))
			}
		}
	}
	return strings.Join(out, "; ")
}
