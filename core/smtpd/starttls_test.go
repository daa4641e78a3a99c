package smtpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed one, good for server and client, and gives
// the name of a file with it and its key.
func certificate(t *testing.T) (string, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mta.test", Organization: []string{"Test"}}, DNSNames: []string{"mta.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})...)
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		t.Fatal(err)
	}
	return file, cert
}

// secure does the client's handshake.
func (p *peer) secure(certs ...tls.Certificate) *peer {
	p.t.Helper()
	c := tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true, Certificates: certs})
	if err := c.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	return newPeer(p.t, c)
}

func TestSTARTTLS(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.talk(`
		S: ^220
		C: STARTTLS now
		S: ^501
		C: EHLO client.test
		S: STARTTLS
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: STARTTLS
		S: ^220 2\.0\.0`)
	s := p.secure()
	s.talk("C: RCPT TO:<b@relay.test>\nS: ^503\nC: STARTTLS\nS: ^503")
	if got := func() string { s.send("EHLO client.test\r\n"); return s.reply() }(); strings.Contains(got, "STARTTLS") {
		t.Errorf("STARTTLS is announced under TLS: %q", got)
	}
	s.talk(oneMessage + "C: QUIT\nS: ^221\nEOF")
	m := r.only()
	if !strings.Contains(m.env.Received, " with ESMTPS ") {
		t.Errorf("Received: %s", m.env.Received)
	}
	for key, want := range map[string]string{"tls": "on", "tls_cipher_algbits": "128", "tls_cipher_usebits": "128", "tls_cipher": "TLS_AES_128_GCM_SHA256", "ehlo_domain": "client.test"} {
		if v, _ := m.conn.Get(key); v != want {
			t.Errorf("%s is %q", key, v)
		}
	}
}

func TestSTARTTLSForgetsEHLO(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	o.RequireEHLO = true
	r := start(t, o, nil)
	p := r.dial()
	p.talk("S: ^220\nC: EHLO client.test\nS: ^250\nC: STARTTLS\nS: ^220")
	p.secure().talk("C: MAIL FROM:<a@x.test>\nS: ^501")
}

func TestSTARTTLSInjection(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello)
	p.send("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n")
	p.talk("S: ^554 5\\.5\\.1\nEOF")

	o.Injection = "ignore"
	profile, err := NewProfile(o)
	if err != nil {
		t.Fatal(err)
	}
	r.profile.Store(profile)
	p = r.dial()
	p.talk(hello)
	p.send("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n")
	p.expect("^220")
	p.secure().talk("C: RCPT TO:<b@relay.test>\nS: ^503")
}

func TestHandshakeFailureEndsInSilence(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello + "C: STARTTLS\nS: ^220")
	p.send("NOOP\r\n")
	for buf := make([]byte, 100); ; {
		n, err := p.Read(buf)
		if strings.Contains(string(buf[:n]), "454") {
			t.Fatal("an answer in the clear")
		}
		if err != nil {
			break
		}
	}
	r.settled(0)
	if recs := r.log.all(); len(recs) != 1 || recs[0].Reply.Code != 454 || recs[0].Reply.Cause == nil {
		t.Errorf("rejectlog %+v", recs)
	}
}

func TestImplicitTLSAndClientCertificate(t *testing.T) {
	o := options()
	file, cert := certificate(t)
	o.TLSCert, o.TLSClientCA, o.TLSVerifyMode = file, file, "require"
	o.UseSSL, o.TLSPeerCanRelay = true, true
	r := start(t, o, nil)
	r.dial().secure(cert).talk(`
		S: ^220
		C: EHLO client.test
		S: ^250
		C: STARTTLS
		S: ^503
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: RCPT TO:<b@other.test>
		S: ^250
		C: DATA
		S: ^354
		C: .
		S: ^250`)
	m := r.only()
	for key, want := range map[string]string{"tls_client_verified": "yes", "tls_client_cert_subject_cn": "mta.test", "tls_client_cert_issuer": "CN=mta.test,O=Test", varCanRelay: "true"} {
		if v, _ := m.conn.Get(key); v != want {
			t.Errorf("%s is %q", key, v)
		}
	}
	if !m.env.MayRelay {
		t.Error("a verified peer may not relay")
	}
}

func TestKickAndIdleUnderTLS(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello + "C: STARTTLS\nS: ^220")
	s := p.secure()
	s.talk("C: EHLO x\nS: ^250")
	r.srv.Kick(func(Info) bool { return true }, replyShutdown)
	s.talk("S: ^421 4\\.3\\.2\nEOF")
}

func TestTLSOptions(t *testing.T) {
	for text, want := range map[string][2]uint16{
		"":                     {tls.VersionTLS12, tls.VersionTLS13},
		"+ALL":                 {tls.VersionTLS12, tls.VersionTLS13},
		"+ALL:-SSLv3":          {tls.VersionTLS12, tls.VersionTLS13},
		"+ALL:-TLSv1.2":        {tls.VersionTLS13, tls.VersionTLS13},
		"+ALL:+TLSv1.1:+TLSv1": {tls.VersionTLS10, tls.VersionTLS13},
		"-ALL:+TLSv1.2":        {tls.VersionTLS12, tls.VersionTLS12},
	} {
		if low, high, err := tlsVersions(text); err != nil || low != want[0] || high != want[1] {
			t.Errorf("%q: %x %x %v", text, low, high, err)
		}
	}
	for _, bad := range []string{"-ALL", "+ALL:+TLSv1", "+SSLv3", "TLSv9"} {
		if low, high, err := tlsVersions(bad); err == nil {
			t.Errorf("%q: %x %x", bad, low, high)
		}
	}
	ids, err := tlsSuites("ECDHE-RSA-AES128-GCM-SHA256:ecdhe-rsa-chacha20-poly1305:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
	if err != nil || len(ids) != 3 || ids[0] != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 || ids[1] != tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 {
		t.Errorf("%x %v", ids, err)
	}
	if _, err := tlsSuites("RC4-SHA"); err == nil {
		t.Error("RC4 is taken")
	}
	if got := opensslName("TLS_RSA_WITH_AES_128_CBC_SHA"); got != "AES128-SHA" {
		t.Errorf("%s", got)
	}
}

func TestProfileErrors(t *testing.T) {
	for name, adjust := range map[string]func(*Options){
		"static_banner":              func(o *Options) { o.StaticBanner = "Hi" },
		"relay_domains":              func(o *Options) { o.RelayDomains = []string{"a.*"} },
		"use_ssl":                    func(o *Options) { o.UseSSL = true },
		"tls_certificate":            func(o *Options) { o.TLSCert = "/nonexistent" },
		"rfc2822_lone_lf_in_body":    func(o *Options) { o.LoneLFInBody = "maybe" },
		"rfc2822_lone_lf_in_headers": func(o *Options) { o.LoneLFInHeaders = "ignore" },
	} {
		o := options()
		adjust(&o)
		if _, err := NewProfile(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
