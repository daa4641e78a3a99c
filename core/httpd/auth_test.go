package httpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func authorization(value string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		if value != "" {
			r.Header.Set("Authorization", value)
		}
	}
}

const onWay = "?from=s@y.test&to=a@x.test"

func TestTokens(t *testing.T) {
	sum := sha256.Sum256([]byte("hashed-token-0001"))
	file := filepath.Join(t.TempDir(), "tokens")
	text := "# ours\n\nfile:token-of-the-file\nhashed:sha256:" + hex.EncodeToString(sum[:]) + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := start(t, Options{Tokens: []string{"crm:" + goodToken}, TokenFile: file}, nil)
	for value, want := range map[string]struct {
		status int
		user   string
	}{
		"":                                   {401, ""},
		"Bearer":                             {401, ""},
		"Bearer 0123456789abcdeX":            {401, ""},
		"Bearer 0123456789abcdef0":           {401, ""},
		"bearer " + goodToken:                {200, "crm"},
		"Bearer token-of-the-file":           {200, "file"},
		"Bearer hashed-token-0001":           {200, "hashed"},
		"Bearer " + text[5:]:                 {401, ""},
		"Basic Y3JtOjAxMjM0NTY3ODlhYmNkZWY=": {401, ""},
	} {
		if strings.Contains(value, "\n") {
			continue
		}
		a := w.send(rawType, onWay, simple, authorization(value))
		a.wants(t, want.status, "")
		w.mu.Lock()
		if got := w.requests[len(w.requests)-1]; got.User != want.user || got.Status != want.status {
			t.Errorf("%q: %q, %d", value, got.User, got.Status)
		}
		w.mu.Unlock()
		if (a.header.Get("WWW-Authenticate") == "") != (want.status == 200) {
			t.Errorf("%q: %v", value, a.header)
		}
	}
	w.use(Options{Tokens: []string{"new:token-behind-a-reload"}})
	w.send(rawType, onWay, simple).wants(t, 401, "")
	w.send(rawType, onWay, simple, authorization("Bearer token-behind-a-reload")).wants(t, 200, "")
	w.use(Options{AlwaysDeny: true})
	w.send(rawType, onWay, simple).wants(t, 401, "")
}

func TestPasswords(t *testing.T) {
	w := start(t, Options{Plain: map[string]string{"uri": "file:///x", "log_authentication": "true"}}, nil)
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	w.send(rawType, onWay, simple, basic("anna", "geheim")).wants(t, 200, "")
	a := w.send(rawType, onWay, simple, basic("anna", "falsch"))
	a.wants(t, 401, "")
	if got := a.header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[0], "Basic ") {
		t.Errorf("%q", got)
	}
	if len(w.accounts) != 2 || !w.accounts[0].OK || w.accounts[1].OK || w.accounts[1].User != "anna" || w.accounts[1].Peer == "" {
		t.Errorf("%+v", w.accounts)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Tokens: []string{"crm"}}, "name:token"},
		{Options{Tokens: []string{"crm:short"}}, "16 characters"},
		{Options{Tokens: []string{"crm:sha256:12"}}, "64 hexadecimal"},
		{Options{TokenFile: "/nowhere/tokens"}, "bearer_token_file"},
		{Options{Plain: map[string]string{}}, "uri"},
		{Options{UseSSL: true}, "tls_certificate"},
	} {
		_, err := NewProfile(c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "short") {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}

// No listener takes mail from whoever connects, unless it is local and says so.
func TestNeverOpenByDefault(t *testing.T) {
	tokens := []string{"crm:" + goodToken}
	for _, c := range []struct {
		o      Options
		listen string
		want   string // "": fine
	}{
		{Options{AuthRequired: true}, "127.0.0.1:80", "nobody could"},
		{Options{AuthRequired: true, Tokens: tokens}, "0.0.0.0:80", ""},
		{Options{AuthRequired: true, AlwaysAllow: true}, "127.0.0.1:80", ""},
		{Options{AuthRequired: true, AlwaysAllow: true}, "[::1]:80", ""},
		{Options{AuthRequired: true, AlwaysAllow: true}, "/run/inject", ""},
		{Options{}, "127.0.0.1:80", ""},
		{Options{AuthRequired: true, AlwaysAllow: true, Tokens: tokens}, ":80", "whoever"},
		{Options{AuthRequired: true, AlwaysAllow: true}, "*:80", "whoever"},
		{Options{AuthRequired: true, AlwaysAllow: true}, "192.0.2.1:80", "whoever"},
		{Options{}, "mail.test:80", "whoever"},
		{Options{AuthRequired: true, AlwaysDeny: true, AlwaysAllow: true}, ":80", ""},
		{Options{AuthRequired: true, PeerAuthorized: true}, ":80", "nobody could"},
	} {
		p, err := NewProfile(c.o)
		if err != nil {
			t.Fatal(err)
		}
		err = p.CheckAt(c.listen)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v at %s: %v", c.o, c.listen, err)
		}
	}
	w := start(t, Options{AlwaysAllow: true}, nil)
	w.send(rawType, onWay, simple, authorization("")).wants(t, 200, "")
	if _, ok := w.queued[0].ConnContext.Get("auth_user"); ok {
		t.Error("there is a user")
	}
}

// issue makes a certificate, signed by ca where that is given, and its files.
func issue(t *testing.T, name string, ca *tls.Certificate) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IsCA: ca == nil,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	parent, signer := c, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return pair, path
}

// A client certificate is enough where it was verified, over HTTP/2 as well.
func TestClientCertificate(t *testing.T) {
	ca, caFile := issue(t, "ca", nil)
	_, serverFile := issue(t, "server", &ca)
	client, _ := issue(t, "robot", &ca)
	stranger, _ := issue(t, "stranger", nil)
	w := start(t, Options{UseSSL: true, TLSCert: serverFile, TLSClientCA: caFile, PeerAuthorized: true}, nil)
	use := func(list ...tls.Certificate) {
		transport := w.client.Transport.(*http.Transport)
		transport.CloseIdleConnections()
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &list[0], nil // whatever the server would take
		}
	}
	w.send(rawType, onWay, simple, authorization("")).wants(t, 401, "")
	use(client)
	a := w.send(rawType, onWay, simple, authorization(""))
	a.wants(t, 200, "")
	if a.proto != "HTTP/2.0" {
		t.Errorf("over %s", a.proto)
	}
	ctx := w.queued[0].ConnContext
	for name, want := range map[string]string{"auth_user": "robot", "auth_name": byCertificate, "tls": "on", "tls_client_verified": "yes", "tls_client_cert_subject_cn": "robot"} {
		if got, _ := ctx.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	use(stranger)
	// The handshake's end, or the first request, tells the client.
	if resp, err := w.client.Post("https://"+w.listener.Addr().String()+injectPath+onWay, rawType, strings.NewReader(simple)); err == nil {
		resp.Body.Close()
		t.Errorf("a stranger got %d", resp.StatusCode)
	}
	if len(w.problems) != 0 {
		t.Errorf("%q", w.problems)
	}
}
