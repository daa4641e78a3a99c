package httpd

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

const (
	rawType  = "message/rfc822"
	jsonType = "application/json"
)

// A message as it is, with its envelope in the query or in headers.
func TestRawMessage(t *testing.T) {
	w := start(t, Options{}, nil)
	a := w.send(rawType, "?from=s@y.test&to=a@x.test", strings.ReplaceAll(simple, "\r\n", "\n"))
	if a.status != 200 || len(a.accepted.Messages) != 1 || a.accepted.Messages[0].Recipient != "a@x.test" {
		t.Fatalf("%+v", a)
	}
	raw, m := w.stored()
	if m.ID != a.accepted.Messages[0].ID || m.BatchID != a.accepted.BatchID || m.Sender != "s@y.test" || m.Protocol != sdk.ProtocolREST {
		t.Errorf("%+v", m)
	}
	trace, rest, _ := strings.Cut(raw, "Date: ")
	if "Date: "+rest != simple {
		t.Errorf("stored %q", raw)
	}
	want := "Received: from [127.0.0.1]\r\n\tby mx.test with HTTP id " + m.BatchID + "\r\n\tfor <a@x.test>;\r\n\tTue, 25 Aug 2009 11:40:46 +0000\r\n"
	if trace != want {
		t.Errorf("trace %q, want %q", trace, want)
	}
	a = w.send(rawType, "", simple, func(r *http.Request) {
		r.Header.Set(headerFrom, "<>")
		r.Header.Add(headerTo, `"a,b"@x.test, <c@x.test>`)
		r.Header.Add(headerTo, "c@x.test")
	})
	if a.status != 200 || len(a.accepted.Messages) != 2 || a.accepted.Messages[0].Recipient != `"a,b"@x.test` {
		t.Fatalf("%+v", a)
	}
	if _, m := w.stored(); m.Sender != "" || m.Recipient != "c@x.test" {
		t.Errorf("%+v", m)
	}
	if user, _ := w.queued[0].ConnContext.Get("auth_user"); user != "crm" {
		t.Errorf("auth_user is %q", user)
	}
}

// A large message goes to the disk while it arrives; its line ends that come
// apart at a piece's border are one all the same.
func TestLargeRawMessage(t *testing.T) {
	w := start(t, Options{}, nil)
	body := strings.Repeat(strings.Repeat("x", 69)+"\r\n", 3000)
	w.send(rawType, "?from=s@y.test&to=a@x.test", simple+body).wants(t, 200, "")
	if raw, _ := w.stored(); !strings.HasSuffix(raw, simple+body) {
		t.Errorf("%d octets of %d", len(raw), len(simple+body))
	}
}

