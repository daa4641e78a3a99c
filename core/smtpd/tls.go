package smtpd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// newTLS makes the server's TLS configuration; nil where no certificate is set.
func newTLS(o *Options) (*tls.Config, error) {
	if o.TLSCert == "" || strings.EqualFold(o.TLSCert, "none") {
		return nil, nil
	}
	key := o.TLSKey
	if key == "" {
		key = o.TLSCert
	}
	cert, err := tls.LoadX509KeyPair(o.TLSCert, key)
	if err != nil {
		return nil, fmt.Errorf("tls_certificate: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, Renegotiation: tls.RenegotiateNever}
	var errs [3]error
	c.MinVersion, c.MaxVersion, errs[0] = tlsVersions(o.TLSProtocols)
	c.CipherSuites, errs[1] = tlsSuites(o.TLSCiphers)
	errs[2] = clientAuth(c, o)
	return c, errors.Join(errs[:]...)
}

// clientAuth says what client certificates are asked for. One that is offered
// and does not verify ends the handshake; it never passes for a verified one.
func clientAuth(c *tls.Config, o *Options) error {
	if o.TLSVerifyMode == "none" || o.TLSVerifyMode == "" && o.TLSClientCA == "" {
		return nil
	}
	if o.TLSClientCA == "" {
		return errors.New("tls_verify_mode = require needs tls_client_ca")
	}
	pem, err := os.ReadFile(o.TLSClientCA)
	if err != nil {
		return fmt.Errorf("tls_client_ca: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("tls_client_ca: no certificate in %s", o.TLSClientCA)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if o.TLSVerifyMode == "require" {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return nil
}

// protocols are the versions that tls_protocols may name, oldest first.
var protocols = []struct {
	name    string
	version uint16
}{
	{"TLSV1", tls.VersionTLS10},
	{"TLSV1.1", tls.VersionTLS11},
	{"TLSV1.2", tls.VersionTLS12},
	{"TLSV1.3", tls.VersionTLS13},
}

// firstSafe is the first row of protocols that ALL means (RFC 8996).
const firstSafe = 2

// tlsVersions reads "+ALL:-TLSv1.2". What it leaves must be one range.
func tlsVersions(text string) (lowest, highest uint16, err error) {
	on := make([]bool, len(protocols))
	for word := range strings.SplitSeq(strings.ToUpper(text), ":") {
		name, off := strings.CutPrefix(strings.TrimSpace(word), "-")
		name = strings.TrimPrefix(name, "+")
		known := name == "ALL" || name == "" || off && strings.HasPrefix(name, "SSLV")
		for i, p := range protocols {
			if p.name == name || name == "ALL" && (off || i >= firstSafe) {
				known, on[i] = true, !off
			}
		}
		if !known {
			return 0, 0, fmt.Errorf("tls_protocols: unknown protocol %q", word)
		}
	}
	first, last := slices.Index(on, true), len(on)-1
	if first < 0 {
		if strings.TrimSpace(text) == "" {
			return tls.VersionTLS12, tls.VersionTLS13, nil
		}
		return 0, 0, fmt.Errorf("tls_protocols: %q leaves none", text)
	}
	for !on[last] {
		last--
	}
	if slices.Contains(on[first:last], false) {
		return 0, 0, fmt.Errorf("tls_protocols: %q leaves a gap", text)
	}
	return protocols[first].version, protocols[last].version, nil
}

// tlsSuites reads a list of suites; nil is Go's own choice. The suites of
// TLS 1.3 cannot be chosen.
func tlsSuites(text string) ([]uint16, error) {
	switch strings.ToUpper(text) {
	case "", "DEFAULT", "NORMAL", "HIGH":
		return nil, nil
	}
	var out []uint16
	for word := range strings.SplitSeq(text, ":") {
		id, ok := suiteByName(word)
		if !ok {
			return nil, fmt.Errorf("tls_ciphers: unknown or unsafe cipher suite %q", word)
		}
		out = append(out, id)
	}
	return out, nil
}

func suiteByName(name string) (uint16, bool) {
	for _, s := range tls.CipherSuites() {
		if strings.EqualFold(s.Name, name) || strings.EqualFold(opensslName(s.Name), name) {
			return s.ID, true
		}
	}
	return 0, false
}

// opensslName is a suite's name as scripts and configurations know it:
// "ECDHE-RSA-AES128-GCM-SHA256". The suites of TLS 1.3 have one name only.
func opensslName(name string) string {
	kx, bulk, ok := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !ok {
		return name
	}
	bulk = strings.ReplaceAll(bulk, "AES_", "AES")
	bulk = strings.ReplaceAll(bulk, "_CBC_", "_")
	if strings.HasSuffix(bulk, "_POLY1305_SHA256") {
		bulk = strings.TrimSuffix(bulk, "_SHA256")
	}
	if kx != "RSA" {
		bulk = kx + "-" + bulk
	}
	return strings.ReplaceAll(bulk, "_", "-")
}

// suiteBits is the strength of a suite's cipher.
func suiteBits(name string) string {
	switch {
	case strings.Contains(name, "AES_256"), strings.Contains(name, "CHACHA20"):
		return "256"
	case strings.Contains(name, "3DES"):
		return "168"
	}
	return "128"
}
