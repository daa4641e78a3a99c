package sdk

import "context"

// AuthStatus is the outcome of an authentication (reference/lua-api.tsv,
// EC_AUTH_*). The zero value authenticates nobody. Its number crosses the
// process boundary.
type AuthStatus uint8

// The outcomes.
const (
	AuthError AuthStatus = iota // it could not be decided: EC_AUTH_ERROR
	AuthFail                    // refused, or no such user: EC_AUTH_FAIL
	AuthOK                      // accepted: EC_AUTH_OK
)

// String is the status as the context variable auth_status has it
// (reference/lua-api.tsv, vctx_conn:auth_status).
func (s AuthStatus) String() string {
	switch s {
	case AuthOK:
		return "pass"
	case AuthFail:
		return "fail"
	}
	return "error"
}

// AuthQuestion is what an AuthRequest asks. Its number crosses the process
// boundary.
type AuthQuestion uint8

// The questions, with the function of msys.registerAuth that answers each.
const (
	AuthCheck      AuthQuestion = iota // are these credentials right? authenticate
	AuthUserGroups                     // which groups has this user? enumGroups
	AuthAllGroups                      // which groups are there? queryGroups
)

// AuthRequest asks the module that registered an authentication scheme. It may
// hold a password: it is never logged.
type AuthRequest struct {
	Question   AuthQuestion
	Generation uint64            // whose scheme is asked; 0: the current one's
	Scheme     string            // as registered, "myscheme"
	File       string            // what follows "myscheme://" in the uri
	Params     map[string]string // the dictionary of the listener's option
	User       string
	Password   string // AuthCheck only
}

// AuthAnswer answers an AuthRequest. Groups are those asked for; they mean
// something only where Status is AuthOK.
type AuthAnswer struct {
	Status AuthStatus
	Groups []string
}

// Authenticator is the further power of a module that registers authentication
// schemes (Subscription.AuthSchemes). The core calls it while an SMTP client or
// a console waits; an error counts as AuthError.
type Authenticator interface {
	Authenticate(ctx context.Context, r *AuthRequest) (*AuthAnswer, error)
}
