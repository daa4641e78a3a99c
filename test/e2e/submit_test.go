package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// ehloPhase is the script of the manual's first steps.
func ehloPhase() mtatest.Script {
	return mtatest.Script{Name: "ehlo_phase", Text: `require("msys.core");
local mod = {};
function mod:validate_ehlo(str, ac, vctx)
  print("ehlo string is: " .. tostring(str));
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("ehlo_phase", mod);
`}
}

// TestManualsFirstScript: a message comes in, the script prints to the
// paniclog, and the next hop gets the message with a Received field.
func TestManualsFirstScript(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{ehloPhase()}})
	began := time.Now().Truncate(time.Second)
	s.PlayFile(t, "testdata/submit.smtp")
	got := sink.Wait(t, "rcpt@example.com")
	if got.From != "sender@client.test" || got.Header("Subject") != "first" {
		t.Errorf("the next hop got %+v", got)
	}
	if want := "A line.\r\n.A line with a dot.\r\n"; got.Body() != want {
		t.Errorf("body %q, want %q", got.Body(), want)
	}
	if r := got.Header("Received"); !strings.HasPrefix(r, "from client.test") {
		t.Errorf("Received: %q", r)
	}
	if got.Helo != "mx.test" {
		t.Errorf("we greet with EHLO %q", got.Helo)
	}
	entries := mtatest.Panics(s.Log("paniclog.ec"))
	for _, e := range entries {
		if e.Source == "scriptlet" && strings.HasPrefix(e.Text, "ehlo string is: EHLO client.test") {
			if e.Time.Before(began) || e.Time.After(time.Now()) {
				t.Errorf("the entry's time is %s", e.Time)
			}
			return
		}
	}
	t.Errorf("paniclog: %+v", entries)
}

// logScene delivers one message, has one refused for good, one for now, one by
// us, and gives the logs' records.
func logScene(t *testing.T) (s *mtatest.Server, sink *mtatest.Sink) {
	t.Helper()
	sink = mtatest.NewSink(t)
	sink.AtRcpt("never@example.com", "550 5.1.1 no such user, ask admin@example.com")
	sink.AtRcpt("later@example.com", "451 4.2.1 come back")
	s = mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "client.test"},
		Global: "binding_group \"group-a\" {\n  binding \"binding-a\" {}\n}",
		Scripts: []mtatest.Script{script("bind", `
function mod:validate_set_binding(msg) msg:binding("binding-a"); return msys.core.VALIDATE_CONT; end
`)}})
	submit(t, s, "sender@client.test", "good@example.com", "never@example.com")
	submit(t, s, "", "later@example.com")
	s.Play(t, "S: 220\nC: EHLO client.test\nS: 250\nC: MAIL FROM:<sender@client.test>\nS: 250\nC: RCPT TO:<a@elsewhere.test>\nS: 550 5.7.1 relaying denied$\nC: QUIT\nS: 221")
	sink.Wait(t, "good@example.com")
	sink.Wait(t, "sender@client.test") // the bounce
	s.Logged("mainlog.ec", "@T@")
	sink.Accept("later@example.com")
	sink.Wait(t, "later@example.com")
	s.Term()
	return s, sink
}

