package smtpd

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Authenticator decides about credentials; *auth.Directory is one. A session
// calls it while its client waits.
type Authenticator interface {
	Authenticate(ctx context.Context, t *auth.Target, p *auth.Proof) sdk.AuthStatus
	Stored(ctx context.Context, t *auth.Target, user string) (scram.StoredCredentials, sdk.AuthStatus)
}

// Bounds of AUTH lines with their CRLF. A command with an initial response may
// be as long as the buffer takes; responses to challenges have 12288 octets
// (RFC 4954 §4).
const (
	maxAuthCommand = smallBuffer
	maxAuthLine    = 12288
)

// Names of context variables (reference/lua-api.tsv).
const (
	varAuthName   = "auth_name"
	varAuthStatus = "auth_status"
	varAuthUser   = "auth_user"
)

// login is what a session knows of its client's identity.
type login struct {
	user     string // authenticated; "" is nobody
	relays   bool   // AUTH, and nothing else, set can_relay
	failures int
}

// attempt is one AUTH command under way. It is the exchange's auth.Judge.
type attempt struct {
	s      *session
	method *authMethod
	user   string      // as the client said it
	forced *smtp.Reply // what core_pre_esmtp_auth decided; nil: nothing
	asked  bool        // it was asked
}

// auth is RFC 4954 §4.
func (s *session) auth(arg string) error {
	name, initial, _ := strings.Cut(arg, " ")
	method := s.p.auth.find(name)
	switch {
	case len(s.p.auth) == 0 || !s.offered("AUTH", true):
		return s.refuse(s.phase(), replyNotDone)
	case s.wire.inTxn:
		return s.refuse(s.phase(), replyAuthInMail)
	case s.login.user != "":
		return s.refuse(s.phase(), replyAuthTwice)
	case !s.esmtp:
		return s.refuse(s.phase(), replyNeedESMTP)
	case name == "":
		return s.refuse(s.phase(), replyArgument)
	case method == nil:
		return s.refuse(s.phase(), replyAuthUnknown)
	case method.Clear && !s.tls && !s.p.AuthWithoutTLS:
		return s.refuse(s.phase(), replyAuthNeedsTLS)
	case s.srv.guesses.spent(s, s.p.FailureRate): // right credentials would tell a guesser that they are
		return s.refuse(s.phase(), replyAuthRate)
	}
	a := &attempt{s: s, method: method}
	status, refusal, err := a.exchange(initial)
	switch {
	case err != nil:
		a.timedOut(err)
		return err
	case s.closing: // policy ended the session
		return s.refuse(s.phase(), orElse(refusal, orElse(a.forced, replyHangup)))
	case refusal != nil:
		return s.refuse(s.phase(), refusal)
	}
	return a.conclude(status)
}

func orElse(r, otherwise *smtp.Reply) *smtp.Reply {
	if r != nil {
		return r
	}
	return otherwise
}

// exchange talks until the mechanism has an outcome. A refusal is of the
// exchange itself, and no attempt at anything.
func (a *attempt) exchange(initial string) (sdk.AuthStatus, *smtp.Reply, error) {
	s := a.s
	x := a.method.New(auth.Setup{Judge: a, Hostname: s.srv.Hostname(), Now: s.srv.Now})
	var response []byte
	if initial != "" {
		var ok bool
		if response, ok = decodeResponse([]byte(initial), true); !ok {
			return sdk.AuthError, replyAuthBase64, nil
		}
	}
	for {
		step, err := x.Next(s.srv.ctx, response)
		clear(response) // it may be a password
		switch {
		case errors.Is(err, auth.ErrNoInitial):
			return sdk.AuthError, replyAuthNoInitial, nil
		case err != nil:
			return sdk.AuthError, replyAuthSyntax, nil
		case step.Done:
			return step.Status, nil, nil
		}
		var refusal *smtp.Reply
		if response, refusal, err = s.challenge(step.Challenge); err != nil || refusal != nil {
			return sdk.AuthError, refusal, err
		}
	}
}

