package api

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/option"
)

// keyPair makes a key: its file's path, its bare text, and the record for DNS.
func keyPair(t *testing.T, key crypto.Signer) (path, bare, record string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "example.com.s1.key")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if record, err = mailauth.PublicRecord(key); err != nil {
		t.Fatal(err)
	}
	return path, base64.StdEncoding.EncodeToString(der), record
}

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t *testing.T) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *mailWorld) publish(name, record string) {
	if w.host.DNS == nil {
		w.host.DNS = map[string]sdk.DNSAnswer{}
	}
	w.host.DNS["TXT "+name] = sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: record}}}
}

// signedWorld is a world whose message was signed twice, by RSA and Ed25519, and
// is in validate_data now.
func signedWorld(t *testing.T) *mailWorld {
	t.Helper()
	w := newMailWorld(t, sdk.CoreFinalValidation)
	path, _, record := keyPair(t, rsaKey(t))
	_, bare, edRecord := keyPair(t, edKey(t))
	w.publish("s1._domainkey.example.com", record)
	w.publish("ed._domainkey.example.com", edRecord)
	dir := filepath.Dir(path)
	w.is("true", `require "msys.validate.opendkim"
		return msys.validate.opendkim.sign(msg, vctx, { base_domain = "example.com", selector = "s1", keyfile = "`+dir+`/%{d}.%{s}.key",
		header_canon = "relaxed", body_canon = "simple", headerlist = {"From", "Subject"}, identity = "bob@example.com" })`)
	w.is("true", `return msys.validate.opendkim.sign(msg, vctx, { signing_domain = "example.com", selector = "ed", keybuf = "`+bare+`" })`)
	m := w.frame.Message()
	s := sampleState()
	s.Message.Header = m.Header
	w.enter(s, sdk.ValidateData)
	return w
}

func TestOpenDKIM(t *testing.T) {
	w := signedWorld(t)
	w.is("2 0 0 ed25519-sha256 rsa-sha256", `require "opendkim.dkim" require "msys.validate.opendkim"
		dkim, stat = msys.validate.opendkim.verify(msg)
		local o = msys.validate.opendkim
		n, stat2 = o.get_num_sigs(dkim)
		return n, stat, stat2, (o.get_sig_signalg(o.get_sig(dkim))), (o.get_sig_signalg(o.get_sig(dkim, 1)))`)
	w.is("relaxed example.com nil 6 true false bob@example.com 1024 s1", `
		local o = msys.validate.opendkim
		local s, stat = o.get_sig(dkim, 1)
		return (o.get_sig_canons(s)), (o.get_sig_domain(s)), (o.get_sig_errorstr(s)), (o.get_sig_flags(s)),
			(o.get_sig_hdrsigned(s, "subject")), (o.get_sig_hdrsigned(s, "To")), (o.get_sig_identity(dkim, s)),
			(o.get_sig_keysize(s)), (o.get_sig_selector(s))`)
	w.is("nil 9", `return msys.validate.opendkim.get_sig(dkim, 2)`)
	w.is("nil 9", `return msys.validate.opendkim.get_sig(dkim, 0.5)`)
	w.is("DKIM DKIM_SIGINFO", `return msys.type(dkim), msys.type(msys.validate.opendkim.get_sig(dkim))`)
	w.raises("bad argument #1 to 'get_num_sigs' (DKIM expected, got string)", `msys.validate.opendkim.get_num_sigs("x")`)
	w.raises("bad argument #1 to 'get_sig_domain' (DKIM_SIGINFO expected, got DKIM)", `msys.validate.opendkim.get_sig_domain(dkim)`)
	w.raises("bad argument #1 to 'verify'", `msys.validate.opendkim.verify()`)
	if w.waits == 0 || w.spent < 2*verifySteps {
		t.Errorf("%d waits, %d spent", w.waits, w.spent)
	}
}

// An edit behind the signature is seen; the results of before stay for the older
// functions.
func TestDKIMAfterAnEdit(t *testing.T) {
	w := signedWorld(t)
	w.is("1 example.com", `require "msys.validate.dkim"
		local d = msys.validate.dkim.get_domains(msg, vctx)
		return #d, d[1]`)
	w.is("1 body hash does not match", `
		require "msys.validate.opendkim"
		msg:body("other")
		local dkim, stat = msys.validate.opendkim.verify(msg)
		return stat, (msys.validate.opendkim.get_sig_errorstr(msys.validate.opendkim.get_sig(dkim)))`)
	w.is("2 fail fail (body hash does not match) nil ed25519-sha256 1", `
		local n, r = msys.validate.dkim.get_verify_results(vctx)
		local i = msys.validate.dkim.verify_results_get_item(r, 0)
		return n, msys.validate.dkim.verify_status_to_string(i.status), i.diagnostic, i.query, i.algorithm, r.ref`)
	w.is("example.com", `return msys.validate.dkim.get_responsible_domain()`)
	w.is("nil No verification results to count.", `return msys.validate.dkim.verify_results_get_count(nil)`)
	w.is("nil Index value not specified", `local _, r = msys.validate.dkim.get_verify_results() return msys.validate.dkim.verify_results_get_item(r)`)
	w.is("nil Index value is greater than the number of verification results", `local _, r = msys.validate.dkim.get_verify_results() return msys.validate.dkim.verify_results_get_item(r, 2)`)
	w.is("nil No status code is passed in", `return msys.validate.dkim.verify_status_to_string()`)
}

