package api

import (
	"strconv"

	"github.com/mtad/mtad/sdk"
)

// attempt is the delivery attempt that a log callout tells of, nil elsewhere.
func (m *macros) attempt() *sdk.Attempt {
	if m.f == nil {
		return nil
	}
	return m.f.Phase.Attempt
}

// outboundTLS is a macro of tls_macros: the TLS session of a delivery attempt.
// It is empty outside of the log callouts that tell of one.
func (m *macros) outboundTLS(name string) string {
	a := m.attempt()
	if a == nil {
		return ""
	}
	for _, t := range tlsTable() {
		if t.name == name {
			return t.value(a)
		}
	}
	return ""
}

// tlsMacro is a macro of tls_macros.
type tlsMacro struct {
	name, doc string
	value     func(a *sdk.Attempt) string
}

// tlsTable are the macros of tls_macros (reference/lua-api.tsv).
func tlsTable() []tlsMacro {
	return []tlsMacro{
		{"outbound_tls", "TLS or, without it, SMTP; unknown where no connection was made.", func(a *sdk.Attempt) string { return a.TLS.Use.String() }},
		{"outbound_tls_type", "The tls option (ifavailable, required) of a connection with TLS; no without it.", func(a *sdk.Attempt) string {
			if a.TLS.Use != sdk.TLSUsed {
				return "no"
			}
			return a.TLS.Option
		}},
		{"local_ip", "The address that the message was sent to, whatever the name says.", func(a *sdk.Attempt) string {
			if !a.Remote.IsValid() {
				return ""
			}
			return a.Remote.Unmap().String()
		}},
		{"outbound_tls_cipher", "The cipher suite, such as ECDHE_RSA_AES_128_GCM_SHA256.", func(a *sdk.Attempt) string { return a.TLS.Cipher }},
		{"outbound_tls_cipher_algbits", "The bits that the cipher works with.", func(a *sdk.Attempt) string { return numberText(a.TLS.AlgBits) }},
		{"outbound_tls_cipher_usebits", "The bits of the cipher's strength.", func(a *sdk.Attempt) string { return numberText(a.TLS.UseBits) }},
		{"outbound_tls_protocol", "The version of the protocol, such as TLSv1.3.", func(a *sdk.Attempt) string { return a.TLS.Protocol }},
		{"outbound_tls_verified", "verified where tls_verify had the certificate checked and its authority and name are right, else unverified; empty without a certificate.", tlsVerified},
		{"outbound_tls_issuer", "The common name of the certificate's issuer.", func(a *sdk.Attempt) string { return a.TLS.Issuer }},
		{"outbound_tls_subject", "The common name of the certificate's subject, else its first DNS name.", func(a *sdk.Attempt) string { return a.TLS.Subject }},
	}
}

func tlsMacros() []Macro {
	var list []Macro
	for _, t := range tlsTable() {
		list = append(list, Macro{Name: "%{outbound_tls:" + t.name + "}", Doc: t.doc})
	}
	return list
}

func tlsVerified(a *sdk.Attempt) string {
	switch {
	case !a.TLS.Certificate:
		return ""
	case a.TLS.Verified:
		return "verified"
	}
	return "unverified"
}

// numberText is a number as text; "" for none.
func numberText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// stage is %s, the description of the stage of a delivery attempt, or %S, its
// number. A log callout that tells of no attempt has no description and the number of
// the unknown stage, as the sample of a rejection in the manual.
func (m *macros) stage(name string) string {
	a := m.attempt()
	switch {
	case a != nil && name == "s":
		return a.Stage.String()
	case a != nil:
		return strconv.Itoa(int(a.Stage))
	case name == "S" && m.f != nil && isLogHook(m.f.Phase.Hook):
		return strconv.Itoa(int(sdk.StageUnknown))
	}
	return ""
}

// remoteHost is %H: the next hop's address in a log callout that tells of an
// attempt, as the mainlog has it, else the client's.
func (m *macros) remoteHost() string {
	a := m.attempt()
	switch {
	case m.f == nil:
		return ""
	case a == nil:
		return m.spfLetter('c')
	case !a.Remote.IsValid():
		return ""
	}
	return a.Remote.Unmap().String()
}

// noMessage reports a rejection: what it tells of may have come before there was
// a message at all, and the log has the dictionaries only.
func (m *macros) noMessage() bool { return m.f.Phase.Hook == sdk.CoreLogRejection }

// nullID stands in logs where there is no message (reference/logs.md).
const nullID = "00/00-00000-00000000"

func (m *macros) orNullID(id string) string {
	if id == "" && m.noMessage() {
		return nullID
	}
	return id
}

// pathwayGroup is %PG. A session whose pathway is in no group is in the group
// default, as in the rejectlog.
func (m *macros) pathwayGroup() string {
	if group, ok := m.conn.Get("pathway_group"); ok {
		return group
	}
	if _, ok := m.conn.Get("pathway"); ok {
		return "default"
	}
	return ""
}
