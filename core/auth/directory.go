package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mtad/mtad/sdk"
)

// Config is what a Directory needs. All of it is set and safe for concurrent
// use.
type Config struct {
	// Schemes are those of auth_ds in the current configuration.
	Schemes func() *Schemes
	// Query asks a datasource.
	Query func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)
	// Module asks the module whose script registered a scheme.
	Module func(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error)
	// Problem tells the operator what kept us from deciding (paniclog).
	Problem func(text string)
	// Timeout bounds one decision; 0: 60 s.
	Timeout time.Duration
}

// Directory looks credentials up, wherever they are. It is safe for concurrent
// use.
type Directory struct {
	Config
	files files
	slots chan struct{} // hashes that are being computed
	key   [32]byte      // of this process, for salts
	// decoys has for each scheme of auth_ds a secret like those that its query
	// returns: checking an unknown user's password takes as long.
	decoys sync.Map
}

// New makes a Directory.
func New(c Config) *Directory {
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	d := &Directory{Config: c, slots: make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1))}
	_, _ = rand.Read(d.key[:]) // it never fails
	return d
}

// Authenticate decides whether a proof is right. What cannot be decided is
// AuthError, and the operator has been told why.
func (d *Directory) Authenticate(ctx context.Context, t *Target, p *Proof) sdk.AuthStatus {
	if !goodName(p.User) || p.Password == "" { // an LDAP bind without a password would go well (RFC 4513 §5.1.2)
		return sdk.AuthFail
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	status, err := d.authenticate(ctx, t, p)
	if err != nil {
		d.report(t, err)
		return sdk.AuthError
	}
	return status
}

func (d *Directory) authenticate(ctx context.Context, t *Target, p *Proof) (sdk.AuthStatus, error) {
	if t.Scheme == schemeFile || t.Scheme == schemeDigest {
		s, found, err := d.files.lookUp(t, p.User)
		if err != nil {
			return sdk.AuthError, err
		}
		ok, err := d.check(ctx, &s, p)
		return statusOf(ok && found), ignoreUnless(found, err)
	}
	if scheme, ok := d.scheme(t); ok {
		return d.queryUser(ctx, scheme, t, p)
	}
	if p.Crypt != Clear {
		return sdk.AuthError, errNeedsClear
	}
	_, status, err := d.askModule(ctx, t, &sdk.AuthRequest{Question: sdk.AuthCheck, User: p.User, Password: p.Password})
	return status, err
}

// ignoreUnless drops what is wrong with a secret that was not the user's.
func ignoreUnless(found bool, err error) error {
	if !found {
		return nil
	}
	return err
}

func statusOf(ok bool) sdk.AuthStatus {
	if ok {
		return sdk.AuthOK
	}
	return sdk.AuthFail
}

// check compares a proof with what is stored. Hashes that take long are
// computed a few at a time, so that guessing cannot take all processors.
func (d *Directory) check(ctx context.Context, s *secret, p *Proof) (bool, error) {
	if p.Crypt != Clear {
		if s.form != formClear {
			return false, errNeedsClear
		}
		return p.provenBy(s.text), nil
	}
	if s.costly() {
		if err := d.slot(ctx); err != nil {
			return false, err
		}
		defer func() { <-d.slots }()
	}
	return s.matches(p.Password)
}

func (d *Directory) slot(ctx context.Context) error {
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for a processor: %w", ctx.Err())
	}
}

// Stored finds what SCRAM-SHA-256 proves a password by. For an unknown user it
// is a verifier that nothing fits, with AuthFail.
func (d *Directory) Stored(ctx context.Context, t *Target, user string) (scram.StoredCredentials, sdk.AuthStatus) {
	if !goodName(user) {
		return d.nobody(user), sdk.AuthFail
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	s, found, err := d.stored(ctx, t, user)
	var c scram.StoredCredentials
	if err == nil { // of nobody as well, so that it takes as long
		c, err = d.verifier(ctx, &s, user)
		err = ignoreUnless(found, err)
	}
	switch {
	case err != nil:
		d.report(t, err)
		return d.nobody(user), sdk.AuthError
	case !found:
		return d.nobody(user), sdk.AuthFail
	}
	return c, sdk.AuthOK
}

func (d *Directory) stored(ctx context.Context, t *Target, user string) (secret, bool, error) {
	if t.Scheme == schemeFile {
		return d.files.lookUp(t, user)
	}
	if scheme, ok := d.scheme(t); ok && scheme.Authenticate.ReturnsPassword {
		return d.querySecret(ctx, scheme, t, &Proof{User: user, Crypt: Clear})
	}
	return secret{}, false, errNeedsClear
}

func (d *Directory) verifier(ctx context.Context, s *secret, user string) (scram.StoredCredentials, error) {
	switch s.form {
	case formSCRAM:
		return parseSCRAM(s.text)
	case formClear:
		if err := d.slot(ctx); err != nil {
			return scram.StoredCredentials{}, err
		}
		defer func() { <-d.slots }()
		return deriveSCRAM(user, s.text, d.saltFor(user))
	}
	return scram.StoredCredentials{}, errNeedsClear
}

func (d *Directory) askModule(ctx context.Context, t *Target, r *sdk.AuthRequest) ([]string, sdk.AuthStatus, error) {
	r.Scheme, r.File, r.Params = t.Scheme, t.Path, t.Params
	answer, err := d.Module(ctx, r)
	if err != nil {
		return nil, sdk.AuthError, err
	}
	return answer.Groups, answer.Status, nil
}

func (d *Directory) scheme(t *Target) (*Scheme, bool) {
	schemes := d.Schemes()
	if schemes == nil {
		return nil, false
	}
	s, ok := schemes.byName[t.Scheme]
	return s, ok
}

// report tells the operator. A query's error names the statement and not what
// was bound to it.
func (d *Directory) report(t *Target, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client is gone, or we stop
	}
	d.Problem(fmt.Sprintf("authentication by %s: %v", t.URI, err))
}
