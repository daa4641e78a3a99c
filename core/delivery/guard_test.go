package delivery_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/mtasts"
	"github.com/mtad/mtad/core/tlsrpt"
)

const (
	sum256 = "[internal] TLS certificate does not match the TLSA records"
	noTLS  = greeting + quit
)

// tlsaOf are records of each form for a certificate.
func tlsaOf(t *testing.T, pair tls.Certificate, usage int) map[string]string {
	t.Helper()
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key := cert.RawSubjectPublicKeyInfo
	certSum, keySum := sha256.Sum256(cert.Raw), sha512.Sum512(key)
	form := func(selector, matching int, data []byte) string {
		return fmt.Sprintf("%d %d %d %s", usage, selector, matching, hex.EncodeToString(data))
	}
	return map[string]string{
		"certificate": form(0, 0, cert.Raw), "certificate, SHA-256": form(0, 1, certSum[:]),
		"key": form(1, 0, key), "key, SHA-512": form(1, 2, keySum[:]),
	}
}

// secured is a world whose domain is signed; records are those of its exchanger.
func secured(t *testing.T, cert tls.Certificate, records ...string) (*world, *[]tlsrpt.Event) {
	w := newWorld(t)
	w.opt.UseDANE = true
	w.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	w.dns.Secure = func(string) bool { return true }
	w.dns.TLSA = map[string][]string{"_25._tcp.mx.example.com": records}
	var events []tlsrpt.Event
	w.courier.Report = func(e tlsrpt.Event) { events = append(events, e) }
	return w, &events
}

func (w *world) deliver(t *testing.T, want string) {
	t.Helper()
	w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+want)
}

func kinds(events []tlsrpt.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, string(e.Policy.Type)+" "+string(e.Kind))
	}
	return strings.Join(out, ", ")
}

const ok = "D 9 250 2.0.0 queued"

// Every form of a usable record lets the right certificate pass, and only it.
func TestDANE(t *testing.T) {
	good, _, _ := certificate(t, "mx.example.com")
	other, _, _ := certificate(t, "mx.example.com")
	named, _, _ := certificate(t, "another.example")
	for usage := 2; usage <= 3; usage++ {
		for form, record := range tlsaOf(t, good, usage) {
			t.Run(fmt.Sprint(usage, " ", form), func(t *testing.T) {
				w, events := secured(t, good, "3 1 1 00", record) // the first cannot be used
				w.at("192.0.2.1", begin+inTLS)
				w.deliver(t, ok)
				if kinds(*events) != "tlsa success" {
					t.Errorf("events: %s", kinds(*events))
				}
				w, events = secured(t, other, record)
				w.at("192.0.2.1", begin)
				w.deliver(t, "T 17 451 4.7.5 "+sum256)
				if kinds(*events) != "tlsa validation-failure" {
					t.Errorf("events: %s", kinds(*events))
				}
			})
		}
	}
	t.Run("a name counts under an anchor only", func(t *testing.T) {
		w, _ := secured(t, named, tlsaOf(t, named, 3)["key"])
		w.at("192.0.2.1", begin+inTLS)
		w.deliver(t, ok)
		w, events := secured(t, named, tlsaOf(t, named, 2)["key"])
		w.at("192.0.2.1", begin)
		w.deliver(t, "T 17 451 4.7.5 [internal] SSL cert common name does not match host")
		if kinds(*events) != "tlsa certificate-host-mismatch" {
			t.Errorf("events: %s", kinds(*events))
		}
	})
}

func TestDANEAround(t *testing.T) {
	good, _, _ := certificate(t, "mx.example.com")
	record := tlsaOf(t, good, 3)["key"]
	for _, tc := range []struct {
		what   string
		change func(*world)
		script string
		want   string
	}{
		{"no STARTTLS", func(*world) {}, noTLS, "T 11 451 4.7.6 [internal] STARTTLS required but not advertised"},
		{"records of no use: TLS, unauthenticated", func(w *world) {
			w.dns.TLSA["_25._tcp.mx.example.com"] = []string{"1 1 1 00", "rubbish"}
		}, begin + inTLS, ok},
		{"an unsigned MX", func(w *world) { w.dns.Secure = func(name string) bool { return name != "example.com" } }, greeting + whole + quit, ok},
		{"an unsigned address", func(w *world) { w.dns.Secure = func(name string) bool { return name != "mx.example.com" } }, greeting + whole + quit, ok},
		{"unsigned records", func(w *world) { w.dns.Secure = func(name string) bool { return !strings.HasPrefix(name, "_25") } }, greeting + whole + quit, ok},
		{"no records", func(w *world) { w.dns.TLSA = nil }, greeting + whole + quit, ok},
		{"records that cannot be had", func(w *world) {
			w.dns.Fail = map[string]string{"TLSA _25._tcp.mx.example.com": dns.ServFail}
		}, "", "T 0 451 4.7.5 [internal] TLSA records cannot be looked up"},
		{"switched off", func(w *world) { w.opt.EnableDANE = false }, greeting + whole + quit, ok},
		{"no clear text after a failure", func(w *world) {
			w.opt.TLS = "ifavailable"
			w.dns.TLSA["_25._tcp.mx.example.com"] = []string{"3 1 1 " + strings.Repeat("00", 32)}
		}, begin, "T 17 451 4.7.5 " + sum256},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w, _ := secured(t, good, record)
			tc.change(w)
			if tc.script != "" {
				w.at("192.0.2.1", tc.script)
			}
			w.deliver(t, tc.want)
		})
	}
}

