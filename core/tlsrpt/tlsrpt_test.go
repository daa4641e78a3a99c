package tlsrpt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func event(domain string, kind Kind) Event {
	return Event{
		Policy: Policy{Type: STS, Domain: domain, Text: []string{"version: STSv1", "mode: testing"}, MX: []string{"*." + domain}},
		Kind:   kind, MX: "mx." + domain, Sending: netip.MustParseAddr("192.0.2.1"), Receiving: netip.MustParseAddr("192.0.2.2"), At: noon,
	}
}

type office struct {
	*Reporter
	opt    Options
	now    time.Time
	sent   []*sdk.Injection
	posted map[string][]byte
	said   []string
}

func newOffice() *office {
	o := &office{opt: Options{Enabled: true}, now: noon.Add(24 * time.Hour), posted: map[string][]byte{}}
	o.Reporter = &Reporter{
		Resolver: dns.Mock{TXT: map[string][]string{
			"_smtp._tls.mail.test": {"v=TLSRPTv1; rua=mailto:tls%2Breports@mail.test"},
			"_smtp._tls.web.test":  {"v=TLSRPTv1;rua=https://reports.web.test/in,ftp://x"},
			"_smtp._tls.two.test":  {"v=TLSRPTv1;rua=mailto:a@b", "v=TLSRPTv1;rua=mailto:c@d"},
			"_smtp._tls.evil.test": {"v=TLSRPTv1;rua=mailto:a@b%0d%0aBcc:%20c@d"},
		}},
		Options: func() *Options { return &o.opt }, Hostname: func() string { return "mx.example.com" },
		NewID: func() string { return "00/01" }, Now: func() time.Time { return o.now },
		Inject: func(_ context.Context, in *sdk.Injection) ([]string, error) {
			o.sent = append(o.sent, in)
			return nil, nil
		},
		Post: func(_ context.Context, uri string, text []byte) error {
			o.posted[uri] = text
			return errors.New("status 500")
		},
		Problem: func(text string) { o.said = append(o.said, text) },
	}
	return o
}

// unpack reads the JSON of a report.
func unpack(t *testing.T, text []byte) map[string]any {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.NewDecoder(z).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// attached is the report in a mail, as the standard library reads it.
func attached(t *testing.T, in *sdk.Injection) []byte {
	t.Helper()
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(in.Header, "\r\n"...)))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(head.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "tlsrpt" || head.Get("TLS-Report-Domain") != "mail.test" {
		t.Fatalf("%v: %v", head, err)
	}
	r := multipart.NewReader(bytes.NewReader(in.Body.Inline), params["boundary"])
	for {
		p, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if p.Header.Get("Content-Type") != "application/tlsrpt+gzip" {
			continue
		}
		if p.FileName() != "mx.example.com!mail.test!1795305600!1795391999.json.gz" {
			t.Errorf("file name %q", p.FileName())
		}
		text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

func TestReports(t *testing.T) {
	o := newOffice()
	for range 3 {
		o.Report(event("mail.test", Success))
	}
	o.Report(event("mail.test", HostMismatch))
	o.Report(event("mail.test", HostMismatch))
	for _, domain := range []string{"web.test", "two.test", "evil.test", "silent.test"} {
		o.Report(event(domain, Success))
	}
	o.now = noon
	if o.Send(t.Context()); len(o.sent) > 0 {
		t.Error("the day is not over")
	}
	o.now = noon.Add(24 * time.Hour)
	o.Send(t.Context())
	if len(o.sent) != 1 || o.sent[0].Recipients[0] != "tls+reports@mail.test" || o.sent[0].Sender != "postmaster@mx.example.com" {
		t.Fatalf("sent %+v", o.sent)
	}
	got := unpack(t, attached(t, o.sent[0]))
	policies, _ := json.Marshal(got["policies"])
	const want = `[{"failure-details":[{"failed-session-count":2,"receiving-ip":"192.0.2.2","receiving-mx-hostname":"mx.mail.test","result-type":"certificate-host-mismatch","sending-mta-ip":"192.0.2.1"}],` +
		`"policy":{"mx-host":["*.mail.test"],"policy-domain":"mail.test","policy-string":["version: STSv1","mode: testing"],"policy-type":"sts"},"summary":{"total-failure-session-count":2,"total-successful-session-count":3}}]`
	if string(policies) != want || got["organization-name"] != "mx.example.com" {
		t.Errorf("report: %v\npolicies: %s", got, policies)
	}
	if days := got["date-range"].(map[string]any); days["start-datetime"] != "2026-11-22T00:00:00Z" || days["end-datetime"] != "2026-11-22T23:59:59Z" {
		t.Errorf("range: %v", days)
	}
	if text := o.posted["https://reports.web.test/in"]; len(o.posted) != 1 || unpack(t, text)["policies"] == nil {
		t.Errorf("posted: %v", o.posted)
	}
	if len(o.said) != 2 || !strings.Contains(o.said[1], "status 500") {
		t.Errorf("said: %q", o.said)
	}
	if o.Send(t.Context()); len(o.sent) != 1 {
		t.Error("a report went out twice")
	}
	o.opt.Enabled = false
	if o.Report(event("mail.test", Success)); len(o.Take(o.now.Add(48*time.Hour))) > 0 {
		t.Error("counted although nobody wants it")
	}
}

// Nobody can fill the memory.
func TestBounds(t *testing.T) {
	var c Counts
	for i := range maxPolicies + 10 {
		c.Add(event(fmt.Sprintf("d%d.test", i), Success))
	}
	for i := range maxDetails + 10 {
		e := event("d1.test", Expired)
		e.MX = fmt.Sprintf("mx%d.test", i)
		c.Add(e)
	}
	days := c.Take(noon.Add(24 * time.Hour))
	if len(days) != maxPolicies {
		t.Fatalf("%d domains", len(days))
	}
	for _, d := range days {
		if tally := d.Tallies[0]; d.Domain == "d1.test" && (len(tally.Details) != maxDetails || tally.Failed != maxDetails+10) {
			t.Errorf("%d details, %d failures", len(tally.Details), tally.Failed)
		}
	}
}

func TestPost(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "report" || r.Header.Get("Content-Type") != "application/tlsrpt+gzip" {
			t.Errorf("%q %v", body, r.Header)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	if err := Poster(nil).Post(t.Context(), server.URL, []byte("report")); err != nil {
		t.Error(err)
	}
	status = http.StatusInternalServerError
	if err := Poster(nil).Post(t.Context(), server.URL, []byte("report")); err == nil {
		t.Error("a refusal is no error")
	}
}

func FuzzTargets(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=mailto:a@b,https://c/d")
	f.Fuzz(func(t *testing.T, record string) {
		for _, uri := range targets(record) {
			if to, ok := cutScheme(uri, "mailto:"); ok && len(to) > len(record) {
				t.Errorf("%q gives %q", record, to)
			}
		}
		if len(targets(record)) > maxTargets {
			t.Errorf("%q gives too many", record)
		}
	})
}
