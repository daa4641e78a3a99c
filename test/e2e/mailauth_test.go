package e2e

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/test/mtatest"
)

// dkimKey makes a key: its file, and what is published.
func dkimKey(t *testing.T, key crypto.Signer, err error) (file, record string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if record, err = mailauth.PublicRecord(key); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), record
}

func dkimKeys(t *testing.T) (files map[string]string, zone map[string]string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	rsaFile, rsaRecord := dkimKey(t, key, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	edFile, edRecord := dkimKey(t, ed, err)
	return map[string]string{"keys/sender.test/r1.key": rsaFile, "keys/sender.test/e1.key": edFile},
		map[string]string{"r1._domainkey.sender.test": rsaRecord, "e1._domainkey.sender.test": edRecord}
}

// records is a zone for NewDNS; long texts are cut into strings.
func records(zone map[string]string, more ...string) string {
	var b strings.Builder
	for name, text := range zone {
		fmt.Fprintf(&b, "%s. 60 IN TXT ", name)
		for piece := range slices.Chunk([]byte(text), 200) {
			fmt.Fprintf(&b, "%q ", piece)
		}
		b.WriteByte('\n')
	}
	return b.String() + strings.Join(more, "\n") + "\n"
}

// publicOnly is a resolver that knows the texts of a zone.
type publicOnly map[string]string

func (z publicOnly) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, ok := z[name]; ok {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Name: name, IsNotFound: true}
}

func (publicOnly) LookupMX(context.Context, string) ([]*net.MX, error)        { return nil, nil }
func (publicOnly) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, nil }
func (publicOnly) LookupAddr(context.Context, string) ([]string, error)       { return nil, nil }

// bothVerify has a message's signatures verified by us and by go-msgauth, and
// gives their algorithms.
func bothVerify(t *testing.T, zone publicOnly, data string) []string {
	t.Helper()
	header, body := mail.SplitMessage([]byte(data))
	ours, err := mailauth.VerifyDKIM(t.Context(), mailauth.Message{Header: header, Body: strings.NewReader(string(body))},
		mailauth.VerifyOptions{Resolver: zone, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := dkim.VerifyWithOptions(strings.NewReader(data), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return zone.LookupTXT(context.Background(), name) },
	})
	if err != nil || len(theirs) != len(ours) {
		t.Fatalf("%d and %d signatures: %v", len(ours), len(theirs), err)
	}
	var algorithms []string
	for i, s := range ours {
		algorithms = append(algorithms, s.Algorithm)
		if s.Status != mailauth.StatOK || theirs[i].Err != nil {
			t.Errorf("signature %d (%s): %q, go-msgauth: %v\n%s", i, s.Algorithm, s.Error, theirs[i].Err, data)
		}
	}
	return algorithms
}

const signedContent = "From: Bob <bob@sender.test>\r\nTo: u@example.com\r\nSubject: signed\r\n on two  lines\r\nX-Odd:no blank\t \r\n" +
	"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n\r\nA line.  \r\n.A line with a dot.\r\n\r\n\r\n"

// TestSignOutbound: the opendkim scope signs with RSA where opendkim_sign is on,
// a script with Ed25519; what the next hop gets verifies.
func TestSignOutbound(t *testing.T) {
	t.Parallel()
	files, zone := dkimKeys(t)
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Relay: []string{"example.com", "unsigned.test"}, Files: files,
		Global: fmt.Sprintf(`
opendkim "opendkim1" {
  header_canon = "relaxed"
  body_canon   = "simple"
  headerlist   = ["from", "to", "message-id", "date", "subject", "list-id"]
  key          = "@DIR@/keys/%%%%{d}/%%%%{s}.key"
  dkim_domain "sender.test" {
    selector = "r1"
  }
}
domain "unsigned.test" {
  opendkim_sign    = false
  gateway          = "127.0.0.1"
  remote_smtp_port = %d
}`, sink.Port),
		Scripts: []mtatest.Script{script("sign", `
require("msys.validate.opendkim");
function mod:core_final_validation(msg, ac, vctx)
  if msg:address_header("From", "domain")[1] == "sender.test" then
    print("signed", msys.validate.opendkim.sign(msg, vctx, { selector = "e1", digest = "ed25519-sha256",
      header_canon = "simple", body_canon = "relaxed" }));
  end
end
`)}})
	big := signedContent + strings.Repeat("0123456789abcdef\r\n", 20000)
	for rcpt, content := range map[string]string{"u@example.com": signedContent, "big@example.com": big} {
		if err := s.Submit("bob@sender.test", content, rcpt); err != nil {
			t.Fatal(err)
		}
		if got := bothVerify(t, publicOnly(zone), sink.Wait(t, rcpt).Data); !slices.Equal(got, []string{"ed25519-sha256", "rsa-sha256"}) {
			t.Errorf("%s: signatures %q", rcpt, got)
		}
	}
	if err := s.Submit("bob@sender.test", signedContent, "v@unsigned.test"); err != nil {
		t.Fatal(err)
	}
	if got := bothVerify(t, publicOnly(zone), sink.Wait(t, "v@unsigned.test").Data); !slices.Equal(got, []string{"ed25519-sha256"}) {
		t.Errorf("without opendkim_sign: signatures %q", got)
	}
	if err := s.Submit("c@other.test", strings.ReplaceAll(signedContent, "sender.test", "other.test"), "w@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := sink.Wait(t, "w@example.com").Header("DKIM-Signature"); got != "" {
		t.Errorf("a domain without a key is signed for: %s", got)
	}
}

