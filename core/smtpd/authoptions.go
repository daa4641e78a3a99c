package smtpd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/sdk/option"
)

// AuthOptions are the options of SMTP AUTH (reference/config-options.tsv).
type AuthOptions struct {
	AuthRequired   bool              `opt:"enable_authentication" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Take mail only after AUTH, but from peers that may relay anyway."`
	AlwaysAllow    bool              `opt:"always_allow" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH succeeds whatever the credentials are, and lets its client relay."`
	AlwaysDeny     bool              `opt:"always_deny" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH fails whatever the credentials are; it beats always_allow."`
	Plain          map[string]string `opt:"authplainparameters" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH PLAIN: uri, realm and log_authentication."`
	Login          map[string]string `opt:"authloginparameters" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH LOGIN: uri, realm and log_authentication."`
	CRAMMD5        map[string]string `opt:"authcrammd5parameters" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH CRAM-MD5: uri, realm and log_authentication; it needs passwords in the clear."`
	SCRAMSHA256    map[string]string `opt:"authscramsha256parameters" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH SCRAM-SHA-256: uri, realm and log_authentication."`
	DigestMD5      map[string]string `opt:"authdigestmd5parameters" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"AUTH DIGEST-MD5 is not offered (RFC 6331); taken in listeners that do not list it."`
	AuthWithoutTLS bool              `opt:"auth_without_tls" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Offer PLAIN and LOGIN without TLS as well: the password can be read on its way."`
	FailuresLimit  int64             `opt:"auth_max_failures" default:"3" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Failed attempts at AUTH in a session, the last of which ends it with 421; 0: unlimited."`
	FailureDelay   time.Duration     `opt:"auth_failure_delay" type:"seconds" unit:"seconds" default:"1" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Hold back the reply to a failed attempt at AUTH."`
	FailureRate    option.Throttle   `opt:"auth_failure_rate" default:"100/3600" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Failed attempts at AUTH of one address, or one /64 for IPv6, over all sessions; beyond it AUTH is answered 421 without a look at the credentials. \"0\": any rate."`
}

// authParameters are the dictionaries by their option's name.
func (o *AuthOptions) authParameters() map[string]map[string]string {
	return map[string]map[string]string{
		"authplainparameters": o.Plain, "authloginparameters": o.Login,
		"authcrammd5parameters": o.CRAMMD5, "authscramsha256parameters": o.SCRAMSHA256,
	}
}

// authMethod is a mechanism that a profile offers, and where its credentials
// are.
type authMethod struct {
	auth.Mechanism
	target auth.Target
}

type authMethods []authMethod

// newAuthMethods are the mechanisms that smtp_extensions lists, or all whose
// parameters are set where it lists nothing at all.
func newAuthMethods(o *Options) (authMethods, error) {
	listed, err := listedMechanisms(o.SMTPExtra)
	errs := []error{err}
	params := o.authParameters()
	var out authMethods
	for _, m := range auth.Mechanisms() {
		dict := params[m.Option]
		if len(o.SMTPExtra) == 0 && dict == nil || len(o.SMTPExtra) > 0 && !slices.Contains(listed, m.Name) {
			continue
		}
		target, err := auth.NewTarget(dict)
		if err != nil {
			errs = append(errs, fmt.Errorf("AUTH %s: %s: %w", m.Name, m.Option, err))
			continue
		}
		out = append(out, authMethod{m, target})
	}
	return out, errors.Join(errs...)
}

// listedMechanisms are those of the entries "AUTH LOGIN PLAIN" of
// smtp_extensions; "|" separates as well (reference/config-options.tsv).
func listedMechanisms(extensions []string) (names []string, err error) {
	for _, entry := range extensions {
		words := strings.FieldsFunc(strings.ToUpper(entry), func(r rune) bool { return r == ' ' || r == '|' || r == ',' })
		if len(words) == 0 || words[0] != "AUTH" {
			continue
		}
		for _, name := range words[1:] {
			known := slices.ContainsFunc(auth.Mechanisms(), func(m auth.Mechanism) bool { return m.Name == name })
			if !known {
				return nil, fmt.Errorf("smtp_extensions: mtad does not speak AUTH %s", name)
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// offered is what EHLO announces behind AUTH; "" is nothing.
func (l authMethods) offered(clear bool) string {
	var names []string
	for i := range l {
		if clear || !l[i].Clear {
			names = append(names, l[i].Name)
		}
	}
	return strings.Join(names, " ")
}

func (l authMethods) find(name string) *authMethod {
	for i := range l {
		if strings.EqualFold(l[i].Name, name) {
			return &l[i]
		}
	}
	return nil
}

// AuthTargets are the places where a profile looks credentials up.
func (p *Profile) AuthTargets() []auth.Target {
	var out []auth.Target
	for i := range p.auth {
		out = append(out, p.auth[i].target)
	}
	return out
}

// OffersAuthInClear reports that some mechanism is offered without TLS.
func (p *Profile) OffersAuthInClear() bool { return p.auth.offered(p.AuthWithoutTLS) != "" }

// AuthForAnybody reports that whoever says AUTH may relay.
func (p *Profile) AuthForAnybody() bool {
	return p.AlwaysAllow && !p.AlwaysDeny && len(p.auth) > 0
}
