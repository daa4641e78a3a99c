package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/test/mtatest"
)

// signedMessage signs a message as its sender would.
func signedMessage(t *testing.T, keyFile, message string, c mailauth.Canon) string {
	t.Helper()
	key, err := mailauth.ParseKey([]byte(keyFile))
	if err != nil {
		t.Fatal(err)
	}
	header, body := mail.SplitMessage([]byte(message))
	field, err := mailauth.Sign(mailauth.Message{Header: header, Body: strings.NewReader(string(body))}, mailauth.Signing{
		Domain: "sender.test", Selector: "r1", Key: key, HeaderCanon: c, BodyCanon: c, Now: time.Now(),
		Headers: []string{"From", "To", "Subject", "Date", "Message-ID", "X-Odd", "Content-Type?", "MIME-Version?"}, Oversign: []string{"From", "Subject"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return field + message
}

// intact reports how the one signature of a message verifies.
func intact(t *testing.T, zone publicOnly, data string) string {
	t.Helper()
	header, body := mail.SplitMessage([]byte(data))
	found, err := mailauth.VerifyDKIM(t.Context(), mailauth.Message{Header: header, Body: strings.NewReader(string(body))},
		mailauth.VerifyOptions{Resolver: zone, Now: time.Now()})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d signatures, %v in\n%s", len(found), err, data)
	}
	if found[0].Status == mailauth.StatOK {
		return "good"
	}
	return found[0].Error
}

// reader reads all that can be read of a message, in every phase, and edits the
// copies of recipients that begin with "edit".
func reader() mtatest.Script {
	return script("reader", `
local function read(msg)
  local n = #msg:header("Subject") + #msg:header("X-Odd") + #msg:address_header("From") + #msg:raw() + #msg:body() + #(msg:text() or "");
  local part = msg:mime(true);
  while part do
    n = n + #part:header("Content-Type") + #part.type;
    part = part.thread;
  end
  return n + msg:get_message_size() + (msg:raw_match("nowhere to be found") and 1 or 0) + (msg:body_replace("nowhere to be found", "x") and 1 or 0);
end
function mod:validate_data(msg, ac, vctx) read(msg); msg:context_set(msys.core.VCTX_MESS, "seen", "yes"); return msys.core.VALIDATE_CONT; end
function mod:validate_data_spool(msg, ac, vctx) read(msg); return msys.core.VALIDATE_CONT; end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  read(msg);
  local rcpt = msg:rcptto();
  if rcpt:match("^editsubject") then msg:header("Subject", "edited"); end
  if rcpt:match("^editbody") then msg:body_replace("line", "LINE"); end
  if rcpt:match("^edittext") then msg:text_replace("line", "LINE"); end
  if rcpt:match("^addfield") then msg:header("X-Added", "a field that is not signed"); end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg) read(msg); return msys.core.VALIDATE_CONT; end
function mod:core_final_validation(msg, ac, vctx) read(msg); end
function mod:core_log_delivery_v1(msg) print("read " .. msg:rcptto(), #msg:header("Subject")); end
`)
}

const signedMultipart = "From: Bob <bob@sender.test>\r\nTo: u@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and\r\n\ta second  line\r\nX-Odd:no blank\t \r\n" +
	"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <2@sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"b 1\"\r\n\r\n" +
	"preamble  \r\n--b 1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na line=20\r\n.=\r\n\r\n" +
	"--b 1\r\nContent-Type: text/html\r\n\r\n<p>a line</p>\r\n\r\n--b 1--\r\nepilogue\r\n\r\n"

// TestSignedMailStaysIntact: mail that its sender signed still verifies at the next
// hop where policy reads all of it, for one recipient and for many; a copy that
// policy edits loses its signature, and no other does.
func TestSignedMailStaysIntact(t *testing.T) {
	t.Parallel()
	files, zone := dkimKeys(t)
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{reader()}, Scriptlet: "cpu_limit = 5000"})
	for name, message := range map[string]string{
		"plain": signedContent, "multipart": signedMultipart,
		"large": signedContent + strings.Repeat("another line, with dots ..\r\n.\r\n", 2000),
	} {
		for _, canon := range []mailauth.Canon{mailauth.Simple, mailauth.Relaxed} {
			t.Run(name+" "+string(canon), func(t *testing.T) {
				signed := signedMessage(t, files["keys/sender.test/r1.key"], message, canon)
				if got := intact(t, publicOnly(zone), signed); got != "good" {
					t.Fatalf("as it was sent: %s", got)
				}
				checkSigned(t, s.In(t), sink, signedCase{signed, "-" + name + "-" + string(canon) + "@example.com", publicOnly(zone)})
			})
		}
	}
}

// signedCase is a signed message, the end of the addresses it goes to, and what its
// signer publishes.
type signedCase struct {
	text, at string
	zone     publicOnly
}

func checkSigned(t *testing.T, s *mtatest.Server, sink *mtatest.Sink, c signedCase) {
	t.Helper()
	var names []string
	for _, together := range [][]string{
		{"one"}, {"many1", "many2", "many3"},
		{"some1", "editsubject", "editbody", "edittext", "addfield", "some2"},
	} {
		var rcpts []string
		for _, name := range together {
			rcpts = append(rcpts, name+c.at)
		}
		if err := s.Submit("bob@sender.test", c.text, rcpts...); err != nil {
			t.Fatal(err)
		}
		names = append(names, together...)
	}
	broken := map[string]bool{"editsubject": true, "editbody": true, "edittext": true}
	for _, name := range names {
		got := sink.Wait(t, name+c.at)
		state := intact(t, c.zone, got.Data)
		if (state != "good") != broken[name] {
			t.Errorf("%s: the signature is %s", name, state)
		}
		// What was signed is there, octet for octet, behind our trace.
		if whole := strings.HasSuffix(got.Data, c.text); whole != (!broken[name] && name != "addfield") {
			t.Errorf("%s: octet for octet %v", name, whole)
		}
	}
	if got := sink.Wait(t, "editsubject"+c.at); got.Header("Subject") != "edited" || !strings.Contains(got.Data, "\r\nSubject: edited\r\n\r\n") {
		t.Errorf("the edited field is not the last one: %q", got.Header("Subject"))
	}
}
