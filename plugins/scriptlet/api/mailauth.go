package api

import (
	"context"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/option"
)

// What the packages of msys.validate share.

// The cost of cryptography in steps of the script's budget.
const (
	verifySteps = 10_000
	signSteps   = 100_000
)

// authTime bounds what signing or verifying one message may take, in all.
const authTime = 30 * time.Second

// messageArg is the message at stack index n, else the one the phase works on.
func messageArg(e *Env, L *lua.LState, n int, what string) *message {
	if ud, ok := L.Get(n).(*lua.LUserData); ok {
		if m, ok := ud.Value.(*message); ok {
			m.needContent(e, L, what)
			return m
		}
	}
	f := e.World.Frame(L)
	if f == nil || f.Message() == nil {
		L.RaiseError("%s: there is no message here", what)
	}
	ud, _ := newMessage(e, L, f, f.Message()).(*lua.LUserData)
	m, _ := ud.Value.(*message)
	m.needContent(e, L, what)
	return m
}

// content is the message as it is signed and verified, and what reading it costs.
func (m *message) content(ctx context.Context, e *Env) mailauth.Message {
	return mailauth.Of(ctx, e.World.Host(), m.msg)
}

// verifyDKIM verifies a message's signatures while other sessions go on.
func (m *message) verifyDKIM(e *Env, L *lua.LState) []*mailauth.Signature {
	o := mailauth.VerifyOptions{Resolver: mailauth.HostResolver{Host: e.World.Host()}, Now: e.World.Now()}
	spendOn(e, L, len(m.msg.Header)+int(m.msg.Body.Size))
	var list []*mailauth.Signature
	var err error
	e.World.Wait(L, false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, authTime)
		defer cancel()
		list, err = mailauth.VerifyDKIM(ctx, m.content(ctx, e), o)
	})
	if err != nil {
		L.RaiseError("the message cannot be verified: %s", err.Error())
	}
	e.World.Spend(L, verifySteps*min(len(list), mailauth.DefaultMaxSignatures))
	return list
}

// signingDefaults is the opendkim scope of the configuration.
func signingDefaults(e *Env) *mailauth.OpenDKIM {
	for i := range e.World.Config().Scopes {
		if s := &e.World.Config().Scopes[i]; s.Name == "opendkim" {
			o := &mailauth.OpenDKIM{}
			option.Decode(s, o) // the core has checked it
			return o
		}
	}
	return mailauth.DefaultOpenDKIM()
}

// profileOf is what a script's options make of the configured defaults.
func profileOf(e *Env, L *lua.LState, m *message, options *lua.LTable) mailauth.Profile {
	domain := mailauth.ResponsibleDomain(m.msg.Header)
	given := textOption(L, options, "signing_domain", "base_domain", "domain")
	if given != "" {
		domain = given
	}
	p := signingDefaults(e).For(domain)
	if given != "" {
		p.Domain = given
	}
	for _, o := range []struct {
		to    *string
		names []string
	}{
		{&p.Selector, []string{"selector"}}, {&p.HeaderCanon, []string{"header_canon"}}, {&p.BodyCanon, []string{"body_canon"}},
		{&p.Digest, []string{"digest"}}, {&p.Identity, []string{"identity"}}, {&p.KeyText, []string{"keybuf"}},
		{&p.ConditionName, []string{"sign_condition"}},
	} {
		if text := textOption(L, options, o.names...); text != "" {
			*o.to = text
		}
	}
	if path := textOption(L, options, "keyfile", "key"); path != "" {
		p.KeyPath, p.KeyText = path, ""
		if textOption(L, options, "digest") == "" {
			p.Digest = "" // the key says it
		}
	}
	if p.KeyText != "" && textOption(L, options, "digest") == "" {
		p.Digest = ""
	}
	listOptions(L, options, &p)
	return p
}

