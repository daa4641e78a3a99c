package api

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// Numbers of msys.core.EC_AUTH_*. The documentation gives none
// (reference/lua-api-notes.md 44). They are none of VALIDATE_*, so that a
// callout which returns VALIDATE_CONT by habit authenticates nobody.
const (
	AuthOK    = 16
	AuthFail  = 17
	AuthError = 18
	// AuthNormal is what core_pre_esmtp_auth returns to leave the decision to
	// the listener's own authentication.
	AuthNormal = -1
)

// AuthFunctions are the functions that the table of msys.registerAuth may
// hold, by the question that each answers (reference/lua-api.tsv, authtable).
func AuthFunctions() map[sdk.AuthQuestion]string {
	return map[sdk.AuthQuestion]string{
		sdk.AuthCheck: "authenticate", sdk.AuthUserGroups: "enumGroups", sdk.AuthAllGroups: "queryGroups",
	}
}

// AuthStatusOf reads EC_AUTH_OK, EC_AUTH_FAIL or EC_AUTH_ERROR; ok is false for
// any other value.
func AuthStatusOf(v lua.LValue) (status sdk.AuthStatus, ok bool) {
	switch v {
	case lua.LNumber(AuthOK):
		return sdk.AuthOK, true
	case lua.LNumber(AuthFail):
		return sdk.AuthFail, true
	case lua.LNumber(AuthError):
		return sdk.AuthError, true
	}
	return sdk.AuthError, false
}

// Bounds of what a script may say about groups.
const (
	maxGroups    = 1000
	maxGroupName = 255
)

// AuthGroups reads an array of group names. Anything that is none is an error.
func AuthGroups(v lua.LValue) ([]string, error) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("an array of group names was expected, not a %s", v.Type())
	}
	n := t.Len()
	if n > maxGroups {
		return nil, fmt.Errorf("%d groups are too many (the limit is %d)", n, maxGroups)
	}
	groups := make([]string, 0, n)
	for i := 1; i <= n; i++ {
		name, ok := t.RawGetInt(i).(lua.LString)
		if !ok || name == "" || len(name) > maxGroupName {
			return nil, fmt.Errorf("group %d is not a name of at most %d bytes", i, maxGroupName)
		}
		groups = append(groups, string(name))
	}
	return groups, nil
}

func registerAuthFunc() Func {
	return Func{
		Name:    "registerAuth",
		Params:  []Param{{Name: "scheme", Type: String}, {Name: "authtable", Type: Table}},
		Returns: "nothing",
		Phases:  "init",
		Since:   "3.0",
		Doc: "Registers an authentication scheme: the options authplainparameters, authloginparameters and authorizationparameters name it as \"scheme://\". " +
			"The table may hold authenticate(self, file, params, user, password), which returns an EC_AUTH_ value, enumGroups(self, user) and queryGroups(self), which return arrays.",
		Example: `local staff = {}
function staff:authenticate(file, params, user, password)
  if user == "root" and password == "letmein" then
    return msys.core.EC_AUTH_OK
  end
  return msys.core.EC_AUTH_FAIL
end
msys.registerAuth("staff", staff)`,
		Do: func(e *Env, L *lua.LState) int {
			e.World.RegisterAuth(L, L.ToString(1), L.ToTable(2))
			return 0
		},
	}
}
