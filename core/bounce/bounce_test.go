package bounce

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

func generator(o *Options, sent *[]*sdk.Injection) *Generator {
	return &Generator{
		Hostname:   func() string { return "mx.example.com" },
		Now:        func() time.Time { return time.Unix(1251200446, 0).UTC() },
		NewID:      func() string { return "00/00-00001-00000001" },
		OptionsFor: func(_, _, _ string) *Options { return o },
		Open: func(*message.Message) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("Subject: hello\r\nFrom: <a@b.test>\r\n\r\nthe body\r\n")), nil
		},
		Inject: func(_ context.Context, in *sdk.Injection) ([]string, error) {
			*sent = append(*sent, in)
			return []string{"x"}, nil
		},
	}
}

func attempt() *logs.Attempt {
	return &logs.Attempt{
		Message: &message.Message{ID: "00/00-00002-00000002", Sender: "a@b.test", Recipient: "bob@example.fict",
			Received: time.Unix(1251200000, 0).UTC(), Content: message.Content{Body: message.BodyRef{Length: 10}}},
		Now: time.Unix(1251200446, 0).UTC(), Remote: netip.MustParseAddr("192.0.2.7"), Reply: "550 5.1.1 no such user",
	}
}

// parts reads a notification back with the standard library.
func parts(t *testing.T, in *sdk.Injection) []string {
	t.Helper()
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(in.Header, "\r\n"...)))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(head.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("content type %q %v: %v", kind, params, err)
	}
	var out []string
	r := multipart.NewReader(bytes.NewReader(in.Body.Inline), params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Header.Get("Content-Type")+"\n"+string(b))
	}
}

func TestNotification(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "headers"}, &sent)
	if err := g.Fail(context.Background(), attempt()); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 1 || sent[0].Sender != "" || sent[0].Recipients[0] != "a@b.test" || !sent[0].Bounce {
		t.Fatalf("sent %+v", sent)
	}
	p := parts(t, sent[0])
	if len(p) != 3 {
		t.Fatalf("%d parts", len(p))
	}
	for _, want := range []string{"Reporting-MTA: dns; mx.example.com", "Final-Recipient: rfc822; bob@example.fict",
		"Action: failed", "Status: 5.1.1", "Remote-MTA: dns; [192.0.2.7]", "Diagnostic-Code: smtp; 550 5.1.1 no such user"} {
		if !strings.Contains(p[1], want) {
			t.Errorf("status part lacks %q:\n%s", want, p[1])
		}
	}
	if !strings.Contains(p[2], "text/rfc822-headers") || !strings.Contains(p[2], "Subject: hello") || strings.Contains(p[2], "the body") {
		t.Errorf("original part: %s", p[2])
	}
}

func TestWholeOriginal(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "all"}, &sent)
	if err := g.Fail(context.Background(), attempt()); err != nil {
		t.Fatal(err)
	}
	if p := parts(t, sent[0]); !strings.Contains(p[2], "message/rfc822") || !strings.Contains(p[2], "the body") {
		t.Errorf("original part: %s", p[2])
	}
}

func TestNobodyIsTold(t *testing.T) {
	cases := map[string]func(a *logs.Attempt, o *Options){
		"null sender":        func(a *logs.Attempt, _ *Options) { a.Message.Sender = "" },
		"a bounce":           func(a *logs.Attempt, _ *Options) { a.Message.Bounce = true },
		"bounces turned off": func(_ *logs.Attempt, o *Options) { o.Generate = false },
	}
	for name, change := range cases {
		var sent []*sdk.Injection
		a, o := attempt(), &Options{Generate: true, Original: "none"}
		change(a, o)
		if err := generator(o, &sent).Fail(context.Background(), a); err != nil || len(sent) != 0 {
			t.Errorf("%s: %v, %d sent", name, err, len(sent))
		}
	}
}
