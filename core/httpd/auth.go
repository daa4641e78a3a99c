package httpd

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
)

// Values of auth_name in the connection context, beside the mechanisms of SMTP.
const (
	byToken       = "BEARER"
	byPassword    = "BASIC"
	byCertificate = "CERTIFICATE"
)

// authenticate decides whether the request's client may send mail.
func (x *exchange) authenticate() bool {
	switch {
	case x.p.AlwaysDeny:
		return false
	case x.certified():
		x.how, x.user = byCertificate, x.r.TLS.PeerCertificates[0].Subject.CommonName
		return true
	}
	scheme, credentials, _ := strings.Cut(x.r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if name, ok := x.p.owner(strings.TrimSpace(credentials)); ok {
			x.how, x.user = byToken, name
			return true
		}
	case strings.EqualFold(scheme, "Basic"):
		if x.password() {
			return true
		}
	}
	return x.p.Open()
}

// certified reports a client certificate that was verified, where that is enough.
func (x *exchange) certified() bool {
	return x.p.PeerAuthorized && x.r.TLS != nil && len(x.r.TLS.VerifiedChains) > 0
}

// owner finds whose token it is. Every token is compared, so that the time tells
// nothing about any.
func (p *Profile) owner(given string) (name string, ok bool) {
	hash := sha256.Sum256([]byte(given))
	for i := range p.tokens {
		if subtle.ConstantTimeCompare(hash[:], p.tokens[i].hash[:]) == 1 {
			name, ok = p.tokens[i].name, true
		}
	}
	return name, ok
}

// password checks Basic authentication (RFC 7617).
func (x *exchange) password() bool {
	user, password, ok := x.r.BasicAuth()
	if !ok || x.p.basic == nil {
		return false
	}
	status := x.srv.Auth.Authenticate(x.srv.ctx, x.p.basic, &auth.Proof{User: user, Crypt: auth.Clear, Password: password})
	if x.p.basic.Logs() {
		x.srv.Account(&logs.Authentication{
			Now: x.srv.Now(), Listener: x.conn.listener.name, Peer: x.conn.peer.String(), User: user, OK: status == sdk.AuthOK,
		})
	}
	if status != sdk.AuthOK {
		return false
	}
	x.how, x.user = byPassword, user
	return true
}