// An envelope and parts become a message.
func TestJSONParts(t *testing.T) {
	w := start(t, Options{}, nil)
	content := base64.StdEncoding.EncodeToString([]byte{0, 1, 2, 255})
	a := w.send(jsonType+"; charset=utf-8", "", fmt.Sprintf(`{
		"from": {"email": "me@y.test", "name": "Jörg \"J\""}, "sender": "bounce@y.test",
		"recipients": ["a@x.test", {"email": "b@x.test"}, "B <c@x.test>"], "to": "Everybody <list@x.test>", "reply_to": "me@z.test",
		"subject": "Grüße\r\nBcc: evil@x.test", "text": "one\n.\ntwo ü", "html": "<p>three</p>",
		"headers": {"X-Campaign": "7\r\nX-Evil: 1"}, "attachments": [{"name": "ä.bin", "type": "image/png", "content": %q}]}`, content))
	if a.status != 200 || len(a.accepted.Messages) != 3 || a.accepted.Messages[2].Recipient != "c@x.test" {
		t.Fatalf("%+v", a)
	}
	raw, m := w.stored()
	section, body := mail.SplitMessage([]byte(raw))
	if m.Sender != "bounce@y.test" {
		t.Errorf("sender %q", m.Sender)
	}
	for name, want := range map[string]string{
		"From": `"Jörg \"J\"" <me@y.test>`, "To": `"Everybody" <list@x.test>`, "Reply-To": "me@z.test",
		"Subject": "Grüße Bcc: evil@x.test", "X-Campaign": "7 X-Evil: 1", "MIME-Version": "1.0",
	} {
		if got := mail.Header(section, name); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Bcc", "X-Evil"} {
		if got := mail.Header(section, name); len(got) != 0 {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got := mail.ParseAddresses(mail.RawHeader(section, "From")[0]); len(got) != 1 || got[0].String() != "me@y.test" {
		t.Errorf("From is %v in %s", got, section)
	}
	for _, want := range []string{"multipart/alternative", "text/plain", "text/html", "<p>three</p>", content, "image/png"} {
		if !strings.Contains(raw, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

// Several recipients need not know each other; one is told that it is for them.
func TestJSONFields(t *testing.T) {
	w := start(t, Options{}, nil)
	for recipients, want := range map[string]string{
		`"a@x.test"`: "a@x.test", `["a@x.test"]`: "a@x.test", `["a@x.test","b@x.test"]`: "undisclosed-recipients:;",
	} {
		w.send(jsonType, "", `{"from":"A <me@y.test>","recipients":`+recipients+`}`).wants(t, 200, "")
		raw, m := w.stored()
		if got := mail.Header([]byte(raw), "To"); len(got) != 1 || got[0] != want || m.Sender != "me@y.test" {
			t.Errorf("To is %q for %s, sender %q", got, recipients, m.Sender)
		}
	}
	w.send(jsonType, "", `{"sender":"","recipients":"a@x.test","raw":"Subject: t\n\nhi\n"}`).wants(t, 200, "")
	if raw, m := w.stored(); !strings.Contains(raw, "Subject: t\r\n") || !strings.HasSuffix(raw, "\r\n\r\nhi\r\n") || m.Sender != "" {
		t.Errorf("%q from %q", raw, m.Sender)
	}
}

// SMTPUTF8 is asked of the next hop where an address needs it.
func TestInternationalAddress(t *testing.T) {
	w := start(t, Options{}, nil)
	w.send(jsonType, "", `{"from":"me@y.test","recipients":"jörg@x.test"}`).wants(t, 200, "")
	if _, m := w.stored(); !m.SMTPUTF8 || m.Recipient != "jörg@x.test" {
		t.Errorf("%+v", m)
	}
}

// What is wrong is said, and nothing is queued.
func TestBadRequests(t *testing.T) {
	w := start(t, Options{MaxRcpts: 2, MaxRequest: 5000}, nil)
	for _, c := range []struct {
		kind, query, content string
		status               int
		text                 string
	}{
		{"text/plain", "", "x", 415, "Content-Type"},
		{"", "", "x", 415, "Content-Type"},
		{rawType, "", simple, 400, "one sender"},
		{rawType, "?from=s@y.test", simple, 400, "no recipient"},
		{rawType, "?from=s@y.test&from=t@y.test&to=a@x.test", simple, 400, "one sender"},
		{rawType, "?from=s@y.test&to=a@x.test&to=b@x.test&to=c@x.test", simple, 400, "more than 2"},
		{rawType, "?from=s&to=a@x.test", simple, 400, `sender "s"`},
		{rawType, "?from=s@y.test&to=a@x.test%0d%0aDATA", simple, 400, "recipient"},
		{rawType, "?from=s@y.test&to=<>", simple, 400, "recipient"},
		{rawType, "?from=s@y.test&to=@r.test:a@x.test", simple, 400, "recipient"},
		{rawType, "?from=s@y.test&to=a@x.test", "", 422, "header"},
		{rawType, "?from=s@y.test&to=a@x.test", strings.Repeat("x", 5001), 413, "too large"},
		{rawType, "?from=s@y.test&to=a@x.test", "X: " + strings.Repeat("x", 4200) + "\r\n\r\n", 413, "header section"},
		{jsonType, "", "", 400, "JSON"},
		{jsonType, "", "{}{}", 400, "JSON"},
		{jsonType, "", `{"form":"x"}`, 400, "form"},
		{jsonType, "", `{"recipients":"a@x.test"}`, 400, "from is needed"},
		{jsonType, "", `{"raw":"x","subject":"y","recipients":"a@x.test"}`, 400, "parts"},
		{jsonType, "", `{"raw":"Subject: x\n\n","recipients":"a@x.test"}`, 400, "sender is needed"},
		{jsonType, "", `{"from":"me@y.test","recipients":[]}`, 400, "no recipient"},
		{jsonType, "", `{"from":"me@y.test","recipients":"a@x.test","headers":{"Received":"x"}}`, 400, "cannot be set"},
		{jsonType, "", `{"from":"me@y.test","recipients":"a@x.test","headers":{"A b":"x"}}`, 400, "cannot be set"},
		{jsonType, "", `{"from":"me@y.test","recipients":"a@x.test","attachments":[{"content":"?"}]}`, 400, "base64"},
		{jsonType, "", `{"from":"me@y.test","text":"` + strings.Repeat("x", 5000) + `"}`, 413, "too large"},
	} {
		w.send(c.kind, c.query, c.content).wants(t, c.status, c.text)
	}
	w.send(rawType, "?from=s@y.test&to=a@x.test", simple, func(r *http.Request) { r.Header.Set(headerTo, "b@x.test") }).wants(t, 400, "either")
	w.send(jsonType, "", "{}", func(r *http.Request) { r.Method = http.MethodGet }).wants(t, 405, "POST")
	w.send(jsonType, "", "{}", func(r *http.Request) { r.URL.Path = "/" }).wants(t, 404, "")
	// Without a length the limit holds just as well.
	long := func(r *http.Request) { r.ContentLength = -1 }
	w.send(jsonType, "", strings.Repeat(" ", 6000), long).wants(t, 413, "too large")
	w.send(rawType, "?from=s@y.test&to=a@x.test", strings.Repeat(simple, 200), long).wants(t, 413, "too large")
	if len(w.queued) != 0 {
		t.Errorf("%d messages queued", len(w.queued))
	}
	if got := strings.Join(w.rejected, "; "); got != "550 5.6.0 message has no header section; 552 5.3.4 header section is too large" {
		t.Errorf("the rejectlog has %s", got)
	}
	if w.bodies.Load() != 0 {
		t.Errorf("%d bytes of bodies are still counted", w.bodies.Load())
	}
}

// What policy says becomes HTTP's words, with SMTP's codes; what it is caused by
// stays here.
func TestPolicyRefuses(t *testing.T) {
	replies := map[string]*smtp.Reply{
		"no@x.test": smtp.NewReply(550, "5.7.1", "not\nthis"), "later@x.test": smtp.NewReply(451, "4.7.1", "later"),
		"big@x.test": smtp.NewReply(552, "5.3.4", "too big"),
	}
	w := start(t, Options{}, func(_ context.Context, m *sdk.Message) sdk.PhaseResult {
		if m.Recipient == "broken@x.test" {
			return sdk.PhaseResult{Failed: true, Reply: smtp.NewReply(451, "4.3.0", "temporary issue").WithCause(fmt.Errorf("/etc/secret.lua:3"))}
		}
		return sdk.PhaseResult{Reply: replies[string(m.Recipient)]}
	})
	for to, want := range map[string]struct {
		status int
		error  errorJSON
	}{
		"no@x.test": {422, errorJSON{550, "5.7.1", "not this"}}, "later@x.test": {503, errorJSON{451, "4.7.1", "later"}},
		"big@x.test": {413, errorJSON{552, "5.3.4", "too big"}}, "broken@x.test": {503, errorJSON{451, "4.3.0", "temporary issue"}},
	} {
		a := w.send(rawType, "?from=s@y.test&to="+to, simple)
		if a.status != want.status || a.problem != want.error {
			t.Errorf("%s: %d %+v", to, a.status, a.problem)
		}
		if (a.header.Get("Retry-After") != "") != (want.status == 503) {
			t.Errorf("%s: Retry-After %q", to, a.header.Get("Retry-After"))
		}
	}
	a := w.send(rawType, "?from=s@y.test&to=no@x.test&to=yes@x.test", simple)
	if a.status != 200 || len(a.accepted.Messages) != 1 || len(a.accepted.Rejected) != 1 || a.accepted.Rejected[0].Error.Code != 550 {
		t.Errorf("%+v", a)
	}
}

// A spool that cannot write is no 200.
func TestSpoolFails(t *testing.T) {
	w := start(t, Options{}, nil)
	w.spool.err = errFull
	a := w.send(rawType, "?from=s@y.test&to=a@x.test", simple)
	if a.status != 503 || a.problem.Code != 452 || a.problem.Enhanced != "4.3.1" || strings.Contains(a.problem.Message, "full") {
		t.Errorf("%+v", a)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(`{"from":"me@y.test","recipients":["a@x.test"],"subject":"s","text":"t","html":"h","headers":{"X":"y"}}`)
	f.Add(`{"sender":"","raw":"A: b\n\nc","recipients":{"email":"a@x.test","name":"\r\n"}}`)
	f.Add(`{"from":"\"a\" <b@c>","to":["x","y"],"recipients":"a@x.test","attachments":[{"content":"AA=="}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, bad := parseRequest([]byte(text))
		if bad != nil {
			return
		}
		env, bad := newEnvelope(r.sender(), r.recipients(), 10)
		if bad != nil {
			return
		}
		for _, a := range env.to {
			if strings.ContainsAny(string(a), "\r\n<>\x00") && !strings.HasPrefix(string(a), `"`) {
				t.Errorf("recipient %q", a)
			}
		}
		raw, bad := r.message(env)
		if bad != nil || r.Raw != "" {
			return
		}
		section, _ := mail.SplitMessage(raw)
		for _, h := range mail.ListHeaders(section) {
			if !mail.ValidName(h.Name) || strings.EqualFold(h.Name, "Received") {
				t.Errorf("a field %q came of %q", h.Name, text)
			}
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add("s@y.test", `"a,b"@x.test, c@x.test`)
	f.Fuzz(func(t *testing.T, from, to string) {
		env, bad := rawEnvelope(http.Header{headerFrom: {from}, headerTo: {to}}, nil, 5)
		if bad != nil {
			return
		}
		for _, a := range append(env.to, env.from) {
			if strings.ContainsAny(string(a), "\r\n\x00") {
				t.Errorf("%q of %q and %q", a, from, to)
			}
		}
	})
}
