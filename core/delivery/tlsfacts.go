package delivery

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk"
)

// peerCheck is what tls_verify asks of a peer's certificate.
type peerCheck struct {
	mode  string // tls_verify
	roots *x509.CertPool
	host  string
	dane  *dane // has the say where it is there
	soft  error // what the check found where it ends no connection
}

// peerCheck reads tls_ca where a certificate is checked at all. tls_verify =
// optional delivers whatever comes of its check, so it needs no good tls_ca.
func (c *Courier) peerCheck(o *Options, host string, g *guard) (*peerCheck, error) {
	k := &peerCheck{mode: o.TLSVerify, host: host}
	if o.TLS == "verified" {
		k.mode = "host"
	}
	if k.strict(g); k.dane != nil || k.mode == "no" {
		return k, nil
	}
	var err error
	if k.roots, err = c.trustAnchors(o); err != nil && k.mode == "optional" {
		k.mode = "no"
		return k, nil
	}
	return k, err
}

// of checks a peer: err ends the connection, verified says that the authority
// and the name of its certificate are right.
func (k *peerCheck) of(st tls.ConnectionState) (verified bool, err error) {
	if k.dane != nil {
		err = k.dane.check(st)
		return err == nil && len(k.dane.records) > 0, err
	}
	switch k.mode {
	case "ca":
		err = verify(st, k.roots, "")
		return err == nil && st.PeerCertificates[0].VerifyHostname(k.host) == nil, err
	case "host":
		err = verify(st, k.roots, k.host)
		return err == nil, err
	case "optional":
		k.soft = verify(st, k.roots, k.host)
		return k.soft == nil, nil
	}
	return false, nil
}

// inClear is the connection before TLS, and where none is spoken.
func inClear() *sdk.OutboundTLS { return &sdk.OutboundTLS{Use: sdk.TLSNone, Option: "no"} }

// shown is the certificate of a peer, whether or not the handshake goes on.
func shown(st tls.ConnectionState, verified bool) *sdk.OutboundTLS {
	facts := inClear()
	if len(st.PeerCertificates) == 0 {
		return facts
	}
	cert := st.PeerCertificates[0]
	facts.Certificate, facts.Verified = true, verified
	facts.Issuer = nameText(cmp.Or(cert.Issuer.CommonName, cert.Issuer.String()))
	facts.Subject = cert.Subject.CommonName
	if facts.Subject == "" && len(cert.DNSNames) > 0 {
		facts.Subject = cert.DNSNames[0] // RFC 9525: names stand there
	}
	facts.Subject = nameText(cmp.Or(facts.Subject, cert.Subject.String()))
	return facts
}

// secured adds what was agreed upon to what the peer showed.
func secured(facts sdk.OutboundTLS, st tls.ConnectionState, mode string) *sdk.OutboundTLS {
	facts.Use, facts.Option = sdk.TLSUsed, mode
	name := tls.CipherSuiteName(st.CipherSuite)
	if exchange, bulk, old := strings.Cut(name, "_WITH_"); old {
		facts.Cipher = strings.TrimPrefix(exchange, "TLS_") + "_" + bulk
	} else {
		facts.Cipher = name
	}
	facts.AlgBits, facts.UseBits = cipherBits(name)
	facts.Protocol = strings.ReplaceAll(tls.VersionName(st.Version), "TLS ", "TLSv")
	return &facts
}

// cipherBits are the bits that a suite's cipher works with, and those of its
// strength.
func cipherBits(suite string) (alg, use int) {
	switch {
	case strings.Contains(suite, "AES_256"), strings.Contains(suite, "CHACHA20"):
		return 256, 256
	case strings.Contains(suite, "3DES"):
		return 168, 112
	}
	return 128, 128
}

// maxName bounds a name out of a certificate, in bytes; RFC 5280 §A.1 has 64
// characters for a common name.
const maxName = 256

// nameText makes a name out of a certificate fit for a log.
func nameText(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name)
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
