package scriptlet

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// authScript registers what the manual's example registers, and more.
const authScript = `
require("msys.core")
local mod, auth = {}, {}
function auth:enumGroups(username)
  if self ~= auth then error("self is not the table") end
  if username == "root" then return { "root", "powerusers", "admin" } end
  if username == "odd" then return "root" end
  if username == "worse" then return { "a", 5 } end
  return msys.core.EC_AUTH_FAIL
end
function auth:queryGroups() return { "root", "powerusers", "admin", "users" } end
function auth:authenticate(filename, paramsdict, username, password)
  if self ~= auth then error("self is not the table") end
  if username == "root" and password == "letmein" and filename == "a/file" and paramsdict.uri == "myscheme://a/file" then
    return msys.core.EC_AUTH_OK
  end
  if username == "zero" then return 0 end
  if username == "true" then return true end
  if username == "nothing" then return end
  if username == "echo" then return password end
  if username == "error" then error("boom") end
  if username == "undecided" then return msys.core.EC_AUTH_ERROR end
  if username == "loop" then while true do end end
  return msys.core.EC_AUTH_FAIL
end
function mod:init()
  msys.registerAuth("MyScheme", auth)
  return true
end
function mod:validate_ehlo()
  msys.registerAuth("late", auth)
  return msys.core.VALIDATE_CONT
end
msys.registerModule("myauth", mod)
`

func (w *world) auth(r sdk.AuthRequest) sdk.AuthAnswer {
	w.t.Helper()
	r.Scheme = "myscheme"
	a, err := w.m.Authenticate(context.Background(), &r)
	if err != nil {
		w.t.Fatal(err)
	}
	return *a
}

func TestRegisterAuth(t *testing.T) {
	w := setup{scripts: map[string]string{"script": authScript}, attrs: map[string]string{"cpu_limit": "100", "interpreters": "2"}}.start(t)
	if !slices.Equal(w.sub.AuthSchemes, []string{"myscheme"}) || w.m.Info().Powers&sdk.CanAuthenticate == 0 {
		t.Errorf("schemes %q", w.sub.AuthSchemes)
	}
	check := func(user, password string) sdk.AuthStatus {
		return w.auth(sdk.AuthRequest{File: "a/file", Params: map[string]string{"uri": "myscheme://a/file"}, User: user, Password: password}).Status
	}
	for user, want := range map[string]sdk.AuthStatus{
		"root": sdk.AuthOK, "other": sdk.AuthFail, "zero": sdk.AuthError, "true": sdk.AuthError, "nothing": sdk.AuthError,
		"error": sdk.AuthError, "undecided": sdk.AuthError, "loop": sdk.AuthError, "echo": sdk.AuthError,
	} {
		if got := check(user, "letmein"); got != want {
			t.Errorf("%s: %s", user, got)
		}
	}
	if got := check("root", "wrong"); got != sdk.AuthFail {
		t.Errorf("a wrong password: %s", got)
	}
	check("echo", "tellnobody")
	if log := w.host.paniclog(); strings.Contains(log, "tellnobody") || strings.Contains(log, "letmein") || !strings.Contains(log, "authenticate error:") || !strings.Contains(log, "boom") {
		t.Errorf("paniclog:\n%s", log)
	}
}

func TestAuthGroups(t *testing.T) {
	w := scripted(t, authScript)
	for user, want := range map[string]sdk.AuthAnswer{
		"root":   {Status: sdk.AuthOK, Groups: []string{"root", "powerusers", "admin"}},
		"nobody": {Status: sdk.AuthFail}, "odd": {Status: sdk.AuthFail}, "worse": {Status: sdk.AuthFail},
	} {
		got := w.auth(sdk.AuthRequest{Question: sdk.AuthUserGroups, User: user})
		if got.Status != want.Status || !slices.Equal(got.Groups, want.Groups) {
			t.Errorf("%s: %+v", user, got)
		}
	}
	if got := w.auth(sdk.AuthRequest{Question: sdk.AuthAllGroups}); got.Status != sdk.AuthOK || len(got.Groups) != 4 {
		t.Errorf("all: %+v", got)
	}
}

