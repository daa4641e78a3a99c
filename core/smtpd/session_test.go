package smtpd

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// hello opens a session.
const hello = `
	S: ^220 mta.test ESMTP$
	C: EHLO client.test
	S: ^250-mta.test
`

func TestDialogues(t *testing.T) {
	tests := []struct {
		name   string
		adjust func(*Options)
		policy policy
		script string
		mails  int
	}{
		{name: "one message", mails: 1, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250 2\.1\.0
			C: RCPT TO:<b@relay.test>
			S: ^250 2\.1\.5
			C: DATA
			S: ^354
			C: Subject: x
			C:
			C: hello
			C: .
			S: ^250 2\.0\.0
			C: QUIT
			S: ^221 2\.0\.0
			EOF`},
		{name: "capabilities", script: `
			S: ^220
			C: EHLO client.test
			S: ^250-mta.test\n250-PIPELINING\n250-SIZE 0\n250-8BITMIME\n250-CHUNKING\n250 ENHANCEDSTATUSCODES$
			C: HELO client.test
			S: ^250 mta.test$`},
		{name: "SMTPUTF8 on demand", mails: 1, adjust: func(o *Options) { o.SMTPExtra = []string{"smtputf8"} }, script: `
			S: ^220
			C: EHLO client.test
			S: 8BITMIME\n250-CHUNKING\n250 SMTPUTF8$
			C: MAIL FROM:<ü@x.test>
			S: ^553 5\.6\.7
			C: MAIL FROM:<ü@x.test> SMTPUTF8
			S: ^250
			C: RCPT TO:<ö@relay.test>
			S: ^250
			C: DATA
			S: ^354
			C: .
			S: ^250`},
		{name: "sequence", script: hello + `
			C: RCPT TO:<b@relay.test>
			S: ^503 5\.5\.1
			C: DATA
			S: ^503 5\.5\.1
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^503 5\.5\.1
			C: DATA
			S: ^503 5\.5\.1
			C: RSET
			S: ^250 2\.0\.0
			C: RCPT TO:<b@relay.test>
			S: ^503`},
		{name: "EHLO ends the transaction", script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: EHLO again.test
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^503`},
		{name: "syntax", script: hello + `
			C: MAIL
			S: ^501
			C: MAIL FROM
			S: ^501
			C: MAIL TO:<a@x.test>
			S: ^501
			C: MAIL FROM:a@x.test
			S: ^501 5\.1\.7
			C: MAIL FROM: <a@x.test>
			S: ^501 5\.1\.7
			C: MAIL FROM:<a@x.test>junk
			S: ^501
			C: MAIL FROM:<a@x.test> WHAT=1
			S: ^555 5\.5\.4
			C: MAIL FROM:<a@x.test> SIZE=x
			S: ^501 5\.5\.4
			C: MAIL FROM:<a@x.test> SIZE=1 SIZE=1
			S: ^501 5\.5\.4
			C: MAIL FROM:<a@x.test> BODY=BINARYMIME
			S: ^501 5\.5\.4
			C: mail from:<a@x.test> size=10 body=8bitmime
			S: ^250
			C: RCPT TO:<b@relay.test> NOTIFY=NEVER
			S: ^555
			C: RCPT TO:<>
			S: ^501 5\.1\.3
			C: RCPT TO:<b>
			S: ^501 5\.1\.3
			C: rcpt to:<b@relay.test>
			S: ^250
			C: DATA now
			S: ^501`},
		{name: "other verbs", script: hello + `
			C: NOOP anything
			S: ^250
			C: VRFY
			S: ^501
			C: VRFY postmaster
			S: ^252 2\.1\.5
			C: EXPN list
			S: ^502 5\.5\.1
			C: AUTH PLAIN
			S: ^502 5\.5\.1
			C: STARTTLS
			S: ^502 5\.5\.1
			C: HELP
			S: ^214
			C: SEND FROM:<a@x.test>
			S: ^500 5\.5\.1
			C: RSET now
			S: ^501
			C: QUIT now
			S: ^501
			C: EHLO
			S: ^501
			C: EHLO two words
			S: ^501
			C: QUIT 
			S: ^221`},
		{name: "null sender and postmaster", mails: 1, script: hello + `
			C: MAIL FROM:<>
			S: ^250
			C: RCPT TO:<Postmaster>
			S: ^250
			C: DATA
			S: ^354
			C: .
			S: ^250`},
		{name: "null sender refused", adjust: func(o *Options) { o.AllowNullSender = false }, script: hello + `
			C: MAIL FROM:<>
			S: ^550 5\.7\.1`},
		{name: "unqualified addresses", mails: 1, adjust: func(o *Options) { o.UnqualifiedFrom, o.UnqualifiedRcpt = "x.test", "relay.test" }, script: hello + `
			C: MAIL FROM:<a>
			S: ^250
			C: RCPT TO:<b>
			S: ^250
			C: DATA
			S: ^354
			C: .
			S: ^250`},
		{name: "blanks and lenient addresses", adjust: func(o *Options) { o.AllowBlanks, o.PedanticAddress = true, false }, script: hello + `
			C: MAIL FROM: < a..b@x_y.test > SIZE=1  
			S: ^250
			C: RCPT TO:b@relay.test
			S: ^250`},
		{name: "literals", adjust: func(o *Options) { o.AllowIPLiteral = false; o.OpenRelay = true }, script: hello + `
			C: MAIL FROM:<a@[192.0.2.1]>
			S: ^250
			C: RCPT TO:<b@[192.0.2.1]>
			S: ^550 5\.1\.3
			C: RCPT TO:<b@[192.0.2.999]>
			S: ^501`},
		{name: "source route", script: hello + `
			C: MAIL FROM:<@one.test,@two.test:a@x.test>
			S: ^250
			C: RCPT TO:<@one.test:b@relay.test>
			S: ^250
			C: RCPT TO:<@relay.test:b@other.test>
			S: ^550 5\.7\.1`},
		{name: "no relaying by default", script: hello + `
			C: MAIL FROM:<a@relay.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^550 5\.7\.1 relaying denied$
			C: RCPT TO:<b@notrelay.test>
			S: ^550
			C: RCPT TO:<b@sub.test>
			S: ^550
			C: RCPT TO:<b%other.test@relay.test>
			S: ^550
			C: RCPT TO:<"b@other.test"@relay.test>
			S: ^550
			C: RCPT TO:<b@RELAY.test>
			S: ^250
			C: RCPT TO:<b@deep.er.sub.test>
			S: ^250`},
		{name: "policy lets the peer relay", policy: policy{sdk.ValidateMailFrom: change(sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: "can_relay", Value: "true"})}, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^250`},
		{name: "open relay for some senders", adjust: func(o *Options) { o.OpenRelay, o.RelaySendingDomains = true, []string{"ours.test"} }, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^550
			C: RSET
			S: ^250
			C: MAIL FROM:<a@ours.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^250`},
		{name: "sender domains alone open nothing", adjust: func(o *Options) { o.RelaySendingDomains = []string{"ours.test"} }, script: hello + `
			C: MAIL FROM:<a@ours.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^550`},
		{name: "EHLO required", adjust: func(o *Options) { o.RequireEHLO = true }, script: `
			S: ^220
			C: NOOP
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^501
			C: HELO client.test
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^250`},
		{name: "BDAT before EHLO", adjust: func(o *Options) { o.RequireEHLO = true }, script: `
			S: ^220
			C: BDAT 6 LAST
			S: ^501
			EOF`},
		{name: "EHLO not required", script: `
			S: ^220
			C: MAIL FROM:<a@x.test>
			S: ^250`},
		{name: "banner", adjust: func(o *Options) { o.BannerHost = "other.test" }, script: `
			S: ^220 other.test ESMTP$`},
		{name: "static banner", adjust: func(o *Options) { o.StaticBanner = "220-Hi\r\n220 there" }, script: `
			S: ^220-Hi\n220 there$`},
		{name: "recipients per message", adjust: func(o *Options) { o.MaxRcpts = 2 }, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<1@relay.test>
			S: ^250
			C: RCPT TO:<2@relay.test>
			S: ^250
			C: RCPT TO:<3@relay.test>
			S: ^452 4\.5\.3 Service unavailable, recipients per message limit reached$
			C: DATA
			S: ^354`},
		{name: "recipients per connection", adjust: func(o *Options) { o.MaxConnRcpts = 1 }, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<1@relay.test>
			S: ^250
			C: RSET
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<2@relay.test>
			S: ^452 4\.5\.3`},
		{name: "receptions per connection", mails: 1, adjust: func(o *Options) { o.MaxReceptions = 1 }, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<1@relay.test>
			S: ^250
			C: DATA
			S: ^354
			C: .
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^421
			EOF`},
		{name: "size", adjust: func(o *Options) { o.MaxMessageSize = 10 }, script: `
			S: ^220
			C: EHLO client.test
			S: SIZE 10\n
			C: MAIL FROM:<a@x.test> SIZE=11
			S: ^552 5\.3\.4 message size limit exceeded$
			C: MAIL FROM:<a@x.test> SIZE=99999999999999999999
			S: ^552
			C: MAIL FROM:<a@x.test> SIZE=10
			S: ^250
			C: RCPT TO:<1@relay.test>
			S: ^250
			C: DATA
			S: ^354
			C: 12345
			C: 67890
			C: .
			S: ^552 5\.3\.4
			C: RCPT TO:<1@relay.test>
			S: ^503`},
		{name: "long line", script: hello + `
			C: NOOP ` + strings.Repeat("x", 505) + `
			S: ^250
			C: NOOP ` + strings.Repeat("x", 506) + `
			S: ^500 5\.5\.2
			C: NOOP
			S: ^250
			C: NOOP ` + strings.Repeat("x", 5000) + `
			S: ^500 5\.5\.2
			EOF`},
		{name: "bare LF in a command", script: hello + `
			C: NOOP\nMAIL FROM:<a@x.test>
			S: ^500 5\.5\.2
			EOF`},
		{name: "bare CR in a command", script: hello + `
			C: NOOP\rMAIL FROM:<a@x.test>
			S: ^500 5\.5\.2
			EOF`},
		{name: "control characters", script: hello + `
			C: MAIL FROM:<a\x00@x.test>
			S: ^500 5\.5\.2
			C: MAIL FROM:<a\t@x.test>
			S: ^500 5\.5\.2`},
		{name: "too many errors", script: hello + strings.Repeat("C: WHAT\nS: ^500\n", 20) + `
			C: WHAT
			S: ^421 4\.7\.0
			EOF`},
		{name: "duplicate recipients", mails: 1, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: DATA
			S: ^354
			C: .
			S: ^250`},
		{name: "line length policy", adjust: func(o *Options) { o.MaxLineLength, o.MaxLineLengthPol = 10, "reject" }, script: hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: DATA
			S: ^354
			C: 12345678901
			C: .
			S: ^550 5\.6\.0`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			if tt.adjust != nil {
				tt.adjust(&o)
			}
			r := start(t, o, tt.policy)
			r.dial().talk(tt.script)
			if r.count() != tt.mails {
				t.Errorf("%d messages came through, not %d", r.count(), tt.mails)
			}
			for _, m := range r.door.mails {
				if len(m.to) != 1 {
					t.Errorf("recipients %v", m.to)
				}
			}
		})
	}
}

func TestEnvelopeAndContext(t *testing.T) {
	o := options()
	o.Pathway, o.Context = "inbound", map[string]string{"trusted_mx": "yes"}
	r := start(t, o, nil)
	r.dial().talk(hello + `
		C: MAIL FROM:<Send.Er@x.test> BODY=8BITMIME SIZE=5
		S: ^250
		C: RCPT TO:<One@relay.test>
		S: ^250
		C: RCPT TO:<Two@relay.test>
		S: ^250
		C: DATA
		S: ^354
		C: Subject: x
		C: 
		C: ..dot
		C: .
		S: ^250`)
	m := r.only()
	if m.text != "Subject: x\r\n\r\n.dot\r\n" {
		t.Errorf("content %q", m.text)
	}
	if !m.env.EightBit || m.env.SMTPUTF8 || m.env.MayRelay {
		t.Errorf("envelope %+v", m.env)
	}
	if m.from != "Send.Er@x.test" || len(m.to) != 2 || m.to[1] != "Two@relay.test" {
		t.Errorf("from %s to %v", m.from, m.to)
	}
	wantConn := sdk.Dict{{Key: "pathway", Value: "inbound"}, {Key: "trusted_mx", Value: "yes"},
		{Key: "ehlo_string", Value: "EHLO client.test"}, {Key: "ehlo_domain", Value: "client.test"},
		{Key: "connection_message_count", Value: "1"}, {Key: "connection_rcpt_count", Value: "2"}, {Key: "message_rcpt_count", Value: "2"}}
	wantMess := sdk.Dict{{Key: "mailfrom_string", Value: "MAIL FROM:<Send.Er@x.test> BODY=8BITMIME SIZE=5"},
		{Key: "mailfrom_localpart", Value: "Send.Er"}, {Key: "mailfrom_domain", Value: "x.test"},
		{Key: "rcptto_string", Value: "RCPT TO:<Two@relay.test>"}, {Key: "rcptto_localpart", Value: "Two"}, {Key: "rcptto_domain", Value: "relay.test"}}
	equalDict(t, "connection", m.conn, wantConn)
	equalDict(t, "message", m.mess, wantMess)
}

func equalDict(t *testing.T, name string, got, want sdk.Dict) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s context %v, not %v", name, got, want)
	}
	for _, p := range want {
		if v, ok := got.Get(p.Key); !ok || v != p.Value {
			t.Errorf("%s context: %s is %q, not %q", name, p.Key, v, p.Value)
		}
	}
}

func TestReceived(t *testing.T) {
	o := options()
	o.ReceivedHost = "in.mta.test"
	r := start(t, o, nil)
	message := `
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: RCPT TO:<b@relay.test>
		S: ^250
		C: DATA
		S: ^354
		C: .
		S: ^250`
	p := r.dial()
	p.talk("S: ^220\n" + message)
	p.talk("C: HELO (evil);\nS: ^250\n" + message)
	want := []string{
		"from unknown ([127.0.0.1])\r\n\tby in.mta.test with SMTP id 00/00-00000-2\r\n\tfor <b@relay.test>;\r\n\tSun, 22 Nov 2026 09:30:00 +0000",
		"from ?evil?? ([127.0.0.1])\r\n\tby in.mta.test with SMTP id 00/00-00000-3\r\n\tfor <b@relay.test>;\r\n\tSun, 22 Nov 2026 09:30:00 +0000",
	}
	for i, m := range r.door.mails {
		if m.env.Received != want[i] {
			t.Errorf("got %q\nnot %q", m.env.Received, want[i])
		}
	}
}
