package bounce

import (
	"embed"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk/mail"
)

//go:embed testdata/kumomta
var vectors embed.FS

func vector(t *testing.T, name string) *mail.Part {
	t.Helper()
	raw, err := vectors.ReadFile("testdata/kumomta/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return message(string(raw))
}

func message(raw string) *mail.Part {
	header, body := mail.SplitMessage([]byte(mail.CanonicalLines(raw)))
	return mail.ParseMIME(header, body)
}

// TestReportsOfTheRFC: the recipient and class of RFC 3464's samples.
func TestReportsOfTheRFC(t *testing.T) {
	nobody := func(string) bool { return false }
	for name, want := range map[string]struct {
		class     Class
		recipient string
	}{
		"rfc3464/1.eml":                     {Timeout, "louisl@larry.slip.umd.edu"},
		"rfc3464/2.eml":                     {Generic, "arathib@vnet.ibm.com"},
		"rfc3464/4.eml":                     {TransientFailure, "thomas@de-montfort.ac.uk"},
		"rfc3464/5.eml":                     {MailboxFull, "recipient@domain.com"},
		"rfc3464/obsolete_arrival_date.eml": {InvalidRecipient, "user@example.com"},
	} {
		root := vector(t, name)
		class, _ := ClassifyMessage(root)
		if got := OriginalRecipient(root, nobody); class != want.class || got != want.recipient {
			t.Errorf("%s: %d for %q, want %d for %q", name, class, got, want.class, want.recipient)
		}
	}
}

// TestFeedbackOfTheRFC: RFC 5965's samples, and Microsoft's form without a
// report.
func TestFeedbackOfTheRFC(t *testing.T) {
	for name, header := range map[string]string{
		"rfc5965/1.eml": "From", "rfc5965/2.eml": "From", "rfc5965/3.eml": "Subject", "rfc5965/4.eml": "Subject",
	} {
		f := ParseFeedback(vector(t, name))
		if f == nil || f.Type() != "abuse" || len(mail.RawHeader(f.Original, header)) == 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	jmr := ParseFeedback(message("From: staff@hotmail.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nX-MSFBL: abc\nSubject: s\n\nbody\n--b--\n"))
	if jmr == nil || jmr.Type() != "" || strings.Join(mail.RawHeader(jmr.Original, "X-MSFBL"), "") != "abc" {
		t.Errorf("JMR: %+v", jmr)
	}
	if ParseFeedback(message("Subject: hello\n\nhello\n")) != nil {
		t.Error("a plain message is a complaint")
	}
}

// TestOldForms: bounces from before RFC 3464.
func TestOldForms(t *testing.T) {
	ours := func(a string) bool { return strings.HasSuffix(a, "@bounces.a.test") }
	for name, c := range map[string]struct {
		raw, recipient string
		class          Class
	}{
		"qmail":    {"Subject: failure notice\n\nHi. This is the qmail-send program at mx.b.test.\nI'm afraid I wasn't able to deliver your message.\n\n<bob@b.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <x@bounces.a.test>\n", "bob@b.test", InvalidRecipient},
		"exim":     {"Subject: Mail delivery failed: returning message to sender\nX-Failed-Recipients: bob@b.test\n\nA message that you sent could not be delivered.\n\n  bob@b.test\n    mailbox is full\n", "bob@b.test", MailboxFull},
		"sendmail": {"Subject: Returned mail: see transcript for details\n\nThe original message was received from v-1@bounces.a.test\n\n   ----- The following addresses had permanent fatal errors -----\n<bob@b.test>\n    (reason: 550 5.1.1 <bob@b.test>... User unknown)\n", "bob@b.test", InvalidRecipient},
		"exchange": {"Subject: Undeliverable: hello\n\nYour message did not reach some or all of the intended recipients.\n\n      bob@b.test on 1/2/2003\n            The e-mail account does not exist at the organization. <mx.b.test #5.1.1>\n", "bob@b.test", Undetermined},
		"nobody":   {"Subject: Undelivered mail\n\nsorry\n", "", NoRecipient},
	} {
		root := message(c.raw)
		class, _ := ClassifyMessage(root)
		if got := OriginalRecipient(root, ours); got != c.recipient || c.class != Undetermined && class != c.class {
			t.Errorf("%s: %d for %q, want %d for %q", name, class, got, c.class, c.recipient)
		}
	}
}

func FuzzReturned(f *testing.F) {
	f.Add("Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b\nContent-Type: message/rfc822\n\nTo: a@b.test\n\n--b--\n")
	f.Add("X-Failed-Recipients: a@b.test\n\n<c@d.test>:\n")
	f.Fuzz(func(t *testing.T, raw string) {
		root := message(raw)
		if r := ParseFeedback(root); r != nil && r.Report == nil && r.Original == nil {
			t.Error("a complaint about nothing")
		}
		if a := OriginalRecipient(root, func(string) bool { return false }); a != "" && !isAddress(a) {
			t.Errorf("recipient %q", a)
		}
		ClassifyMessage(root)
	})
}
