package delivery

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// tlsa is one usable TLSA record (RFC 6698 §2.1): DANE-TA or DANE-EE. The PKIX
// usages 0 and 1 are not for SMTP (RFC 7672 §3.1.3).
type tlsa struct {
	anchor   bool // DANE-TA(2); else DANE-EE(3)
	selector byte // 0: the certificate, 1: its public key
	matching byte // 0: all of it, 1: SHA-256, 2: SHA-512
	data     []byte
}

// maxTLSA bounds the records of one host that are looked at.
const maxTLSA = 20

// parseTLSA reads the text form of a record; false where it cannot be used.
func parseTLSA(text string) (tlsa, bool) {
	f := strings.Fields(text)
	if len(f) != 4 {
		return tlsa{}, false
	}
	var n [3]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(f[i], 10, 8); err != nil {
			return tlsa{}, false
		}
	}
	data, err := hex.DecodeString(f[3])
	usable := err == nil && (n[0] == 2 || n[0] == 3) && n[1] <= 1 && n[2] <= 2 &&
		(n[2] != 1 || len(data) == sha256.Size) && (n[2] != 2 || len(data) == sha512.Size) && len(data) > 0
	return tlsa{anchor: n[0] == 2, selector: byte(n[1]), matching: byte(n[2]), data: data}, usable
}

// matches says that a record names a certificate (RFC 6698 §2.1.2, §2.1.3).
func (r *tlsa) matches(cert *x509.Certificate) bool {
	what := cert.Raw
	if r.selector == 1 {
		what = cert.RawSubjectPublicKeyInfo
	}
	switch r.matching {
	case 1:
		sum := sha256.Sum256(what)
		what = sum[:]
	case 2:
		sum := sha512.Sum512(what)
		what = sum[:]
	}
	return bytes.Equal(what, r.data)
}

// errDANE is a certificate that no TLSA record vouches for.
var errDANE = errors.New("no TLSA record matches the certificate")

// dane checks a peer by TLSA records. names are those that its certificate may
// have under a trust anchor: the exchanger's and the domain's (RFC 7672 §3.2.3).
type dane struct {
	records []tlsa
	texts   []string // the records, for reports
	names   []string
	now     func() time.Time
}

// check is nil where a record vouches for the peer.
func (d *dane) check(st tls.ConnectionState) error {
	if len(st.PeerCertificates) == 0 {
		return errDANE
	}
	if len(d.records) == 0 {
		return nil // none can be used: TLS all the same, with whatever certificate (RFC 7672 §2.2)
	}
	leaf := st.PeerCertificates[0]
	anchors := x509.NewCertPool()
	found := false
	for i := range d.records {
		r := &d.records[i]
		// RFC 7672 §3.1.1: names and dates of a DANE-EE certificate do not count.
		if !r.anchor {
			if r.matches(leaf) {
				return nil
			}
			continue
		}
		for _, cert := range r.anchors(st.PeerCertificates) {
			anchors.AddCert(cert)
			found = true
		}
	}
	if !found {
		return errDANE
	}
	return d.chain(st, anchors)
}

// anchors are the certificates that a DANE-TA record names: out of the peer's
// chain, or the record itself where it is a whole certificate (RFC 7672 §3.1.2).
func (r *tlsa) anchors(chain []*x509.Certificate) (out []*x509.Certificate) {
	for _, cert := range chain {
		if r.matches(cert) {
			out = append(out, cert)
		}
	}
	if r.selector == 0 && r.matching == 0 {
		if cert, err := x509.ParseCertificate(r.data); err == nil {
			out = append(out, cert)
		}
	}
	return out
}

// chain checks the path to an anchor, and the name.
func (d *dane) chain(st tls.ConnectionState, anchors *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: anchors, Intermediates: x509.NewCertPool(), CurrentTime: d.now()}
	for _, cert := range st.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := st.PeerCertificates[0].Verify(o)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return errDANE
	}
	if err != nil {
		return err
	}
	for _, name := range d.names {
		if err = st.PeerCertificates[0].VerifyHostname(name); err == nil {
			return nil
		}
	}
	return err
}
