// Package ldap is the datasource driver for LDAP directories:
// "ldap://host:port/dn?attributes?scope?filter?extensions", and ldaps. A query is
// such a URL too. It runs in the datasource module.
//
// Next: the rows go back to plugins/datasource.
package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	ldap3 "github.com/go-ldap/ldap/v3"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver opens directories. Scheme is "ldap" or "ldaps".
type Driver struct{ Scheme string }

// Name is the scheme.
func (d Driver) Name() string { return d.Scheme }

// Defaults of the extensions for times (reference/datasource.md §1, ldap); the
// original leaves the time to connect to the system.
const (
	connectTimeout = 10 * time.Second
	searchTimeout  = 6 * time.Second
)

// Open takes a URL of which only the host must be there.
func (d Driver) Open(c driver.Config) (driver.Pool, error) {
	base, err := parse(d.Scheme+":"+c.Rest, driver.Parse(&sdk.Query{}))
	if err == nil && base.host == "" {
		err = errors.New("it names no host")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the uri: %w", d.Scheme, err)
	}
	p := &pool{base: base, how: c, conns: conns{keep: c.Keep, now: time.Now}}
	if file := base.extensions[extCA]; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", d.Scheme, extCA, err)
		}
		if p.anchors = x509.NewCertPool(); !p.anchors.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s: %s holds no certificate", d.Scheme, extCA, file)
		}
	}
	return p, nil
}

type pool struct {
	base    *target
	how     driver.Config
	anchors *x509.CertPool // nil: the system's
	conns   conns
}

// Query is part of driver.Pool.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	if st.Execute {
		return nil, driver.ReadOnly(p.base.scheme)
	}
	query, err := parse(st.SQL, st)
	if err != nil {
		return nil, &driver.Error{Text: "the query: " + err.Error()}
	}
	if gone := driver.GivenUp(ctx); gone != nil {
		return nil, gone // a connection that is kept could answer before it is hung up
	}
	t := query.with(p.base)
	k, err := p.account(t)
	if err != nil {
		return nil, err
	}
	if t.bindsOnly() {
		return p.bind(ctx, t, k)
	}
	fresh := t.extensions[extNoCache] == "true"
	if !fresh {
		if one := p.conns.take(k); one != nil {
			rows, err := p.search(ctx, one, t, limit)
			if !lost(ctx, one, err) {
				return rows, err
			}
		}
	}
	one, err := p.connect(ctx, t, k)
	if err != nil {
		return nil, asError(ctx, err)
	}
	if fresh {
		defer hangUp(one.conn)
	}
	return p.search(ctx, one, t, limit)
}

// account is who a query is asked as.
func (p *pool) account(t *target) (key, error) {
	k := key{scheme: t.scheme, host: t.host, bind: t.extensions[extBind], password: t.extensions[extPassword]}
	if k.bind == "" || k.bind != p.base.extensions[extBind] {
		return k, nil // the password of somebody who wants to be let in
	}
	host, _, err := net.SplitHostPort(t.host)
	if err != nil {
		return k, &driver.Error{Text: err.Error()}
	}
	k.password, err = p.how.Secret(driver.Account{Facility: "ldap", Host: host, User: k.bind}, k.password)
	return k, err
}

// connect dials and binds.
func (p *pool) connect(ctx context.Context, t *target, k key) (*kept, error) {
	ctx, cancel := context.WithTimeout(ctx, t.seconds(extConnect, connectTimeout))
	defer cancel()
	raw, err := p.dial(ctx, t)
	if err != nil {
		return nil, driver.Unreachable(ctx, err)
	}
	one := &kept{key: k, conn: ldap3.NewConn(raw, t.scheme == "ldaps"), made: p.conns.now()}
	one.conn.Start()
	p.conns.count()
	stop := context.AfterFunc(ctx, func() { hangUp(one.conn) })
	defer stop()
	switch {
	case k.bind == "":
	case k.password == "":
		// RFC 4513 §5.1.2: the server would take it for nobody, and say yes.
		err = ldap3.NewError(ldap3.LDAPResultInvalidCredentials, errors.New("a bind without a password proves nothing"))
	default:
		err = one.conn.Bind(k.bind, k.password)
	}
	if err != nil {
		hangUp(one.conn)
		if ctx.Err() != nil && ldap3.IsErrorWithCode(err, ldap3.ErrorNetwork) {
			err = driver.Unreachable(ctx, ctx.Err())
		}
		return nil, err
	}
	return one, nil
}

func (p *pool) dial(ctx context.Context, t *target) (net.Conn, error) {
	var d net.Dialer
	if t.scheme != "ldaps" {
		return d.DialContext(ctx, "tcp", t.host)
	}
	host, _, err := net.SplitHostPort(t.host)
	if err != nil {
		return nil, err
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{ServerName: host, RootCAs: p.anchors, MinVersion: tls.VersionTLS12}}
	return secure.DialContext(ctx, "tcp", t.host)
}

// bind answers a query that only binds: one column of that name, 1 or 0.
func (p *pool) bind(ctx context.Context, t *target, k key) (*sdk.Rows, error) {
	one, err := p.connect(ctx, t, k)
	var n int64
	switch {
	case err == nil:
		hangUp(one.conn)
		n = 1
	case ldap3.IsErrorWithCode(err, ldap3.LDAPResultInvalidCredentials), ldap3.IsErrorWithCode(err, ldap3.LDAPResultInappropriateAuthentication):
	default:
		return nil, asError(ctx, err)
	}
	return &sdk.Rows{Columns: []string{"bind"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumInt, Int: n}}}}, nil
}

// lost reports a kept connection that the server had closed.
func lost(ctx context.Context, one *kept, err error) bool {
	return err != nil && ctx.Err() == nil && one.conn.IsClosing()
}

// asError words an error with the server's code. A search changes nothing, so
// another server may be asked where this one did not answer.
func asError(ctx context.Context, err error) error {
	var own *driver.Error
	if errors.As(err, &own) {
		return own
	}
	var said *ldap3.Error
	if !errors.As(err, &said) {
		return &driver.Error{Text: err.Error()}
	}
	switch said.ResultCode {
	case ldap3.ErrorNetwork:
		if gone := driver.GivenUp(ctx); gone != nil {
			return gone
		}
		return driver.Unreachable(ctx, said.Err)
	case ldap3.LDAPResultReferral:
		return &driver.Error{Code: ldap3.LDAPResultReferral, Text: "the server refers to another one, which mtad does not follow"}
	}
	text := ldap3.LDAPResultCodeMap[said.ResultCode]
	if said.Err != nil && said.Err.Error() != "" {
		text += ": " + said.Err.Error()
	}
	down := said.ResultCode == ldap3.LDAPResultBusy || said.ResultCode == ldap3.LDAPResultUnavailable
	return &driver.Error{Code: int(said.ResultCode), Text: text, Down: down}
}

// Flush is part of driver.Keeper.
func (p *pool) Flush() int { return p.conns.flush(false) }

// Kept is part of driver.Keeper.
func (p *pool) Kept() driver.Kept { return p.conns.figures() }

// Close is part of driver.Pool.
func (p *pool) Close() error {
	p.conns.flush(true)
	return nil
}