// TestLogFormats reads all logs of a small scene field by field
// (reference/logs.md).
func TestLogFormats(t *testing.T) {
	t.Parallel()
	s, sink := logScene(t)
	records, err := mtatest.MainLog(s.Log("mainlog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	received := map[string]mtatest.MainRecord{}
	for _, r := range records {
		if r.Type == 'R' {
			received[r.RcptLocal] = r
		}
	}
	t.Run("receptions", func(t *testing.T) { receptions(t, received) })
	t.Run("deliveries", func(t *testing.T) { deliveries(t, records, received) })
	t.Run("bounces", func(t *testing.T) { bounces(t, s, received) })
	t.Run("rejections", func(t *testing.T) { rejections(t, s) })
	t.Run("notification", func(t *testing.T) { notification(t, sink, received) })
}

func receptions(t *testing.T, received map[string]mtatest.MainRecord) {
	if len(received) != 4 {
		t.Fatalf("%d receptions: %+v", len(received), received)
	}
	good, never, later, bounce := received["good"], received["never"], received["later"], received["sender"]
	if good.Batch != never.Batch || good.Message == never.Message || good.Connection != never.Connection {
		t.Errorf("one batch, two messages, one connection: %+v %+v", good, never)
	}
	if good.Batch == later.Batch || good.Connection == later.Connection {
		t.Errorf("two batches, two connections: %+v %+v", good, later)
	}
	for _, r := range []mtatest.MainRecord{good, never} {
		if r.SenderLocal != "sender" || r.SenderDomain != "client.test" || r.RcptDomain != "example.com" ||
			r.Source != "127.0.0.1" || r.Protocol != "esmtp" || r.Group != "group-a" || r.Binding != "binding-a" {
			t.Errorf("%+v", r)
		}
		if least := int64(len(content)); r.Size < least || r.Size > least+1000 {
			t.Errorf("size %d of a content of %d", r.Size, least)
		}
	}
	if later.SenderLocal != "" || later.SenderDomain != "" {
		t.Errorf("null sender: %+v", later)
	}
	if bounce.Protocol != "internal" || bounce.Source != "unknown" && bounce.Source != "127.0.0.1" {
		t.Errorf("our bounce: %+v", bounce)
	}
}

func deliveries(t *testing.T, records []mtatest.MainRecord, received map[string]mtatest.MainRecord) {
	of := func(kind byte, local string) (out []mtatest.MainRecord) {
		for _, r := range records {
			if r.Type == kind && r.Message == received[local].Message {
				out = append(out, r)
			}
		}
		return out
	}
	for _, local := range []string{"good", "later", "sender"} {
		d := of('D', local)
		if len(d) != 1 {
			t.Fatalf("%d deliveries of %s", len(d), local)
		}
		if d := d[0]; d.Remote != "127.0.0.1" || d.Batch != received[local].Batch || d.Connection == received[local].Connection || d.Size < 100 || d.Seconds > 60 {
			t.Errorf("delivery of %s: %+v", local, d)
		}
	}
	if d := of('D', "good")[0]; d.Domain != "example.com" || d.Group != "group-a" || d.Binding != "binding-a" || d.Retries != 0 {
		t.Errorf("%+v", d)
	}
	p := of('P', "never")
	if len(p) != 1 || p[0].Text != "550 5.1.1 no such user, ask admin@example.com" || p[0].Retries != 0 || p[0].Domain != "example.com" || p[0].Remote != "127.0.0.1" {
		t.Fatalf("P %+v", p)
	}
	if stage := p[0].Stage; stage != 4 && stage != 5 {
		t.Errorf("stage %d of a refused RCPT", stage)
	}
	tr := of('T', "later")
	if len(tr) == 0 || tr[0].Text != "451 4.2.1 come back" || tr[0].Retries != 0 || tr[0].Group != "group-a" {
		t.Fatalf("T %+v", tr)
	}
	if d := of('D', "later")[0]; d.Retries != len(tr) {
		t.Errorf("D says %d retries after %d T records", d.Retries, len(tr))
	}
}

func bounces(t *testing.T, s *mtatest.Server, received map[string]mtatest.MainRecord) {
	records, err := mtatest.BounceLog(s.Log("bouncelog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[byte]int{}
	for _, r := range records {
		kinds[r.Type]++
		if r.Group != "group-a" || r.Binding != "binding-a" || r.RcptDomain != "example.com" || r.Remote != "127.0.0.1" {
			t.Errorf("%+v", r)
		}
		if r.Type != 'B' {
			continue
		}
		if r.Message != received["never"].Message || r.RcptLocal != "never" || r.SenderLocal != "sender" || r.SenderDomain != "client.test" ||
			r.Class != 10 || r.Size != received["never"].Size || r.Text != "550 5.1.1 no such user, ask admin@example.com" {
			t.Errorf("%+v", r)
		}
	}
	if kinds['B'] != 1 || kinds['T'] == 0 {
		t.Errorf("%d B and %d T records", kinds['B'], kinds['T'])
	}
}

func rejections(t *testing.T, s *mtatest.Server) {
	records, err := mtatest.RejectLog(s.Log("rejectlog.ec"))
	if err != nil || len(records) != 1 {
		t.Fatalf("%d rejections, %v", len(records), err)
	}
	r := records[0]
	if r.Local.String() != s.SMTP || r.Remote.Addr().String() != "127.0.0.1" || r.Pathway != "default" || r.Group != "default" ||
		r.Phase != "relaying denied" || r.Code != 550 || !strings.HasSuffix(r.Text, "relaying denied") {
		t.Errorf("%+v", r)
	}
	if r.Conn["ehlo_domain"] != "client.test" || !strings.HasPrefix(r.Conn["ehlo_string"], "EHLO client.test") ||
		r.Mess["mailfrom_domain"] != "client.test" || r.Mess["mailfrom_localpart"] != "sender" || r.Mess["mailfrom_string"] != "MAIL FROM:<sender@client.test>" {
		t.Errorf("contexts %v %v", r.Conn, r.Mess)
	}
}

// notification: the sender of what failed gets a DSN (RFC 3464).
func notification(t *testing.T, sink *mtatest.Sink, received map[string]mtatest.MainRecord) {
	m := sink.For("sender@client.test")[0]
	if m.From != "" {
		t.Errorf("the bounce's sender is %q", m.From)
	}
	for _, want := range []string{
		"report-type=delivery-status", "Final-Recipient: rfc822; never@example.com", "Action: failed", "Status: 5.1.1",
		"550 5.1.1 no such user", "Subject: test",
	} {
		if !strings.Contains(strings.ReplaceAll(m.Data, "rfc822;never", "rfc822; never"), want) {
			t.Errorf("no %q in\n%s", want, m.Data)
		}
	}
}

// TestRoutes: the next hop is a second mtad, by gateway, and by MX and A records
// with the preference that they give.
func TestRoutes(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	second := mtatest.Start(t, mtatest.Config{Next: sink, Relay: []string{"mx.example", "gw.example", "a.example"}})
	port := second.SMTP[strings.LastIndex(second.SMTP, ":")+1:]
	dns := mtatest.NewDNS(t, mtatest.Zone{Text: `
mx.example.      60 IN MX 20 worse.example.
mx.example.      60 IN MX 10 best.example.
best.example.    60 IN A 127.0.0.1
worse.example.   60 IN A 127.0.0.2
a.example.       60 IN A 127.0.0.1
null.example.    60 IN MX 0 .
`})
	first := mtatest.Start(t, mtatest.Config{
		DNS: dns, Relay: []string{"*.example"},
		Global: fmt.Sprintf("remote_smtp_port = %s\ndomain \"gw.example\" { gateway = \"127.0.0.1\" }\n", port),
	})
	for _, rcpt := range []string{"u@mx.example", "u@gw.example", "u@a.example"} {
		submit(t, first, "sender@client.test", rcpt)
		got := sink.Wait(t, rcpt)
		if n := strings.Count(got.Data, "\r\nReceived: ") + strings.Count(got.Data[:9], "Received:"); n != 2 {
			t.Errorf("%s: %d Received fields after two hops:\n%s", rcpt, n, got.Data)
		}
	}
	submit(t, first, "", "u@null.example", "u@unknown.example")
	first.Logged("mainlog.ec", "@P@null.example@")
	first.Logged("mainlog.ec", "@unknown.example@")
	records, err := mtatest.MainLog(first.Log("mainlog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == 'P' && r.Domain == "null.example" && r.Text != "550 5.4.4 [internal] NULL MX domain does not accept mail" {
			t.Errorf("null MX: %+v", r)
		}
		if r.Type == 'D' && r.Remote != "127.0.0.1" {
			t.Errorf("%+v", r)
		}
	}
}