func TestRegisterAuthRefuses(t *testing.T) {
	w := scripted(t, authScript)
	if r := w.one(1, sdk.ValidateEHLO); !r.Failed || !strings.Contains(w.host.paniclog(), "msys.registerAuth can be called only in init") {
		t.Errorf("%+v\n%s", r, w.host.paniclog())
	}
	if _, err := w.m.Authenticate(context.Background(), &sdk.AuthRequest{Scheme: "late"}); err == nil {
		t.Error("a scheme that came too late is asked")
	}
	if _, err := w.m.Authenticate(context.Background(), &sdk.AuthRequest{Scheme: "myscheme", Generation: 77}); err == nil {
		t.Error("a generation that is not there is asked")
	}
	for call, want := range map[string]string{
		`msys.registerAuth("file", { authenticate = print })`: "bad argument #1 to 'registerAuth'",
		`msys.registerAuth("a b", { authenticate = print })`:  "bad argument #1 to 'registerAuth'",
		`msys.registerAuth("x", { authentcate = print })`:     "bad argument #2 to 'registerAuth'",
		`msys.registerAuth("x", "y")`:                         "bad argument #2 to 'registerAuth' (table expected, got string)",
		`msys.registerAuth(nil, {})`:                          "bad argument #1 to 'registerAuth' (string expected, got nil)",
	} {
		s := setup{scripts: map[string]string{"script": "local mod = {}\nfunction mod:init() " + call + " return true end\nmsys.registerModule('m', mod)"}}
		if _, err := s.prepare(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestSchemeWithoutTheFunction(t *testing.T) {
	w := scripted(t, `local mod = {}
function mod:init() msys.registerAuth("myscheme", { authenticate = function() return msys.core.EC_AUTH_OK end }) return true end
msys.registerModule("m", mod)`)
	if _, err := w.m.Authenticate(context.Background(), &sdk.AuthRequest{Scheme: "myscheme", Question: sdk.AuthUserGroups}); err == nil || !strings.Contains(err.Error(), "enumGroups") {
		t.Errorf("%v", err)
	}
}

func TestPreAuth(t *testing.T) {
	for _, c := range []struct{ set, value, want string }{
		{``, `msys.core.EC_AUTH_OK`, "235 2.7.0 Authentication successful"},
		{``, `msys.core.EC_AUTH_FAIL`, "535 5.7.8 Authentication credentials invalid"},
		{``, `msys.core.EC_AUTH_ERROR`, "454 4.7.0 Temporary authentication failure"},
		{``, `-1`, ""},
		{``, `msys.core.VALIDATE_CONT`, ""},
		{``, `msys.core.VALIDATE_DONE`, ""},
		{``, `nil`, ""},
		{``, `"ok"`, ""},
		{`vctx:set_code(535, "5.7.8 not you")`, `msys.core.EC_AUTH_FAIL`, "535 5.7.8 not you"},
		{`vctx:set_code(535, "5.7.8 not you")`, `msys.core.EC_AUTH_OK`, "235 2.7.0 Authentication successful"},
		{`vctx:set_code(235, "2.7.0 dear")`, `msys.core.EC_AUTH_FAIL`, "535 5.7.8 Authentication credentials invalid"},
		{`vctx:set_code(421, "4.7.0 go away")`, `-1`, ""},
		{`vctx:set_code(235, "2.7.0 dear")`, `nil`, ""},
	} {
		w := scripted(t, `require("msys.extended.vctx")
local mod = {}
function mod:core_pre_esmtp_auth(ac, mc, vctx)
  assert(msys.type(ac) == "accept_construct" and msys.type(mc) == "message_construct")
  `+c.set+`
  return `+c.value+`
end
msys.registerModule("m", mod)`)
		r := w.one(1, sdk.CorePreEsmtpAuth)
		got := ""
		if r.Reply != nil {
			got = r.Reply.String()
		}
		if got != c.want || r.Failed || (r.Verdict == sdk.Done) != (c.want != "") {
			t.Errorf("%s %s: %q, %+v\n%s", c.set, c.value, got, r, w.host.paniclog())
		}
	}
}

func TestForcedOutcomeSkipsTheOtherScripts(t *testing.T) {
	pre := func(name, value string) string {
		return `local mod = {}
function mod:core_pre_esmtp_auth() print("` + name + `") return ` + value + ` end
msys.registerModule("` + name + `", mod)`
	}
	w := setup{
		scripts: map[string]string{"a": pre("a", "-1"), "b": pre("b", "msys.core.EC_AUTH_FAIL"), "c": pre("c", "msys.core.EC_AUTH_OK")},
		order:   []string{"a", "b", "c"},
	}.start(t)
	r := w.one(1, sdk.CorePreEsmtpAuth)
	if r.Reply == nil || r.Reply.Code != 535 || w.host.printed() != "scriptlet: a\nscriptlet: b" {
		t.Errorf("%+v, %q", r, w.host.printed())
	}
}

func TestBothNamesOfValidateAuth(t *testing.T) {
	for _, name := range []string{"core_validate_auth", "core_validate_auth_hook"} {
		w := scripted(t, `require("msys.extended.vctx")
local mod = {}
function mod:`+name+`(vctx, info, status)
  print(info.auth_user, info.auth_name, status == msys.core.EC_AUTH_FAIL)
  vctx:set_code(421, "4.7.0 enough")
  return msys.core.VALIDATE_CONT
end
msys.registerModule("m", mod)`)
		st := &sdk.State{Conn: sdk.Conn{Session: 1, Context: sdk.Dict{{Key: "auth_user", Value: "anna"}, {Key: "auth_name", Value: "PLAIN"}, {Key: "auth_status", Value: "fail"}}}}
		ans, err := w.m.Call(context.Background(), &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.CoreValidateAuth}}, State: st})
		if err != nil {
			t.Fatal(err)
		}
		if got := ans.Results[0].Reply; got == nil || *got != *smtp.NewReply(421, "4.7.0", "enough") || w.host.printed() != "scriptlet: anna\tPLAIN\ttrue" {
			t.Errorf("%s: %v, %q", name, got, w.host.printed())
		}
	}
}
