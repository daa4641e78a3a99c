package bounce

import (
	"testing"

	"github.com/mtad/mtad/sdk/mail"
)

const report = "--b\r\nContent-Type: text/plain\r\n\r\nIt did not go.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; mx.test\r\n\r\nOriginal-Recipient: rfc822; a@b.test\r\nFinal-Recipient: rfc822;<x@y.test>\r\n" +
	"Action: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2\r\n mailbox full\r\n--b--\r\n"

func parse(header, body string) *mail.Part { return mail.ParseMIME([]byte(header), []byte(body)) }

func TestParseStatus(t *testing.T) {
	s := ParseStatus(parse("Content-Type: multipart/report; boundary=b\r\n", report))
	if s == nil || s.Message.Get("reporting-mta") != "dns; mx.test" || len(s.Recipients) != 1 {
		t.Fatalf("got %+v", s)
	}
	r := s.Recipients[0]
	if r.Address("Final-Recipient") != "x@y.test" || r.Get("Diagnostic-Code") != "smtp; 552 5.2.2 mailbox full" || r.Address("Action") != "" {
		t.Errorf("got %+v", r)
	}
	if ParseStatus(parse("", "text")) != nil {
		t.Error("a plain message has a status")
	}
}

func TestClassifyMessage(t *testing.T) {
	type row struct {
		header, body string
		class        Class
		recipient    string
	}
	for name, c := range map[string]row{
		"report":      {"Content-Type: multipart/report; boundary=b\r\n", report, MailboxFull, "a@b.test"},
		"vacation":    {"Subject: Out of office: hi\r\n", "I am away", AutoReply, ""},
		"unsubscribe": {"Subject: Unsubscribe\r\n", "", Unsubscribe, ""},
		"old form":    {"Subject: failure notice\r\nX-Failed-Recipients: a@b.test\r\n", "550 no such user", InvalidRecipient, "a@b.test"},
		"no word":     {"Subject: Undelivered Mail Returned to Sender\r\n", "sorry", NoRecipient, ""},
		"no bounce":   {"Subject: hello\r\n", "how are you", Undetermined, ""},
	} {
		if class, rcpt := ClassifyMessage(parse(c.header, c.body)); class != c.class || rcpt != c.recipient {
			t.Errorf("%s: %d %q", name, class, rcpt)
		}
	}
}

func TestClassify(t *testing.T) {
	for reply, want := range map[string]Class{
		"550 5.1.1 no such user":                                               InvalidRecipient,
		"552 No such account":                                                  InvalidRecipient,
		"550 5.1.1 xyzzy":                                                      InvalidRecipient,
		"452 4.2.2 over quota":                                                 MailboxFull,
		"552 5.3.4 message size limit exceeded":                                TooLarge,
		"554 5.4.7 [internal] exceeded max time without delivery":              Timeout,
		"554 5.4.4 [internal] Domain Lookup Failed":                            DNSFailure,
		"550 5.7.1 relaying denied":                                            RelayingDenied,
		"554 blocked using zen.spamhaus.org":                                   SpamBlock,
		"451 4.4.1 [internal] No valid hosts (unable to make any connections)": TransientFailure,
		"599 who knows":                                                        Undetermined,
	} {
		if got := Classify(reply); got != want {
			t.Errorf("%q: class %d, want %d", reply, got, want)
		}
	}
}

func TestInfo(t *testing.T) {
	if Class(24).Info().Symbol != "BC_SOFT_TIMEOUT" || Class(7).Info().Symbol != "" {
		t.Error("symbols")
	}
}

func TestEnhancedCode(t *testing.T) {
	for _, c := range []struct {
		reply string
		a     Action
		want  string
	}{{"550 5.1.1 x", Failed, "5.1.1"}, {"450 x", Delayed, "4.0.0"}, {"", Failed, "5.0.0"}, {"", Delayed, "4.0.0"}, {"", Relayed, "2.0.0"}} {
		if got := EnhancedCode(c.reply, c.a); got != c.want {
			t.Errorf("%q %s: %s", c.reply, c.a, got)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("Reporting-MTA: dns; x\r\n\r\nAction: failed\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s := parseStatus(body); s != nil && s.Message == nil && len(s.Recipients) == 0 {
			t.Error("a status of nothing")
		}
	})
}
