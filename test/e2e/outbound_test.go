package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// certificate makes a self-signed one for 127.0.0.1, with its key, in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"mx.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}

// TestSTARTTLS: two mtads talk TLS where the sending one requires it; a next hop
// without TLS gets nothing then.
func TestSTARTTLS(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	pem := certificate(t)
	second := mtatest.Start(t, mtatest.Config{
		Next: sink, Files: map[string]string{"mx.pem": pem}, Listener: `tls_certificate = "@DIR@/mx.pem"`,
		Scripts: []mtatest.Script{script("secure", `
function mod:validate_mailfrom(str, ac, vctx)
  print("tls [" .. tostring(vctx:get(msys.core.VCTX_CONN, "tls_protocol")) .. "]");
  return msys.core.VALIDATE_CONT;
end
`)}})
	_, port, err := net.SplitHostPort(second.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	first := mtatest.Start(t, mtatest.Config{
		Relay: []string{"example.com", "clear.test"}, Files: map[string]string{"ca.pem": pem},
		Global: fmt.Sprintf(`tls = "required"
tls_verify = "ca"
tls_ca     = "@DIR@/ca.pem"
domain "example.com" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %s
}
domain "clear.test" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %d
}`, port, sink.Port)})
	submit(t, first, "a@example.org", "u@example.com")
	got := sink.Wait(t, "u@example.com")
	if !strings.Contains(got.Data, "with ESMTPS") {
		t.Errorf("no hop says ESMTPS:\n%s", got.Data)
	}
	submit(t, first, "a@example.org", "u@clear.test")
	first.Logged("mainlog.ec", "451 4.7.6 [internal] STARTTLS required but not advertised")
	if len(sink.For("u@clear.test")) > 0 {
		t.Error("mail went out in clear")
	}
}

// TestConnectionLimit: max_outbound_connections holds, whatever is queued.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: "max_outbound_connections = 2\nmax_recipients_per_batch = 1\n"})
	sink.AtRcpt("block1@example.com", mtatest.Hang)
	sink.AtRcpt("block2@example.com", mtatest.Hang)
	submit(t, s, "a@example.org", "block1@example.com", "block2@example.com")
	var rcpts []string
	for i := range 60 {
		rcpts = append(rcpts, fmt.Sprintf("u%d@example.com", i))
	}
	submit(t, s, "a@example.org", rcpts...)
	sink.Accept("block1@example.com")
	sink.Accept("block2@example.com")
	s.Eventually("all mail", func() string {
		if n := len(sink.Messages()); n < 62 {
			return fmt.Sprint(n)
		}
		return ""
	})
	if n := sink.PeakConnections(); n > 2 {
		t.Errorf("%d connections at once", n)
	}
}

// TestSpoolTool: mail in the spool can be seen while the server runs, and goes
// from one server to another by export and import.
func TestSpoolTool(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.Down()
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: "host_failure_retry = 1\nmax_retry_interval = 2\n"})
	submit(t, s, "a@example.org", "one@example.com", "two@example.com")
	spool := filepath.Join(s.Dir, "spool")
	out, errs, exit := mtatest.Run(t, "spool", "ls", "--dir", spool)
	if exit != 0 || strings.Count(out, "a@example.org") != 2 || !strings.Contains(out, "two@example.com") {
		t.Fatalf("spool ls: %d\n%s%s", exit, out, errs)
	}
	id := ""
	for _, word := range strings.Fields(out) {
		if len(word) == 20 && word[2] == '/' {
			id = word
		}
	}
	if out, errs, exit := mtatest.Run(t, "spool", "cat", "--dir", spool, id); exit != 0 || !strings.Contains(out, "Subject: test") || !strings.HasSuffix(strings.ReplaceAll(out, "\r", ""), "\n\nHello.\n") {
		t.Errorf("spool cat %s: %d\n%s%s", id, exit, out, errs)
	}
	s.Kill9()
	if out, errs, exit := mtatest.Run(t, "spool", "check", "--dir", spool); exit != 0 {
		t.Errorf("spool check after a crash: %d\n%s%s", exit, out, errs)
	}
	to := filepath.Join(s.Dir, "export")
	if out, errs, exit := mtatest.Run(t, "spool", "export", "--dir", spool, to); exit != 0 {
		t.Fatalf("spool export: %d\n%s%s", exit, out, errs)
	}
	sink.Up(t)
	other := mtatest.Prepare(t, mtatest.Config{Next: sink})
	if out, errs, exit := mtatest.Run(t, "spool", "import", "--dir", filepath.Join(other.Dir, "spool"), to); exit != 0 {
		t.Fatalf("spool import: %d\n%s%s", exit, out, errs)
	}
	other.Launch()
	if got := sink.Wait(t, "one@example.com"); !strings.HasSuffix(got.Data, "\r\n\r\nHello.\r\n") {
		t.Errorf("arrived: %q", got.Data)
	}
	sink.Wait(t, "two@example.com")
}
