package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
)

func TestShownNames(t *testing.T) {
	name := func(cn string) pkix.Name { return pkix.Name{CommonName: cn} }
	for _, tc := range []struct {
		cert            x509.Certificate
		issuer, subject string
	}{
		{x509.Certificate{Issuer: name("ca.test"), Subject: name("mx.test"), DNSNames: []string{"other.test"}}, "ca.test", "mx.test"},
		{x509.Certificate{Issuer: pkix.Name{Organization: []string{"CA"}}, DNSNames: []string{"a.test", "b.test"}}, "O=CA", "a.test"},
		{x509.Certificate{Issuer: name("a\r\nb\x00"), Subject: pkix.Name{Country: []string{"CH"}}}, "a  b ", "C=CH"},
		{x509.Certificate{Issuer: name(strings.Repeat("ü", 200)), Subject: name("x")}, strings.Repeat("ü", 128), "x"},
	} {
		got := shown(tls.ConnectionState{PeerCertificates: []*x509.Certificate{&tc.cert}}, true)
		if got.Issuer != tc.issuer || got.Subject != tc.subject || !got.Certificate || !got.Verified {
			t.Errorf("%+v, want %q and %q", got, tc.issuer, tc.subject)
		}
	}
	if got := shown(tls.ConnectionState{}, true); got.Certificate || got.Verified {
		t.Errorf("without a certificate: %+v", got)
	}
}

func TestCipherBits(t *testing.T) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		alg, use := cipherBits(s.Name)
		want := map[bool]int{true: 256, false: 128}[strings.Contains(s.Name, "256_") && !strings.Contains(s.Name, "SHA256_") || strings.Contains(s.Name, "CHACHA20")]
		if strings.Contains(s.Name, "3DES") {
			if alg != 168 || use != 112 {
				t.Errorf("%s: %d %d", s.Name, alg, use)
			}
		} else if alg != want || use != want {
			t.Errorf("%s: %d %d, want %d", s.Name, alg, use, want)
		}
	}
}
