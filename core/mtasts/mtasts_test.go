package mtasts

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/dns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const policyText = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\nother: x\r\n"

func TestParse(t *testing.T) {
	p, err := Parse([]byte(policyText))
	if err != nil || p.Mode != Enforce || p.MaxAge != 604800*time.Second || strings.Join(p.MX, " ") != "mx.example.com *.example.net" || len(p.Lines) != 5 {
		t.Errorf("%+v: %v", p, err)
	}
	for host, want := range map[string]bool{
		"mx.example.com": true, "MX.example.com.": true, "a.example.net": true, "a.b.example.net": false,
		"example.net": false, "evilexample.net": false, "": false,
	} {
		if p.Allows(host) != want {
			t.Errorf("%q: allowed %v", host, !want)
		}
	}
	for _, bad := range []string{
		"", "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1\n", "version: STSv1\nmode: maybe\nmx: a.b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n",
		"version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 1\n" + strings.Repeat(" ", maxPolicy),
	} {
		if p, err := Parse([]byte(bad)); !errors.Is(err, ErrPolicy) {
			t.Errorf("%.60q is taken for %+v", bad, p)
		}
	}
}

func TestRecordID(t *testing.T) {
	for text, want := range map[string]string{
		"v=STSv1; id=20160831085700Z;": "20160831085700Z", "v=STSv1;id=1": "1",
		"v=STSv1; id=;": "", "v=STSv1": "", "v=spf1 -all": "", "v=STSv1; id=a-b": "", "v=STSv1; id=" + strings.Repeat("1", 33): "",
	} {
		if id, ok := recordID(text); ok != (want != "") || ok && id != want {
			t.Errorf("%q: %q %v", text, id, ok)
		}
	}
}

// shop is a store with a clock, a DNS and a web server that tests change.
type shop struct {
	*Store
	dns     *dns.Mock
	now     time.Time
	text    string
	err     error
	fetched int
}

func newShop(t *testing.T) *shop {
	s := &shop{now: time.Unix(1_700_000_000, 0), text: policyText, dns: &dns.Mock{TXT: map[string][]string{}}}
	s.dns.TXT["_mta-sts.example.com"] = []string{"v=STSv1; id=1"}
	dir := t.TempDir()
	s.Store = &Store{
		Resolver: s.dns, Dir: func() string { return dir }, Now: func() time.Time { return s.now },
		Problem: func(text string) { t.Error(text) },
		Fetch: func(context.Context, string) ([]byte, error) {
			s.fetched++
			return []byte(s.text), s.err
		},
	}
	return s
}

// want asks and compares: the policy's mode or "", how many fetches there were
// in all, and whether there was an error.
func (s *shop) want(t *testing.T, what, mode string, fetched int, failed bool) {
	t.Helper()
	p, err := s.Policy(context.Background(), "Example.com")
	got := ""
	if p != nil {
		got = string(p.Mode)
	}
	if got != mode || s.fetched != fetched || (err != nil) != failed {
		t.Errorf("%s: %q after %d fetches, %v", what, got, s.fetched, err)
	}
}

func TestStore(t *testing.T) {
	s := newShop(t)
	s.want(t, "first", "enforce", 1, false)
	s.want(t, "cached", "enforce", 1, false)
	s.dns.TXT["_mta-sts.example.com"] = []string{"v=STSv1; id=2"}
	s.now = s.now.Add(retryAfter)
	s.err = ErrFetch
	s.want(t, "a new id, no web server", "enforce", 2, true)
	s.want(t, "not asked again at once", "enforce", 2, true)
	s.now, s.err, s.text = s.now.Add(retryAfter), nil, strings.Replace(policyText, "enforce", "testing", 1)
	s.want(t, "the new one", "testing", 3, false)
	s.dns.TXT = nil
	s.want(t, "without a record the policy stays", "testing", 3, false)
	s.now = s.now.Add(refreshAfter)
	s.text = strings.Replace(policyText, "enforce", "none", 1)
	s.want(t, "withdrawn", "", 4, false)

	again := newShop(t)
	again.Dir = s.Dir
	again.now, again.dns.TXT = s.now, nil
	again.want(t, "after a restart", "", 0, false)
	s.dns.TXT = map[string][]string{"_mta-sts.example.com": {"v=STSv1; id=9"}}
	s.text, s.now = policyText, s.now.Add(time.Hour)
	s.want(t, "back", "enforce", 5, false)
	third := newShop(t)
	third.Dir, third.now, third.err = s.Dir, s.now, ErrFetch
	third.dns.TXT = nil
	third.want(t, "after another restart", "enforce", 0, false)
	third.now = third.now.Add(8 * 24 * time.Hour)
	third.want(t, "expired", "", 0, false)
}

func TestNoPolicy(t *testing.T) {
	s := newShop(t)
	s.dns.TXT["_mta-sts.example.com"] = []string{"v=STSv1; id=1", "v=STSv1; id=2"}
	s.want(t, "two records", "", 0, false)
	for _, bad := range []string{"../etc/passwd", "localhost", "a b.example", "[192.0.2.1]", ""} {
		if p, err := s.Policy(context.Background(), bad); p != nil || err != nil || s.fetched > 0 {
			t.Errorf("%q: %v %v", bad, p, err)
		}
	}
	s.dns.TXT["_mta-sts.example.com"] = []string{"v=STSv1; id=1"}
	s.text = "version: STSv1\n"
	s.want(t, "a broken policy", "", 1, true)
	files, err := os.ReadDir(s.Dir())
	if err != nil || len(files) > 0 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// Over HTTPS: the host's name is checked, redirections are not followed.
func TestFetch(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte(policyText))
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // of example.com, and not of mta-sts.elsewhere.test
	f := &Fetcher{
		Resolver: dns.Mock{A: map[string][]string{"mta-sts.example.com": {"127.0.0.1"}, "mta-sts.elsewhere.test": {"127.0.0.1"}}},
		Roots:    roots, Allow: func(netip.Addr) bool { return true },
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	if _, err := f.Fetch(t.Context(), "elsewhere.test"); !errors.Is(err, ErrWebPKI) {
		t.Errorf("another name: %v", err)
	}
	// The test server's certificate has *.example.com.
	if text, err := f.Fetch(t.Context(), "example.com"); err != nil || string(text) != policyText {
		t.Errorf("%q: %v", text, err)
	}
	for what, bad := range map[string]http.HandlerFunc{
		"a redirection": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"not found":     http.NotFound,
		"another type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(policyText))
		},
	} {
		answer = bad
		if text, err := f.Fetch(t.Context(), "example.com"); !errors.Is(err, ErrFetch) {
			t.Errorf("%s: %q %v", what, text, err)
		}
	}
	f.Allow = nil
	if _, err := f.Fetch(t.Context(), "example.com"); !errors.Is(err, ErrFetch) {
		t.Errorf("from this machine: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(policyText))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err == nil && (p.MaxAge < 0 || p.MaxAge > maxAge || p.Mode != None && len(p.MX) == 0) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}