func listOptions(L *lua.LState, options *lua.LTable, p *mailauth.Profile) {
	for name, to := range map[string]*[]string{"headerlist": &p.Headers, "oversign_headerlist": &p.Oversign, "skip_headerlist": &p.Skip} {
		if list := listOption(L, options, name); list != nil {
			*to = list
		}
	}
	if options == nil {
		return
	}
	switch v := options.RawGetString("body_length_limit").(type) {
	case lua.LBool:
		p.BodyLength = bool(v)
	case lua.LNumber:
		p.BodyLength = v != 0
	case lua.LString:
		p.BodyLength = v == "true" || v == "1"
	}
}

// textOption is the first of the options that is set.
func textOption(L *lua.LState, options *lua.LTable, names ...string) string {
	if options == nil {
		return ""
	}
	for _, name := range names {
		switch v := options.RawGetString(name).(type) {
		case *lua.LNilType:
		case lua.LString, lua.LNumber:
			if text := Text(L, v); text != "" {
				return text
			}
		default:
			L.RaiseError("option %s: text is expected, got %s", name, v.Type().String())
		}
	}
	return ""
}

// maxListed bounds a list of header fields.
const maxListed = 256

// listOption is a list of names: a table, or text with colons, commas or blanks
// between them. nil where it is not set.
func listOption(L *lua.LState, options *lua.LTable, name string) []string {
	if options == nil {
		return nil
	}
	var list []string
	switch v := options.RawGetString(name).(type) {
	case *lua.LNilType:
		return nil
	case *lua.LTable:
		for i := 1; i <= min(v.Len(), maxListed); i++ {
			list = append(list, Text(L, v.RawGetInt(i)))
		}
	case lua.LString:
		list = strings.FieldsFunc(string(v), func(r rune) bool { return strings.ContainsRune(":, \t\r\n", r) })
	default:
		L.RaiseError("option %s: a table or text is expected, got %s", name, v.Type().String())
	}
	return list[:min(len(list), maxListed)]
}

// conditionHolds is sign_condition: the variable is there, in either context.
func conditionHolds(f *Frame, m *message, name string) bool {
	if name == "" {
		return true
	}
	dicts := []sdk.Dict{m.msg.Context, m.msg.ConnContext}
	if f != nil {
		dicts = append(dicts, f.State.Conn.Context)
	}
	for _, d := range dicts {
		if v, ok := d.Get(name); ok && v != "" && v != "false" && v != "0" {
			return true
		}
	}
	return false
}

// signDKIM is msys.validate.opendkim.sign and msys.validate.dkim.sign.
func signDKIM(keys *mailauth.Signer, what string) func(e *Env, L *lua.LState) int {
	return func(e *Env, L *lua.LState) int {
		m := messageArg(e, L, 1, what)
		m.needOpen(e, L, what)
		options, _ := L.Get(3).(*lua.LTable)
		p := profileOf(e, L, m, options)
		if !conditionHolds(e.World.Frame(L), m, p.ConditionName) {
			return failure(L, "sign_condition "+p.ConditionName+" is not set")
		}
		field, err := m.signature(e, L, keys, p)
		if err != nil {
			return unsigned(e, L, what, m, err)
		}
		m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: append([]byte(field), m.msg.Header...)})
		return pushBool(L, true)
	}
}

// signature makes a signature while other sessions go on.
func (m *message) signature(e *Env, L *lua.LState, keys *mailauth.Signer, p mailauth.Profile) (field string, err error) {
	if e.World.Config().CheckOnly {
		return "", sdk.ErrNoIO
	}
	spendOn(e, L, len(m.msg.Header)+int(m.msg.Body.Size))
	e.World.Spend(L, signSteps)
	e.World.Wait(L, false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, authTime)
		defer cancel()
		field, err = keys.SignCopy(ctx, e.World.Host(), m.msg, p, e.World.Now())
	})
	return field, err
}

// unsigned says in the paniclog why a message was not signed: scripts seldom look
// at what sign returns, which is not documented.
func unsigned(e *Env, L *lua.LState, what string, m *message, err error) int {
	e.World.Host().Log(sdk.LogRecord{Level: sdk.LevelError, Source: "scriptlet", Text: what + ": message " + m.msg.ID + " is not signed: " + err.Error()})
	return failure(L, err.Error())
}
