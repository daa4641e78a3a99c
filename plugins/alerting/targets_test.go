package alerting

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk/sdktest"
)

func sample() *notice {
	n := &notice{
		Host: "mx.example.com", Rule: "queue", Kind: kindRaised, Key: "example.org", Condition: "x is more than 1 for 5m0s", Value: 2,
		Detail: "550 no", Since: time.Unix(1000, 0), Time: time.Unix(1060, 0).UTC(), Held: 3,
	}
	n.Text = n.summary()
	return n
}

// trusted writes a server's certificate to a file.
func trusted(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWebhookPosts(t *testing.T) {
	var got notice
	var header http.Header
	var path string
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header, path = r.Header, r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of the handshake that fails
	o := webhookOptions{Name: "w", URL: s.URL + "/hook", SecretPath: "/hidden", Secret: "word", Headers: map[string]string{"x-team": "mail"}, Timeout: 10 * time.Second}
	o.CAFile = trusted(t, s)
	w, err := newWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.send(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if got.Text != "queue (example.org): x is more than 1 for 5m0s, now 2; the last: 550 no" || got.Value != 2 || got.Held != 3 || !got.Time.Equal(time.Unix(1060, 0)) {
		t.Errorf("%+v", got)
	}
	if path != "/hook/hidden" || header.Get("Authorization") != "Bearer word" || header.Get("X-Team") != "mail" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", path, header)
	}
	o.CAFile = ""
	if w, err = newWebhook(o); err != nil {
		t.Fatal(err)
	}
	if err := w.send(t.Context(), sample()); err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

func TestStatusDecidesAboutRetries(t *testing.T) {
	for status, again := range map[int]bool{500: true, 503: true, 429: true, 408: true, 302: false, 400: false, 404: false} {
		err := judgeStatus(status)
		if err == nil || errors.As(err, new(lasting)) == again {
			t.Errorf("%d: %v", status, err)
		}
	}
	if judgeStatus(204) != nil {
		t.Error("204 is success")
	}
}

// flaky fails as often as it is told.
type flaky struct {
	errs  []error
	tries int
}

func (f *flaky) String() string { return "flaky" }
func (f *flaky) send(context.Context, *notice) error {
	f.tries++
	if f.tries <= len(f.errs) {
		return f.errs[f.tries-1]
	}
	return nil
}

func TestOutletTriesAgain(t *testing.T) {
	soft := errors.New("busy")
	for name, c := range map[string]struct {
		errs   []error
		tries  int
		status string
	}{
		"second":   {[]error{soft}, 2, "flaky: 1 told, 0 lost, 0 waiting"},
		"never":    {[]error{soft, soft, soft, soft}, 3, "flaky: 0 told, 1 lost, 0 waiting; the last: busy"},
		"for good": {[]error{lasting{soft}, soft}, 1, "flaky: 0 told, 1 lost, 0 waiting; the last: busy"},
	} {
		var pauses []time.Duration
		f, host := &flaky{errs: c.errs}, &sdktest.Host{}
		o := newOutlet(f, 2, time.Second)
		o.tell(sample())
		close(o.queue)
		o.run(t.Context(), host, func(d time.Duration) <-chan time.Time {
			pauses = append(pauses, d)
			now := make(chan time.Time, 1)
			now <- time.Time{}
			return now
		})
		if f.tries != c.tries || o.status() != c.status || len(pauses) != c.tries-1 || c.tries == 3 && pauses[1] != 2*time.Second {
			t.Errorf("%s: %d tries, %s, %v", name, f.tries, o.status(), pauses)
		}
		if lost := len(host.Logs()) == 1; lost != strings.Contains(c.status, "1 lost") {
			t.Errorf("%s: %v", name, host.Logs())
		}
	}
}

func TestOutletIsBounded(t *testing.T) {
	o := newOutlet(&flaky{}, 0, time.Second)
	for range maxWaiting + 7 {
		o.tell(sample())
	}
	if o.status() != "flaky: 0 told, 7 lost, 100 waiting; the last: too many notices wait" {
		t.Error(o.status())
	}
}

func TestMailSaysEverything(t *testing.T) {
	host := &sdktest.Host{}
	m := &mail{host: host, from: "postmaster@mx.example.com", to: []string{"a@example.com", "b@example.com"}}
	if err := m.send(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	in := host.Injected()[0]
	if len(in.Recipients) != 2 || in.Sender != "postmaster@mx.example.com" {
		t.Errorf("%+v", in)
	}
	if _, marked := in.Context.Get(markOfAlerts); !marked {
		t.Error("alert mail is not marked")
	}
	all := string(in.Header) + string(in.Body.Inline)
	for _, want := range []string{"Subject: mx.example.com: raised: queue (example.org)\r\n", "Auto-Submitted: auto-generated\r\n", "the last: 550 no", "Held back: 3", "Since:     1970-01-01T00:16:40Z\r\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

func TestSyslogFrames(t *testing.T) {
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	path := filepath.Join(t.TempDir(), "log")
	local, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	send := func(url, facility string) {
		s, err := newSyslog(syslogOptions{Name: "s", URL: url, Facility: facility, Tag: "mtad", Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.send(t.Context(), sample()); err != nil {
			t.Fatal(err)
		}
	}
	line := "1 1970-01-01T00:17:40.000000Z mx.example.com mtad - alert - alert raised: " + sample().Text
	buf := make([]byte, 2000)
	send("udp://"+datagrams.LocalAddr().String(), "mail")
	if n, _, err := datagrams.ReadFrom(buf); err != nil || string(buf[:n]) != "<19>"+line {
		t.Errorf("%v %q", err, buf[:n])
	}
	send("unix://"+path, "local7")
	if n, _, err := local.ReadFrom(buf); err != nil || string(buf[:n]) != "<187>Jan  1 00:17:40 mtad: alert raised: "+sample().Text {
		t.Errorf("%v %q", err, buf[:n])
	}
	send("tcp://"+stream.Addr().String(), "daemon")
	conn, err := stream.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil || string(got) != strconv.Itoa(4+len(line))+" <27>"+line {
		t.Errorf("%v %q", err, got)
	}
}

func TestTextOfPeersIsOneLine(t *testing.T) {
	if got := oneLine("a\r\nb\x00\x1b[31mc  \xff" + strings.Repeat("é", 600)); strings.ContainsAny(got, "\r\n\x00\x1b") || !utf8.ValidString(got) || len(got) > maxText {
		t.Errorf("%q", got)
	}
}
