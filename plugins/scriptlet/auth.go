package scriptlet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// authScheme is an authentication scheme that a script registered.
type authScheme struct {
	in    *interpreter
	table *lua.LTable
	fns   map[sdk.AuthQuestion]*lua.LFunction
}

// maxSchemes bounds the authentication schemes of a generation.
const maxSchemes = 100

// RegisterAuth adds an authentication scheme. Each exists once, in the
// interpreter whose init registered it: the first.
func (in *interpreter) RegisterAuth(L *lua.LState, scheme string, table *lua.LTable) {
	scheme = strings.ToLower(scheme)
	if !isScheme(scheme) {
		argError(L, 1, "the name of a scheme is letters, digits, '_', '-' and '.'; file, digest and groups are taken")
	}
	fns := make(map[sdk.AuthQuestion]*lua.LFunction)
	for question, name := range api.AuthFunctions() {
		if fn := method(L, table, name); fn != nil {
			fns[question] = fn
		}
	}
	if len(fns) == 0 {
		argError(L, 2, "the table holds none of authenticate, enumGroups and queryGroups")
	}
	if in.index != 0 && threadOf(L).run.script != nil {
		return
	}
	if !in.gen.addScheme(scheme, authScheme{in, table, fns}) {
		L.RaiseError("msys.registerAuth can be called only in init, for at most %d schemes", maxSchemes)
	}
}

// maxScheme is the longest name of a scheme, in bytes.
const maxScheme = 64

// isScheme reports a name that can stand before "://" in a uri and is not one
// of the core's own.
func isScheme(name string) bool {
	if len(name) > maxScheme || name == "file" || name == "digest" || name == "groups" {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return name != ""
}

// addScheme reports false for a scheme that comes too late: the core has been
// told which there are.
func (g *generation) addScheme(name string, s authScheme) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.committed || g.told || len(g.schemes) >= maxSchemes {
		return false
	}
	if g.schemes == nil {
		g.schemes = make(map[string]authScheme)
	}
	g.schemes[name] = s
	return true
}

// authSchemes are the schemes for the Subscription; later ones are refused.
func (g *generation) authSchemes() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = true
	return slices.Sorted(maps.Keys(g.schemes))
}

func (g *generation) scheme(name string) (authScheme, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.schemes[name]
	return s, ok
}

var _ sdk.Authenticator = (*Module)(nil)

// Authenticate asks a scheme that a script registered. What goes wrong in it is
// AuthError, and stands in the paniclog without the credentials.
func (m *Module) Authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	g := m.currentGeneration()
	if r.Generation != 0 {
		g = m.generation(r.Generation)
	}
	if g == nil || !g.enter() {
		return nil, fmt.Errorf("no configuration is committed")
	}
	defer g.leave()
	s, ok := g.scheme(r.Scheme)
	if !ok {
		return nil, fmt.Errorf("no script registered the authentication scheme %q", r.Scheme)
	}
	name := api.AuthFunctions()[r.Question]
	fn := s.fns[r.Question]
	if fn == nil {
		return nil, fmt.Errorf("the authentication scheme %q has no function %s", r.Scheme, name)
	}
	run := s.in.begin(ctx, s.in.limits)
	t := s.in.enter(run)
	got, err := t.call(fn, s.arguments(r)...)
	var answer *sdk.AuthAnswer
	if err != nil {
		t = nil
		g.reportError(name, r.Scheme, err)
		answer = &sdk.AuthAnswer{Status: sdk.AuthError}
	} else {
		answer = g.authAnswer(r, name, got) // under the lock: it reads a table
	}
	s.in.leave(run, t)
	return answer, nil
}

// arguments are self and what the function is documented to get
// (reference/lua-api.tsv, authtable).
func (s authScheme) arguments(r *sdk.AuthRequest) []lua.LValue {
	switch r.Question {
	case sdk.AuthUserGroups:
		return []lua.LValue{s.table, lua.LString(r.User)}
	case sdk.AuthAllGroups:
		return []lua.LValue{s.table}
	}
	params := s.in.base.CreateTable(0, len(r.Params))
	for key, value := range r.Params {
		params.RawSetString(key, lua.LString(value))
	}
	return []lua.LValue{s.table, lua.LString(r.File), params, lua.LString(r.User), lua.LString(r.Password)}
}

// authAnswer reads what a scheme's function returned.
func (g *generation) authAnswer(r *sdk.AuthRequest, name string, got lua.LValue) *sdk.AuthAnswer {
	status, ok := api.AuthStatusOf(got)
	if r.Question == sdk.AuthCheck {
		if !ok {
			g.log(sdk.LevelError, sourceName, fmt.Sprintf(
				"%s of the authentication scheme %s returned %s, which is none of msys.core.EC_AUTH_OK, EC_AUTH_FAIL and EC_AUTH_ERROR; it counts as EC_AUTH_ERROR", name, r.Scheme, shownType(got)))
		}
		return &sdk.AuthAnswer{Status: status}
	}
	if ok && status != sdk.AuthOK {
		return &sdk.AuthAnswer{Status: status}
	}
	groups, err := api.AuthGroups(got)
	if err != nil {
		g.log(sdk.LevelError, sourceName, fmt.Sprintf("%s of the authentication scheme %s: %v", name, r.Scheme, err))
		return &sdk.AuthAnswer{Status: sdk.AuthFail} // non-table result means failure (reference/lua-api.tsv)
	}
	return &sdk.AuthAnswer{Status: sdk.AuthOK, Groups: groups}
}

// shownType is shown without the text of strings: it might be the password.
func shownType(v lua.LValue) string {
	if v.Type() == lua.LTString {
		return "a string"
	}
	return shown(v)
}

// forceAuth makes what core_pre_esmtp_auth returned a verdict, and the outcome
// that it forces the phase's reply, by which the core knows it: 235, 535 or 454
// (RFC 4954 §6). A text of the script's own stays where its code fits.
func forceAuth(f *api.Frame, got lua.LValue) lua.LValue {
	if got == lua.LNumber(api.AuthNormal) {
		f.Reply, f.SetCode = nil, false
		return lua.LNumber(sdk.Continue)
	}
	status, ok := api.AuthStatusOf(got)
	if !ok {
		f.Reply, f.SetCode = nil, false
		return lua.LNil
	}
	var forced *smtp.Reply
	switch status {
	case sdk.AuthOK:
		forced = smtp.NewReply(235, "2.7.0", "Authentication successful")
	case sdk.AuthFail:
		forced = smtp.NewReply(535, "5.7.8", "Authentication credentials invalid")
	default:
		forced = smtp.NewReply(454, "4.7.0", "Temporary authentication failure")
	}
	if !f.SetCode || f.Reply == nil || f.Reply.Code/100 != forced.Code/100 {
		f.Reply, f.SetCode = forced, true
	}
	return lua.LNumber(sdk.Done)
}
