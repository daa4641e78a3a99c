package delivery_test

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/sdk"
)

// factsText is what a result tells of TLS, for a table.
func factsText(t *sdk.OutboundTLS) string {
	if t == nil {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %d/%d %s cert=%v verified=%v %s %s", t.Use, t.Option, t.Cipher, t.AlgBits, t.UseBits, t.Protocol,
		t.Certificate, t.Verified, t.Issuer, t.Subject))
}

// TestResultTellsOfTLS: each result has the TLS session that its connection had.
func TestResultTellsOfTLS(t *testing.T) {
	good, goodPEM, _ := certificate(t, "mx.example.com")
	wrong, wrongPEM, _ := certificate(t, "mx.example.net")
	files := map[string][]byte{"good.pem": goodPEM, "wrong.pem": wrongPEM}
	const (
		suite = "ECDHE_ECDSA_AES_128_GCM_SHA256 128/128 TLSv1.2 cert=true"
		clear = "SMTP no  0/0  cert=false verified=false"
	)
	option := func(mode, verify, ca string) func(*delivery.Options) {
		return func(o *delivery.Options) { o.TLS, o.TLSVerify, o.TLSCA = mode, verify, ca }
	}
	for _, tc := range []struct {
		what    string
		change  func(*delivery.Options)
		cert    tls.Certificate
		scripts []string
		want    string
	}{
		{"no TLS", option("no", "no", ""), good, []string{without}, clear},
		{"not offered", option("ifavailable", "host", "good.pem"), good, []string{greeting + whole + quit}, clear},
		{"required and not offered", option("required", "no", ""), good, []string{greeting + quit}, clear},
		{"not checked", option("required", "no", ""), good, []string{begin + inTLS}, "TLS required " + suite + " verified=false mx.example.com mx.example.com"},
		{"host", option("required", "host", "good.pem"), good, []string{begin + inTLS}, "TLS required " + suite + " verified=true mx.example.com mx.example.com"},
		{"ca and name", option("ifavailable", "ca", "good.pem"), good, []string{begin + inTLS}, "TLS ifavailable " + suite + " verified=true mx.example.com mx.example.com"},
		{"ca, another name", option("required", "ca", "wrong.pem"), wrong, []string{begin + inTLS}, "TLS required " + suite + " verified=false mx.example.net mx.example.net"},
		{"optional, good", option("required", "optional", "good.pem"), good, []string{begin + inTLS}, "TLS required " + suite + " verified=true mx.example.com mx.example.com"},
		{"optional, bad", option("required", "optional", "good.pem"), wrong, []string{begin + inTLS}, "TLS required " + suite + " verified=false mx.example.net mx.example.net"},
		{"optional without its file", option("required", "optional", "none.pem"), good, []string{begin + inTLS}, "TLS required " + suite + " verified=false mx.example.com mx.example.com"},
		{"refused", option("required", "host", "good.pem"), wrong, []string{begin}, "SMTP no  0/0  cert=true verified=false mx.example.net mx.example.net"},
		{"refused, then in clear", option("ifavailable", "host", "good.pem"), wrong, []string{begin, without}, clear},
		{"nobody there", option("required", "no", ""), good, nil, "none"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.tls = &tls.Config{Certificates: []tls.Certificate{tc.cert}, MaxVersion: tls.VersionTLS12,
				CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
			w.courier.ReadFile = func(name string) ([]byte, error) {
				if text, ok := files[name]; ok {
					return text, nil
				}
				return nil, fs.ErrNotExist
			}
			tc.change(w.opt)
			w.at("192.0.2.1", tc.scripts...)
			src := w.serve("example.com", batch("s@x.org", "a@example.com"))
			if len(src.results) != 1 {
				t.Fatalf("%q", src.got)
			}
			if got := factsText(src.results[0].TLS); got != tc.want {
				t.Errorf("got  %s\nwant %s (%s)", got, tc.want, src.got[0])
			}
		})
	}
}

// TestTLS13Facts: a suite of TLS 1.3 has one name.
func TestTLS13Facts(t *testing.T) {
	cert, _, _ := certificate(t, "mx.example.com")
	w := newWorld(t)
	w.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	w.opt.TLS = "required"
	w.at("192.0.2.1", begin+inTLS)
	src := w.serve("example.com", batch("s@x.org", "a@example.com"))
	if len(src.results) != 1 || src.results[0].TLS == nil || src.results[0].TLS.Protocol != "TLSv1.3" || !strings.HasPrefix(src.results[0].TLS.Cipher, "TLS_") {
		t.Errorf("%q %+v", src.got, src.results)
	}
}