// challenge sends a 334 and reads the response to it.
func (s *session) challenge(text []byte) ([]byte, *smtp.Reply, error) {
	s.wire.say("334 " + base64.StdEncoding.EncodeToString(text) + "\r\n")
	s.wire.widen()
	defer s.wire.narrow()
	line, err := s.wire.lineUpTo(wideBuffer)
	if errors.Is(err, errLineLong) {
		s.closing = true // where the next command begins is anybody's guess
		return nil, replyAuthLong, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if len(line)+len("\r\n") > maxAuthLine {
		clear(line)
		return nil, replyAuthLong, nil
	}
	if string(line) == "*" {
		return nil, replyAuthCancelled, nil // RFC 4954 §4
	}
	response, ok := decodeResponse(line, false)
	clear(line)
	if !ok {
		return nil, replyAuthBase64, nil
	}
	return response, nil, nil
}

// decodeResponse decodes a response; it is never nil where it is well formed.
// An initial response that is empty is written "=" (RFC 4954 §4).
func decodeResponse(line []byte, initial bool) ([]byte, bool) {
	if initial && string(line) == "=" {
		return []byte{}, true
	}
	if bytes.IndexByte(line, '\r') >= 0 { // the decoder would skip it
		return nil, false
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Decode(out, line)
	return out[:n], err == nil
}

// Verify is part of auth.Judge.
func (a *attempt) Verify(ctx context.Context, p *auth.Proof) sdk.AuthStatus {
	if status, decided := a.policy(p.User); decided {
		return status
	}
	status := a.s.srv.Auth.Authenticate(ctx, &a.method.target, p)
	if a.s.p.AlwaysAllow {
		return sdk.AuthOK
	}
	return status
}

// Stored is part of auth.Judge. A client of SCRAM wants us to prove that we
// know its password too, so nobody can be let in without one.
func (a *attempt) Stored(ctx context.Context, user string) (scram.StoredCredentials, sdk.AuthStatus) {
	forced, decided := a.policy(user)
	stored, status := a.s.srv.Auth.Stored(ctx, &a.method.target, user)
	if decided && forced != sdk.AuthOK {
		status = forced
	}
	return stored, status
}

// policy asks core_pre_esmtp_auth, once, when it is known who the client says
// it is. What is decided holds regardless of credentials.
func (a *attempt) policy(user string) (status sdk.AuthStatus, decided bool) {
	s := a.s
	a.user = user
	ctx := &s.vs.State.Conn.Context
	ctx.Set(varAuthName, a.method.Name)
	ctx.Set(varAuthUser, user)
	if !a.asked && s.vs.Wants(sdk.CorePreEsmtpAuth) {
		a.asked = true
		a.forced, _ = s.hooks(sdk.Phase{Hook: sdk.CorePreEsmtpAuth, Line: "AUTH " + a.method.Name})
	}
	switch {
	case s.p.AlwaysDeny:
		return sdk.AuthFail, true
	case a.forced == nil:
		return sdk.AuthError, false
	case a.forced.Positive():
		return sdk.AuthOK, true
	case a.forced.Permanent():
		return sdk.AuthFail, true
	}
	return sdk.AuthError, true
}

// conclude tells policy of the outcome (core_validate_auth) and answers.
func (a *attempt) conclude(status sdk.AuthStatus) error {
	s := a.s
	ctx := &s.vs.State.Conn.Context
	ctx.Set(varAuthName, a.method.Name)
	ctx.Set(varAuthStatus, status.String())
	if status == sdk.AuthOK {
		s.logIn(a.user)
	}
	chosen, _ := s.hooks(sdk.Phase{Hook: sdk.CoreValidateAuth, Line: "AUTH " + a.method.Name})
	a.account(status == sdk.AuthOK && !chosen.Refuses())
	if status == sdk.AuthOK && !chosen.Refuses() {
		s.succeed(a.text(chosen), 235, sayAuthOK) // RFC 4954 §6
		return nil
	}
	if status == sdk.AuthOK {
		s.logOut() // policy has the last word
		ctx.Set(varAuthStatus, sdk.AuthFail.String())
	}
	ctx.Delete(varAuthUser) // it names nobody who was authenticated
	return a.refuse(status, chosen)
}

// text is the reply that policy chose, in the later hook or else in the first.
func (a *attempt) text(chosen *smtp.Reply) *smtp.Reply { return orElse(chosen, a.forced) }

// refuse answers an attempt that failed, the last one that is allowed with 421.
func (a *attempt) refuse(status sdk.AuthStatus, chosen *smtp.Reply) error {
	s := a.s
	reply := replyAuthFailed
	if status == sdk.AuthError {
		reply = replyAuthError
	} else if s.failed() {
		reply = replyAuthLimit
	}
	if forced := a.text(chosen); forced.Refuses() && reply != replyAuthLimit {
		reply = forced
	}
	return s.refuse(s.phase(), reply)
}

// failed counts a failure, holds its reply back, and reports one too many.
func (s *session) failed() bool {
	s.login.failures++
	s.srv.guesses.take(s, s.p.FailureRate)
	if s.p.FailureDelay > 0 {
		s.tarpit(s.p.FailureDelay)
	}
	return s.p.FailuresLimit > 0 && int64(s.login.failures) >= s.p.FailuresLimit
}

// account writes the attempt to the acctlog, where log_authentication says so.
func (a *attempt) account(ok bool) {
	if !a.method.target.Logs() {
		return
	}
	conn := &a.s.vs.State.Conn
	a.s.srv.Account(&logs.Authentication{
		Now: a.s.srv.Now(), Listener: a.s.entry.info.Listen, Peer: conn.Peer.String(), User: a.user, OK: ok,
	})
}

// timedOut writes a client that went silent within the exchange to the acctlog
// (reference/logs.md, acctlog).
func (a *attempt) timedOut(err error) {
	if !errors.Is(err, errIdle) || !a.method.target.Logs() {
		return
	}
	conn := &a.s.vs.State.Conn
	a.s.srv.Account(&logs.Authentication{
		Now: a.s.srv.Now(), Listener: a.s.entry.info.Listen, Peer: conn.Peer.String(), User: a.user, TimedOut: true,
	})
}

// logIn makes the session its user's, who may relay (manual, inbound SMTP:
// "the SMTP session will be marked as relayable").
func (s *session) logIn(user string) {
	ctx := &s.vs.State.Conn.Context
	ctx.Set(varAuthUser, user)
	before, _ := ctx.Get(varCanRelay)
	s.login.user, s.login.relays = user, before != "true"
	ctx.Set(varCanRelay, "true")
}

// logOut takes back what logIn gave.
func (s *session) logOut() {
	if s.login.relays {
		s.vs.State.Conn.Context.Delete(varCanRelay)
	}
	s.login.user, s.login.relays = "", false
}

// forgetLogin is for STARTTLS: what was said in the clear counts no more
// (RFC 3207 §4.2). Failures do.
func (s *session) forgetLogin() {
	s.logOut()
	ctx := &s.vs.State.Conn.Context
	for _, name := range []string{varAuthName, varAuthStatus, varAuthUser} {
		ctx.Delete(name)
	}
}

// mustLogin reports a session that may not send mail before AUTH. Peers that
// may relay need none (manual, relay_hosts).
func (s *session) mustLogin() bool {
	if !s.p.AuthRequired || s.p.AlwaysAllow && !s.p.AlwaysDeny || s.login.user != "" {
		return false
	}
	v, _ := s.vs.State.Conn.Context.Get(varCanRelay)
	return v != "true"
}

// withLogin is withProtocol after AUTH (RFC 3848; RFC 6531 §4.3).
func (s *session) withLogin() string {
	name := "ESMTP"
	if s.txn.utf8 {
		name = "UTF8SMTP"
	}
	if s.tls {
		name += "S"
	}
	return name + "A"
}

// isAuthParam reports the value of MAIL's AUTH=: "<>", or a mailbox as xtext
// (RFC 4954 §5).
func isAuthParam(value string) bool {
	if value == "<>" {
		return true
	}
	text, ok := decodeXtext(value)
	if !ok {
		return false
	}
	p, rest, ok := parsePath("<"+text+">", grammar{strict: true})
	return ok && rest == "" && p.domain != ""
}

// decodeXtext is RFC 3461 §4.
func decodeXtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < '!' || c > '~' || c == '=':
			return "", false
		case c != '+':
			b.WriteByte(c)
		case i+2 >= len(s) || strings.ToUpper(s[i+1:i+3]) != s[i+1:i+3]:
			return "", false
		default:
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
		}
	}
	return b.String(), true
}
