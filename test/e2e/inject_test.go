package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// clientCertificate makes one that is its own authority.
func clientCertificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// injected is what mtad answered.
type injected struct {
	status   int
	Messages []struct{ ID, Recipient string }
	Rejected []struct{ Recipient string }
	Error    struct {
		Code              int
		Enhanced, Message string
	}
}

// inject posts to /api/v1/inject.
func inject(t *testing.T, c *http.Client, url, token, kind, content string) injected {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := injected{status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatalf("%d: %v", resp.StatusCode, err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return out
}

// httpListeners has one that takes a token and one that takes certificates.
func httpListeners(plain, secure int) string {
	return fmt.Sprintf(`http_listener {
  listen "127.0.0.1:%d" {
    bearer_token_file = "@DIR@/tokens"
  }
  listen "127.0.0.1:%d" {
    use_ssl                         = true
    tls_certificate                 = "@DIR@/cert.pem"
    tls_client_ca                   = "@DIR@/clients.pem"
    tls_verified_peer_is_authorized = true
  }
}
http_logger "http" {
  log = "file://@DIR@/httplog.ec"
}
`, plain, secure)
}

func generating() mtatest.Script {
	return script("generated", `
function mod:msg_gen_data_spool(msg)
  local user = msg:context_get(msys.core.ECMESS_CTX_CONN, "auth_user") or "nobody";
  print("generated for " .. msg:rcptto() .. " by " .. tostring(user));
  if msg:rcptto() == "no@example.com" then msg:discard("550 5.7.1 not this one"); end
  if msg:rcptto() == "boom@example.com" then error("boom"); end
  msg:header("X-Generated", "yes");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool(msg, ac, vctx)
  print("not for HTTP");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg)
  print("binding of " .. msg:rcptto());
  return msys.core.VALIDATE_CONT;
end
`)
}

// TestInjectionOverHTTP: who may, what policy says, and that 200 means that the
// mail is there after kill -9.
func TestInjectionOverHTTP(t *testing.T) {
	t.Parallel()
	robot, clients := clientCertificate(t, "robot")
	plain, secure := mtatest.FreePort(t), mtatest.FreePort(t)
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{generating()}, Global: httpListeners(plain, secure),
		Files: map[string]string{"cert.pem": mtatest.Certificate(t), "clients.pem": clients, "tokens": "crm:token-of-the-crm-1\n"},
	})
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{robot}}}
	client := &http.Client{Transport: transport}
	url, secureURL := fmt.Sprintf("http://127.0.0.1:%d/api/v1/inject", plain), fmt.Sprintf("https://127.0.0.1:%d/api/v1/inject", secure)
	const raw, token = "Subject: t\n\nhello\n", "token-of-the-crm-1"

	for _, wrong := range []string{"", "token-of-the-crm-2"} {
		if got := inject(t, client, url+"?from=me@example.org&to=a@example.com", wrong, "message/rfc822", raw); got.status != 401 {
			t.Errorf("token %q: %+v", wrong, got)
		}
	}
	got := inject(t, client, url+"?from=me@example.org&to=no@example.com", token, "message/rfc822", raw)
	if got.status != 422 || got.Error.Code != 550 || got.Error.Enhanced != "5.7.1" || got.Error.Message != "not this one" {
		t.Errorf("%+v", got)
	}
	got = inject(t, client, url+"?from=me@example.org&to=boom@example.com", token, "message/rfc822", raw)
	if got.status != 503 || got.Error.Code != 451 || strings.Contains(got.Error.Message, "boom") {
		t.Errorf("%+v", got)
	}
	if got = inject(t, client, secureURL+"?from=me@example.org&to=cert@example.com", "", "message/rfc822", raw); got.status != 200 {
		t.Errorf("%+v", got)
	}
	sink.Wait(t, "cert@example.com")

	sink.Down()
	got = inject(t, client, url, token, "application/json", `{"from": "Me <me@example.org>", "subject": "Grüße", "text": "hello",
		"recipients": ["a@example.com", "b@example.com", "no@example.com"]}`)
	s.Kill9()
	if got.status != 200 || len(got.Messages) != 2 || len(got.Rejected) != 1 || got.Rejected[0].Recipient != "no@example.com" {
		t.Fatalf("%+v", got)
	}
	sink.Up(t)
	s.Launch()
	for i, to := range []string{"a@example.com", "b@example.com"} {
		m := sink.Wait(t, to)
		if m.From != "me@example.org" || m.Header("X-Generated") != "yes" || !strings.Contains(m.Header("Received"), "from [127.0.0.1]") || m.Header("Message-ID") == "" {
			t.Errorf("%s got\n%s", to, m.Data)
		}
		id := got.Messages[i].ID
		if !mainlogHas(s, id, "@R@"+to+"@me@example.org@unknown@", "@rest@default@default") {
			t.Errorf("no record of %s in\n%s", id, s.Log("mainlog.ec"))
		}
	}
	if err := subsequence(s.Printed(), []string{"generated for no@example.com by crm", "generated for cert@example.com by robot", "binding of cert@example.com", "generated for a@example.com by crm", "binding of a@example.com"}); err != nil {
		t.Error(err)
	}
	if strings.Contains(s.Log("paniclog.ec"), "not for HTTP") {
		t.Error("validate_data_spool ran")
	}
	s.Logged("httplog.ec", `"POST api/v1/inject HTTP/1.1" 401 `)
	reloadHTTP(t, s, client, url, secureURL, plain)
}

// mainlogHas looks for a line of a message with all of these in it.
func mainlogHas(s *mtatest.Server, id string, parts ...string) bool {
	for line := range strings.Lines(s.Log("mainlog.ec")) {
		found := strings.Contains(line, "@"+id+"@")
		for _, p := range parts {
			found = found && strings.Contains(line, p)
		}
		if found {
			return true
		}
	}
	return false
}

// reloadHTTP: a configuration that would be open to everybody changes nothing; a
// good one changes tokens and takes a listener away.
func reloadHTTP(t *testing.T, s *mtatest.Server, client *http.Client, url, secureURL string, plain int) {
	t.Helper()
	probe := func(token string) int {
		return inject(t, client, url+"?from=me@example.org&to=later@example.com", token, "message/rfc822", "Subject: t\n\n").status
	}
	s.Configure(func(c *mtatest.Config) {
		c.Global = "http_listener {\n listen \"0.0.0.0:1\" {\n always_allow = true\n }\n}\n"
	})
	out, exit := s.Console("config", "reload")
	if exit == 0 || !strings.Contains(out, "whoever connects") || probe("token-of-the-crm-1") != 200 {
		t.Errorf("exit %d\n%s", exit, out)
	}
	s.Configure(func(c *mtatest.Config) {
		c.Global = fmt.Sprintf("http_listener {\n listen \"127.0.0.1:%d\" {\n bearer_tokens = [\"new:token-of-the-new-1\"]\n }\n}\n", plain)
	})
	if out, exit = s.Console("config", "reload"); exit != 0 {
		t.Fatal(out)
	}
	if was, is := probe("token-of-the-crm-1"), probe("token-of-the-new-1"); was != 401 || is != 200 {
		t.Errorf("old token %d, new token %d", was, is)
	}
	if resp, err := client.Post(secureURL, "message/rfc822", nil); err == nil {
		resp.Body.Close()
		t.Error("the listener that was taken away answers")
	}
}
