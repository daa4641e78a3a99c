package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mtad/mtad/sdk"
)

// Judge decides about what an exchange brings to light; the SMTP session is
// one: it asks policy, then the Directory.
type Judge interface {
	// Verify decides about credentials.
	Verify(ctx context.Context, p *Proof) sdk.AuthStatus
	// Stored finds what SCRAM proves a password by. With AuthFail it gives a
	// verifier that nothing fits, and the exchange goes on to its end.
	Stored(ctx context.Context, user string) (scram.StoredCredentials, sdk.AuthStatus)
}

// Step is what an exchange says to a response.
type Step struct {
	Challenge []byte // to be sent, unless Done
	Done      bool
	Status    sdk.AuthStatus // where Done
}

// Exchange is the server's side of one authentication.
type Exchange interface {
	// Next takes a response, decoded, and says what comes next. nil is the
	// beginning without an initial response. ErrSyntax ends the exchange.
	Next(ctx context.Context, response []byte) (Step, error)
}

// ErrSyntax is a response that is none of the mechanism's.
var ErrSyntax = errors.New("malformed response")

// ErrNoInitial is an initial response where the server begins.
var ErrNoInitial = errors.New("the mechanism takes no initial response")

// Setup is what an exchange works with.
type Setup struct {
	Judge    Judge
	Hostname string
	Now      func() time.Time
}

// Mechanism is a SASL mechanism (RFC 4422).
type Mechanism struct {
	Name   string // as in AUTH, upper case
	Option string // the option whose dictionary says where credentials are
	// Clear: the password crosses the connection as it is, so it wants TLS
	// (RFC 4954 §4).
	Clear bool
	New   func(Setup) Exchange
}

// Mechanisms are those that mtad speaks, the strongest first: clients often
// take the first they know. DIGEST-MD5 is not among them (RFC 6331).
func Mechanisms() []Mechanism {
	return []Mechanism{
		{"SCRAM-SHA-256", "authscramsha256parameters", false, newSCRAM},
		{"CRAM-MD5", "authcrammd5parameters", false, newCRAMMD5},
		{"PLAIN", "authplainparameters", true, newPlain},
		{"LOGIN", "authloginparameters", true, newLogin},
	}
}

// plain is PLAIN (RFC 4616).
type plain struct{ judge Judge }

func newPlain(s Setup) Exchange { return &plain{s.Judge} }

// Next is part of Exchange.
func (e *plain) Next(ctx context.Context, response []byte) (Step, error) {
	if response == nil {
		return Step{}, nil
	}
	// RFC 4616 §2: [authzid] NUL authcid NUL passwd
	fields := strings.Split(string(response), "\x00")
	if len(fields) != 3 || !goodName(fields[1]) || fields[2] == "" {
		return Step{}, ErrSyntax
	}
	if fields[0] != "" && fields[0] != fields[1] {
		return Step{Done: true, Status: sdk.AuthFail}, nil // nobody may act for another
	}
	status := e.judge.Verify(ctx, &Proof{User: fields[1], Crypt: Clear, Password: fields[2]})
	return Step{Done: true, Status: status}, nil
}

// login is LOGIN, which was never more than a draft
// (draft-murchison-sasl-login).
type login struct {
	judge Judge
	asked bool
	user  string
}

func newLogin(s Setup) Exchange { return &login{judge: s.Judge} }

// Next is part of Exchange. An initial response is the user.
func (e *login) Next(ctx context.Context, response []byte) (Step, error) {
	switch {
	case response == nil && !e.asked:
		e.asked = true
		return Step{Challenge: []byte("Username:")}, nil
	case e.user == "":
		if !goodName(string(response)) {
			return Step{}, ErrSyntax
		}
		e.user = string(response)
		return Step{Challenge: []byte("Password:")}, nil
	}
	status := e.judge.Verify(ctx, &Proof{User: e.user, Crypt: Clear, Password: string(response)})
	return Step{Done: true, Status: status}, nil
}

// cramMD5 is CRAM-MD5 (RFC 2195).
type cramMD5 struct {
	setup     Setup
	challenge string
}

func newCRAMMD5(s Setup) Exchange { return &cramMD5{setup: s} }

// Next is part of Exchange.
func (e *cramMD5) Next(ctx context.Context, response []byte) (Step, error) {
	if e.challenge == "" {
		if response != nil {
			return Step{}, ErrNoInitial
		}
		var random [16]byte
		_, _ = rand.Read(random[:]) // it never fails
		// RFC 2195 §2: random digits, a timestamp and our own name, as a msg-id.
		e.challenge = "<" + hex.EncodeToString(random[:]) + "." + e.setup.Now().UTC().Format("20060102150405") + "@" + e.setup.Hostname + ">"
		return Step{Challenge: []byte(e.challenge)}, nil
	}
	// A user may have blanks in its name; the digest has none.
	cut := strings.LastIndexByte(string(response), ' ')
	if cut < 0 || len(response)-cut-1 != hex.EncodedLen(16) || !goodName(string(response[:cut])) {
		return Step{}, ErrSyntax
	}
	status := e.setup.Judge.Verify(ctx, &Proof{
		User: string(response[:cut]), Crypt: HMACMD5, Password: string(response[cut+1:]), Nonce: e.challenge,
	})
	return Step{Done: true, Status: status}, nil
}

// scramSHA256 is SCRAM-SHA-256 (RFC 5802, RFC 7677).
type scramSHA256 struct {
	judge  Judge
	talk   *scram.ServerConversation
	status sdk.AuthStatus // of the user
	proven bool           // the client only has to hear our proof
}

func newSCRAM(s Setup) Exchange { return &scramSHA256{judge: s.Judge} }

// errStored ends the conversation where nothing can be decided.
var errStored = errors.New("the stored verifier could not be had")

// Next is part of Exchange.
func (e *scramSHA256) Next(ctx context.Context, response []byte) (Step, error) {
	switch {
	case response == nil:
		return Step{}, nil
	case e.proven:
		if len(response) > 0 {
			return Step{}, ErrSyntax
		}
		return Step{Done: true, Status: sdk.AuthOK}, nil
	case e.talk == nil:
		return e.first(ctx, string(response))
	}
	proof, err := e.talk.Step(string(response))
	if err != nil || !e.talk.Valid() || e.status != sdk.AuthOK {
		return Step{Done: true, Status: sdk.AuthFail}, nil
	}
	// RFC 4954 §4: what a mechanism says with its success is a challenge, and
	// the client answers it with nothing.
	e.proven = true
	return Step{Challenge: []byte(proof)}, nil
}

// first takes the client's first message.
func (e *scramSHA256) first(ctx context.Context, message string) (Step, error) {
	server, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		if !goodName(user) {
			return scram.StoredCredentials{}, ErrSyntax
		}
		stored, status := e.judge.Stored(ctx, user)
		if e.status = status; status == sdk.AuthError {
			return stored, errStored
		}
		return stored, nil
	})
	if err != nil {
		return Step{}, err
	}
	e.talk = server.NewConversation()
	challenge, err := e.talk.Step(message)
	switch {
	case errors.Is(err, errStored):
		return Step{Done: true, Status: sdk.AuthError}, nil
	case err != nil:
		return Step{}, ErrSyntax
	}
	if other := e.talk.AuthzID(); other != "" && other != e.talk.Username() {
		e.status = sdk.AuthFail // nobody may act for another
	}
	return Step{Challenge: []byte(challenge)}, nil
}