// TestVerifyInbound: SPF, DKIM and DMARC by configuration; a policy reads what
// they found and adds a header; a forged result of ours goes, and what comes out
// still verifies.
func TestVerifyInbound(t *testing.T) {
	t.Parallel()
	files, zone := dkimKeys(t)
	zone["sender.test"] = "v=spf1 ip4:127.0.0.1 -all"
	zone["_dmarc.sender.test"] = "v=DMARC1; p=reject"
	zone["liar.test"] = "v=spf1 ip4:192.0.2.1 -all"
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, DNS: mtatest.NewDNS(t, mtatest.Zone{Text: records(zone)}),
		Global: `
spf_macros {}
spf_v1 "spf_v1" {}
dkim_validate "in" {}
dmarc {}
openarc {
  verify = true
}`,
		Scripts: []mtatest.Script{script("results", `
require("msys.validate.opendkim"); require("opendkim.dkim"); require("msys.validate.dkim");
function mod:validate_rcptto(msg, str, ac, vctx)
  if vctx:get(msys.core.ECMESS_CTX_MESS, "spf_status") == "fail" then
    vctx:set_code(550, "SPF HARD FAIL");
    return msys.core.VALIDATE_DONE;
  end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data(msg, ac, vctx)
  local dkim, stat = msys.validate.opendkim.verify(msg);
  local sig = msys.validate.opendkim.get_sig(dkim, 0);
  local n = msys.validate.opendkim.get_num_sigs(dkim);
  msg:header("X-Policy", "sigs=" .. n .. " ok=" .. tostring(stat == opendkim.dkim.DKIM_STAT_OK) ..
    " bits=" .. (sig and msys.validate.opendkim.get_sig_keysize(sig) or 0) ..
    " dmarc=" .. msg:context_get(msys.core.ECMESS_CTX_MESS, "dmarc_status") ..
    " arc=" .. msg:context_get(msys.core.ECMESS_CTX_MESS, "arc_cv"));
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  msg:header("X-Domains", table.concat(msys.validate.dkim.get_domains(msg, vctx), ","));
  return msys.core.VALIDATE_CONT;
end
`)}})
	field := signField(t, files["keys/sender.test/r1.key"])
	forged := "Authentication-Results: mx.test; dkim=pass header.d=bank.test\r\nAuthentication-Results: other.test; spf=pass\r\n"
	if err := s.Submit("bob@sender.test", forged+field+signedContent, "u@example.com"); err != nil {
		t.Fatal(err)
	}
	got := sink.Wait(t, "u@example.com")
	if x := got.Header("X-Policy"); x != "sigs=1 ok=true bits=2048 dmarc=pass arc=none" {
		t.Errorf("X-Policy: %q", x)
	}
	if x := got.Header("X-Domains"); x != "sender.test" {
		t.Errorf("X-Domains: %q", x)
	}
	if x := got.Header("Received-SPF"); !strings.HasPrefix(x, "pass ") {
		t.Errorf("Received-SPF: %q", x)
	}
	header, _ := mail.SplitMessage([]byte(got.Data))
	results := mail.RawHeader(header, "Authentication-Results")
	if len(results) != 2 || results[1] != "other.test; spf=pass" {
		t.Fatalf("results: %q", results)
	}
	for _, part := range []string{"mx.test;", "spf=pass smtp.mailfrom=bob@sender.test", "dkim=pass header.d=sender.test", "header.s=r1",
		"arc=none", "dmarc=pass header.from=sender.test policy.dmarc=reject"} {
		if !strings.Contains(results[0], part) {
			t.Errorf("%q lacks %q", results[0], part)
		}
	}
	if algorithms := bothVerify(t, publicOnly(zone), got.Data); len(algorithms) != 1 {
		t.Errorf("signatures %q", algorithms)
	}
	if err := s.Submit("a@liar.test", signedContent, "v@example.com"); err == nil || !strings.Contains(err.Error(), "SPF HARD FAIL") {
		t.Errorf("a liar: %v", err)
	}
	// The author's domain has nothing to say for a sender who passes SPF elsewhere.
	if err := s.Submit("", strings.Replace(signedContent, "signed", "unsigned", 1), "w@example.com"); err != nil {
		t.Fatal(err)
	}
	if x := sink.Wait(t, "w@example.com").Header("X-Policy"); x != "sigs=0 ok=false bits=0 dmarc=fail arc=none" {
		t.Errorf("X-Policy of unsigned mail: %q", x)
	}
}

// signField signs signedContent.
func signField(t *testing.T, file string) string {
	t.Helper()
	key, err := mailauth.ParseKey([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	header, body := mail.SplitMessage([]byte(signedContent))
	field, err := mailauth.Sign(mailauth.Message{Header: header, Body: strings.NewReader(string(body))},
		mailauth.Signing{Domain: "sender.test", Selector: "r1", Key: key, HeaderCanon: mailauth.Simple, BodyCanon: mailauth.Simple, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return field
}