func TestMTASTS(t *testing.T) {
	good, goodPEM, _ := certificate(t, "mx.example.com")
	wrong, wrongPEM, _ := certificate(t, "mx.example.net")
	files := map[string][]byte{"good.pem": goodPEM, "wrong.pem": wrongPEM}
	policy := func(mode, mx string) string {
		return "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: 86400\n"
	}
	for _, tc := range []struct {
		what, policy, ca string
		cert             tls.Certificate
		scripts          []string
		want, events     string
	}{
		{"enforce", policy("enforce", "*.example.com"), "good.pem", good, []string{begin + inTLS}, ok, "sts success"},
		{"enforce, no TLS", policy("enforce", "mx.example.com"), "good.pem", good, []string{noTLS},
			"T 11 451 4.7.6 [internal] STARTTLS required but not advertised", "sts starttls-not-supported"},
		{"enforce, another name", policy("enforce", "mx.example.com"), "wrong.pem", wrong, []string{begin},
			"T 17 451 4.7.5 [internal] SSL cert common name does not match host", "sts certificate-host-mismatch"},
		{"enforce, another authority", policy("enforce", "mx.example.com"), "wrong.pem", good, []string{begin},
			"T 17 451 4.7.5 [internal] SSL cert must be signed by a valid CA", "sts certificate-not-trusted"},
		{"enforce, another host", policy("enforce", "mx.example.net"), "good.pem", good, nil,
			"T 0 451 4.7.5 [internal] host is not in the MTA-STS policy of the domain", "sts validation-failure"},
		{"testing, all wrong", policy("testing", "mx.example.net"), "wrong.pem", wrong, []string{begin + inTLS}, ok,
			"sts validation-failure"},
		{"testing, another authority", policy("testing", "mx.example.com"), "wrong.pem", good, []string{begin + inTLS}, ok,
			"sts certificate-not-trusted"},
		{"testing, no TLS", policy("testing", "mx.example.com"), "", good, []string{greeting + whole + quit}, ok, "sts starttls-not-supported"},
		{"testing, TLS fails", policy("testing", "mx.example.com"), "", good, []string{offer + "S: 220 go\nclose", without}, ok, "sts validation-failure"},
		{"none", policy("none", "mx.example.net"), "", good, []string{greeting + whole + quit}, ok, ""},
		{"broken", "version: 2\n", "", good, []string{greeting + whole + quit}, ok, "sts sts-policy-invalid"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w, events := secured(t, tc.cert)
			w.opt.UseMTASTS, w.opt.TLSCA = true, tc.ca
			w.dns.TXT = map[string][]string{"_mta-sts.example.com": {"v=STSv1; id=1"}}
			w.courier.ReadFile = func(name string) ([]byte, error) {
				if text, ok := files[name]; ok {
					return text, nil
				}
				return nil, fs.ErrNotExist
			}
			w.courier.Policies = &mtasts.Store{
				Resolver: w.courier.Resolver, Dir: func() string { return "" }, Now: time.Now, Problem: func(s string) { t.Error(s) },
				Fetch: func(context.Context, string) ([]byte, error) { return []byte(tc.policy), nil },
			}
			w.at("192.0.2.1", tc.scripts...)
			w.deliver(t, tc.want)
			if kinds(*events) != tc.events {
				t.Errorf("events: %s", kinds(*events))
			}
		})
	}
}

// A host that a policy does not name is left out; the next one is taken. A
// gateway of ours has nothing to do with the domain's policy.
func TestMTASTSChoosesHosts(t *testing.T) {
	good, goodPEM, _ := certificate(t, "two.example.com")
	for _, gateway := range []bool{false, true} {
		w, _ := secured(t, good)
		w.opt.UseMTASTS, w.opt.TLSCA = true, "ca.pem"
		w.courier.ReadFile = func(string) ([]byte, error) { return goodPEM, nil }
		w.dns.MX["example.com"] = append(slices.Clone(w.dns.MX["example.com"]), w.dns.MX["example.com"]...)
		w.dns.MX["example.com"][1].Value, w.dns.MX["example.com"][1].Preference = "two.example.com", 20
		w.dns.A["two.example.com"] = []string{"192.0.2.2"}
		w.dns.TXT = map[string][]string{"_mta-sts.example.com": {"v=STSv1; id=1"}}
		w.courier.Policies = &mtasts.Store{
			Resolver: w.courier.Resolver, Dir: func() string { return "" }, Now: time.Now,
			Fetch: func(context.Context, string) ([]byte, error) {
				return []byte("version: STSv1\nmode: enforce\nmx: two.example.com\nmax_age: 86400\n"), nil
			},
		}
		if gateway {
			w.opt.Gateway = "192.0.2.9"
			w.at("192.0.2.9", greeting+whole+quit)
		} else {
			w.at("192.0.2.2", begin+inTLS)
		}
		w.deliver(t, ok)
	}
}

// tls = verified is required with the host's name checked.
func TestTLSVerified(t *testing.T) {
	wrong, wrongPEM, _ := certificate(t, "mx.example.net")
	w := newWorld(t)
	w.opt.TLS, w.opt.TLSCA = "verified", "ca.pem"
	w.tls = &tls.Config{Certificates: []tls.Certificate{wrong}}
	w.courier.ReadFile = func(string) ([]byte, error) { return wrongPEM, nil }
	w.at("192.0.2.1", begin, noTLS)
	w.deliver(t, "T 17 451 4.7.5 [internal] SSL cert common name does not match host")
	w.deliver(t, "T 11 451 4.7.6 [internal] STARTTLS required but not advertised")
	good, goodPEM, _ := certificate(t, "mx.example.com")
	w.tls.Certificates[0] = good
	w.courier.ReadFile = func(string) ([]byte, error) { return goodPEM, nil }
	w.at("192.0.2.1", begin+inTLS)
	w.deliver(t, ok)
}
