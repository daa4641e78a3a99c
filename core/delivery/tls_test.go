package delivery_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
)

// certificate makes a self-signed certificate for a name, and its PEM.
func certificate(t *testing.T, name string) (tls.Certificate, []byte, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair, certPEM, keyPEM
}

const (
	offer   = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250-SIZE 1000000\nS: 250 STARTTLS\nC: STARTTLS\n"
	begin   = offer + "S: 220 go\ntls\n"
	inTLS   = "C: EHLO me.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250 SIZE\n" + whole + quit
	without = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-PIPELINING\nS: 250-SIZE 1000000\nS: 250 STARTTLS\n" + whole + quit
)

func TestTLS(t *testing.T) {
	good, goodPEM, goodKey := certificate(t, "mx.example.com")
	wrong, wrongPEM, _ := certificate(t, "mx.example.net")
	files := map[string][]byte{"good.pem": goodPEM, "wrong.pem": wrongPEM, "good.key": goodKey, "empty.pem": nil}
	option := func(mode, verify, ca string) func(*delivery.Options) {
		return func(o *delivery.Options) { o.TLS, o.TLSVerify, o.TLSCA = mode, verify, ca }
	}
	const ok = "D 9 250 2.0.0 queued"
	for _, tc := range []struct {
		what    string
		change  func(*delivery.Options)
		cert    tls.Certificate
		scripts []string
		want    string
	}{
		{"no", option("no", "no", ""), good, []string{without}, ok},
		{"ifavailable", option("ifavailable", "no", ""), good, []string{begin + inTLS}, ok},
		{"ifavailable, not offered", option("ifavailable", "no", ""), good, []string{greeting + whole + quit}, ok},
		{"ifavailable, refused", option("ifavailable", "no", ""), good, []string{offer + "S: 454 no TLS today\n" + whole + quit}, ok},
		{"ifavailable, fails, again in clear", option("ifavailable", "host", "good.pem"), wrong, []string{begin, without}, ok},
		{"ifavailable, fails, no fallback", func(o *delivery.Options) {
			option("ifavailable", "ca", "good.pem")(o)
			o.TLSFallback = false
		}, wrong, []string{begin}, "T 17 451 4.7.5 [internal] SSL cert must be signed by a valid CA"},
		{"ifavailable, refused, no fallback", func(o *delivery.Options) {
			o.TLS, o.TLSFallback = "ifavailable", false
		}, good, []string{offer + "S: 454 no TLS today\n" + quit}, "T 16 451 4.7.5 [internal] no tls go-ahead"},
		{"required", option("required", "no", ""), good, []string{begin + inTLS}, ok},
		{"required, not offered", option("required", "no", ""), good, []string{greeting + quit}, "T 11 451 4.7.6 [internal] STARTTLS required but not advertised"},
		{"required, refused", option("required", "no", ""), good, []string{offer + "S: 454 no TLS today\n" + quit}, "T 16 451 4.7.5 [internal] no tls go-ahead"},
		{"required, host checked", option("required", "host", "good.pem"), good, []string{begin + inTLS}, ok},
		{"required, another host", option("required", "host", "wrong.pem"), wrong, []string{begin}, "T 17 451 4.7.5 [internal] SSL cert common name does not match host"},
		{"required, CA is enough", option("required", "ca", "wrong.pem"), wrong, []string{begin + inTLS}, ok},
		{"required, optional check", option("required", "optional", "good.pem"), wrong, []string{begin + inTLS}, ok},
		{"required, peer hangs up", option("required", "no", ""), good, []string{offer + "S: 220 go\nclose"}, "T 17 451 4.7.5 [internal] TLS negotiation failed"},
		{"injection behind the go-ahead", option("required", "no", ""), good, []string{offer + "S: 220 go // 250 injected\nhang"}, "T 17 451 4.7.5 [internal] TLS negotiation failed"},
		{"tls_ca is missing", option("required", "ca", "none.pem"), good, []string{"S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\n" + quit}, "T 11 451 4.7.5 [internal] TLS negotiation failed"},
		{"tls_ca is empty", option("required", "ca", "empty.pem"), good, []string{"S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\n" + quit}, "T 11 451 4.7.5 [internal] TLS negotiation failed"},
		{"client certificate", func(o *delivery.Options) {
			o.TLS, o.TLSCert, o.TLSKey = "required", "good.pem", "good.key"
		}, good, []string{begin + inTLS}, ok},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.tls = &tls.Config{Certificates: []tls.Certificate{tc.cert}}
			if w.opt.TLSCert = ""; tc.what == "client certificate" {
				w.tls.ClientAuth = tls.RequireAnyClientCert
			}
			w.courier.ReadFile = func(name string) ([]byte, error) {
				if text, ok := files[name]; ok {
					return text, nil
				}
				return nil, fs.ErrNotExist
			}
			tc.change(w.opt)
			w.at("192.0.2.1", tc.scripts...)
			w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+tc.want)
		})
	}
}
