package bounce

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
)

// TestWhatTheSenderAskedFor: RFC 3461's parameters.
func TestWhatTheSenderAskedFor(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "headers"}, &sent)
	a := attempt()
	a.Message.DSN = message.DSN{EnvID: "QQ+2B1", Ret: "FULL", ORcpt: "rfc822;who+2Bx@a.test", Notify: message.NotifyFailure}
	if err := g.Fail(context.Background(), a); err != nil || len(sent) != 1 {
		t.Fatal(err)
	}
	p := parts(t, sent[0])
	if !strings.Contains(p[1], "Original-Envelope-Id: QQ+1\r\n") || !strings.Contains(p[1], "Original-Recipient: rfc822; who+x@a.test\r\n") || !strings.Contains(p[2], "the body") {
		t.Errorf("%s\n%s", p[1], p[2])
	}
	a.Message.DSN.Ret = "HDRS"
	g = generator(&Options{Generate: true, Original: "all"}, &sent)
	if err := g.Fail(context.Background(), a); err != nil || strings.Contains(parts(t, sent[1])[2], "the body") {
		t.Errorf("RET=HDRS: %v", err)
	}
	for _, n := range []message.Notify{message.NotifyNever, message.NotifySuccess | message.NotifyDelay} {
		if a.Message.DSN.Notify = n; g.Fail(context.Background(), a) != nil || len(sent) != 2 {
			t.Errorf("NOTIFY=%s: %d sent", n, len(sent))
		}
	}
}

func TestDoubleBounce(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "none", FailuresTo: "post@a.test"}, &sent)
	a := attempt()
	a.Message.Sender, a.Message.Bounce = "", true
	if err := g.Fail(context.Background(), a); err != nil || len(sent) != 1 || sent[0].Recipients[0] != "post@a.test" || sent[0].Sender != "" {
		t.Fatalf("%v %+v", err, sent)
	}
	again := attempt()
	again.Message.Sender, again.Message.Bounce, again.Message.Context = "", true, sent[0].Context
	if err := g.Fail(context.Background(), again); err != nil || len(sent) != 1 {
		t.Errorf("the failure of a double bounce was told: %v, %d sent", err, len(sent))
	}
}

// TestInternationalReports: RFC 6533, and the form that everybody reads.
func TestInternationalReports(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "headers"}, &sent)
	a := attempt()
	a.Message.Recipient, a.Reply = "jörg@b.test", "550 5.1.1 läuft nicht"
	if err := g.Fail(context.Background(), a); err != nil {
		t.Fatal(err)
	}
	if p := parts(t, sent[0])[1]; !strings.Contains(p, `Final-Recipient: utf-8; j\x{F6}rg@b.test`) || !strings.Contains(p, "l?uft") || !ascii(p) {
		t.Error(p)
	}
	a.Message.SMTPUTF8 = true
	if err := g.Fail(context.Background(), a); err != nil {
		t.Fatal(err)
	}
	root := mail.ParseMIME(sent[1].Header, sent[1].Body.Inline)
	s := classes.ParseStatus(root)
	if s == nil || s.Recipients[0].Get("Final-Recipient") != "utf-8; jörg@b.test" || root.Children()[2].ContentType().Type != "message/global-headers" {
		t.Errorf("%s%s", sent[1].Header, sent[1].Body.Inline)
	}
	if v, _ := sent[1].Context.Get("#8bitmime"); v != "1" || !strings.Contains(string(sent[1].Header), "report-type=global-delivery-status") {
		t.Error("the report is not declared as it is")
	}
}

func TestDelays(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Generate: true, Original: "all"}, &sent)
	o := &DelayOptions{Generate: true, First: 3 * time.Hour, Longest: 24 * time.Hour}
	a := attempt()
	a.Reply = "451 4.3.2 later"
	// The manual's example: at 3, 9, 21, 45 hours, then every 24 hours.
	for _, one := range []struct{ hours, sent int }{{2, 0}, {3, 1}, {8, 1}, {9, 2}, {20, 2}, {21, 3}, {45, 4}, {69, 5}, {200, 6}} {
		a.Now = a.Message.Received.Add(time.Duration(one.hours) * time.Hour)
		if err := g.Delay(context.Background(), a, o); err != nil || len(sent) != one.sent {
			t.Errorf("after %d hours: %v, %d sent, want %d", one.hours, err, len(sent), one.sent)
		}
	}
	if p := parts(t, sent[0]); !strings.Contains(p[1], "Action: delayed\r\nStatus: 4.3.2\r\n") || strings.Contains(p[2], "the body") {
		t.Errorf("%s", p)
	}
	var none []*sdk.Injection
	g, a = generator(&Options{}, &none), &logs.Attempt{Message: &message.Message{Sender: "a@b", DSN: message.DSN{Notify: message.NotifyNever}}, Now: time.Now()}
	if err := g.Delay(context.Background(), a, o); err != nil || len(none) != 0 {
		t.Errorf("NOTIFY=NEVER: %v, %d sent", err, len(none))
	}
}

func TestRelayed(t *testing.T) {
	var sent []*sdk.Injection
	g := generator(&Options{Original: "headers"}, &sent)
	a := attempt()
	a.Reply, a.Message.DSN.Notify = "250 2.0.0 ok", message.NotifySuccess
	if err := g.Tell(context.Background(), a, classes.Relayed); err != nil || len(sent) != 1 || !strings.Contains(parts(t, sent[0])[1], "Action: relayed\r\nStatus: 2.0.0") {
		t.Errorf("%v %d", err, len(sent))
	}
}