func TestDKIMUnsigned(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is("2 0", `require "msys.validate.opendkim"
		local d, stat = msys.validate.opendkim.verify(msg)
		return stat, (msys.validate.opendkim.get_num_sigs(d))`)
}

// What is not signed says why, to the script and in the paniclog; the message
// stays as it is.
func TestSignRefusals(t *testing.T) {
	w := newMailWorld(t, sdk.CoreFinalValidation)
	before := string(w.frame.Message().Header)
	path, _, _ := keyPair(t, rsaKey(t))
	for options, want := range map[string]string{
		`{ selector = "s1" }`:                                                                      "no private key",
		`{ selector = "s1", keyfile = "/nowhere/x" }`:                                              "no such file",
		`{ keyfile = "` + path + `" }`:                                                             "cannot be domain and selector",
		`{ keyfile = "` + path + `", selector = "s1", digest = "ed25519-sha256" }`:                 "digest is ed25519-sha256",
		`{ keyfile = "` + path + `", selector = "s1", headerlist = "To:Subject" }`:                 "From header field must be signed",
		`{ keyfile = "` + path + `", selector = "s1", identity = "a@other.test" }`:                 "does not belong to",
		`{ keyfile = "` + path + `", selector = "s1", header_canon = "loose" }`:                    "unknown canonical form",
		`{ keyfile = "` + path + `", selector = "s1", sign_condition = "can_relay" }`:              "can_relay is not set",
		`{ keyfile = "/k/%{d}/%{s}", selector = "../../etc/passwd", base_domain = "example.com" }`: "cannot stand in the path",
		`{ keybuf = "AAAA", selector = "s1" }`:                                                     "no private RSA or Ed25519 key",
	} {
		out := w.run(`require "msys.validate.dkim" return msys.validate.dkim.sign(nil, nil, ` + options + `)`)
		if len(out) != 2 || out[0] != "nil" || !strings.Contains(out[1], want) {
			t.Errorf("%s: %q, want %q", options, out, want)
		}
	}
	if got := string(w.frame.Message().Header); got != before {
		t.Errorf("the header is %q", got)
	}
	if logs := w.host.Logs(); len(logs) == 0 || !strings.Contains(logs[0].Text, "is not signed") {
		t.Errorf("logged %+v", logs)
	}
	w.raises("option selector: text is expected", `msys.validate.dkim.sign(nil, nil, { selector = {} })`)
	w.raises("option headerlist", `msys.validate.dkim.sign(nil, nil, { headerlist = 7 })`)
	w.raises("bad argument #3 to 'sign' (table expected, got string)", `msys.validate.dkim.sign(nil, nil, "x")`)
}

// The opendkim scope is what a script's options stand on.
func TestSignWithTheScope(t *testing.T) {
	w := newMailWorld(t, sdk.CoreFinalValidation)
	path, _, record := keyPair(t, rsaKey(t))
	text := func(s string) option.Value { return option.Value{Kind: option.KindString, Text: s} }
	w.config.Scopes = append(w.config.Scopes, option.Scope{Name: "opendkim", Instance: "x", Attrs: []option.Attr{
		{Name: "key", Value: text(filepath.Dir(path) + "/%{d}.%{s}.key")}, {Name: "selector", Value: text("wrong")},
		{Name: "header_canon", Value: text("relaxed")},
	}, Scopes: []option.Scope{{Name: "dkim_domain", Instance: "example.com", Attrs: []option.Attr{{Name: "selector", Value: text("s1")}}}}})
	w.publish("s1._domainkey.example.com", record)
	w.is("true", `require "msys.validate.opendkim" return msys.validate.opendkim.sign(msg, vctx)`)
	w.is("0 s1 relaxed", `local o = msys.validate.opendkim
		local d, stat = o.verify(msg)
		return stat, (o.get_sig_selector(o.get_sig(d))), (o.get_sig_canons(o.get_sig(d)))`)
}

func TestOpenARC(t *testing.T) {
	w := newMailWorld(t, sdk.CorePostFinalValidation)
	path, _, record := keyPair(t, rsaKey(t))
	w.publish("s1._domainkey.example.com", record)
	seal := `require "msys.validate.openarc"
		msys.validate.openarc.sign(msg, { signing_domain = "example.com", selector = "s1", keyfile = "` + path + `", headerlist = "From:Subject:To" })
		return msg:context_get(M, "arc_cv"), msg:context_get(M, "arc_seal")`
	w.is("none ok", seal)
	w.is("pass", `msys.validate.openarc.verify(msg) return msg:context_get(M, "arc_cv")`)
	w.is("pass ok", seal)
	w.is("pass", `msys.validate.openarc.verify(msg) return msg:context_get(M, "arc_cv")`)
	w.is("fail skip", `msg:header("Subject", "other") msys.validate.openarc.verify(msg) `+seal)
	if n := strings.Count(string(w.frame.Message().Header), "ARC-Seal:"); n != 2 {
		t.Errorf("%d seals", n)
	}
}

func TestValidatedNameMacro(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	w.host.DNS = map[string]sdk.DNSAnswer{
		"PTR 1.2.0.192.in-addr.arpa": {Records: []sdk.DNSRecord{{Value: "liar.test"}, {Value: "mx.relay.test"}}},
		"A liar.test":                {Records: []sdk.DNSRecord{{Value: "192.0.2.9"}}},
		"A mx.relay.test":            {Records: []sdk.DNSRecord{{Value: "192.0.2.1"}}},
	}
	w.is("mx.relay.test mx.relay.test test.relay.mx", `return msys.expandMacro("%{p} %{spfv1:p} %{spfv1:pr}")`)
}
