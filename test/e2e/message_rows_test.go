package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestMessageEdits: what scripts do with headers, texts and parts is what the
// next hop gets, and new messages arrive as they were built.
func TestMessageEdits(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("edits", `
function mod:validate_rcptto(msg, str, ac, vctx)
  if msg:rcptto() == "routed@elsewhere.test" then vctx:set(msys.core.VCTX_CONN, "can_relay", "true"); end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  local to = msg:rcptto();
  if to == "headers@example.com" then
    msg:header("X-Custom", "Grüße");
    msg:header("X-Top", "t", "prepend");
    msg:header("X-End", {"e", "f"}, "append");
    msg:header("X-Gone", "");
    print("subject", msg:header("Subject")[1]);
  elseif to == "parts@example.com" then
    local p = msg:mime(false);
    p:addFirstChild(msg:makePart("text/plain", "added"));
    p.parts.next:header("X-Part", "ü");
    msg:text_replace("plain", "schön");
  elseif to == "text@example.com" then
    msg:text("grün", "text/html", "iso-8859-1");
  elseif to == "copies@example.com" then
    local copy = msg:copy();
    copy:header("X-Copy", "1");
    copy:inject("copier@example.org", "copied1@example.com, copied2@example.com");
    msg:forward("me@example.org", "forwarded@example.com", "caf\233", "FYI", "iso-8859-1");
    local new = msys.core.ec_message_new();
    new:build({Subject = "built", From = "me@example.org"}, {["text/plain"] = "hello"}, {{type = "text/csv", name = "./a.csv", content = "1,2"}});
    new:inject("", "built@example.com");
  end
  return msys.core.VALIDATE_CONT;
end
`)}})
	const mail = "Message-ID: <1@example.org>\r\nDate: Tue, 25 Aug 2009 11:40:46 +0000\r\nX-Custom: first\r\nFrom: a@example.org\r\nX-Gone: x\r\nSubject: =?iso-8859-1?q?caf=E9?=\r\nx-custom: second\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x\r\nContent-Type: image/png\r\n\r\nplain\r\n--x--\r\n"
	if err := s.Submit("a@example.org", mail, "headers@example.com", "parts@example.com", "text@example.com", "copies@example.com", "same@example.com"); err != nil {
		t.Fatal(err)
	}
	holds := func(to string, want ...string) {
		t.Helper()
		data := string(sink.Wait(t, to).Data)
		for _, part := range want {
			if !strings.Contains(data, part) {
				t.Errorf("%s: no %q in\n%s", to, part, data)
			}
		}
	}
	holds("headers@example.com", "X-Top: t\r\n", "Content-Type: multipart/mixed; boundary=x\r\nX-Custom: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-End: e\r\nX-End: f\r\n\r\n--x\r\n")
	if data := string(sink.Wait(t, "headers@example.com").Data); strings.Contains(data, "X-Gone") || strings.Contains(strings.ToLower(data), "x-custom: second") {
		t.Errorf("a header is still there:\n%s", data)
	}
	s.Logged("paniclog.ec", "subject\tcafé")
	holds("parts@example.com", "--x\r\nContent-Type: text/plain\r\n\r\nadded\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\nX-Part: =?utf-8?q?=C3=BC?=\r\n"+
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nsch=C3=B6n\r\n--x\r\nContent-Type: image/png\r\n\r\nplain\r\n--x--\r\n")
	holds("text@example.com", "Content-Type: text/html; charset=iso-8859-1\r\n", "\r\n\r\ngr=FCn")
	holds("same@example.com", mail)
	holds("copied1@example.com", "X-Copy: 1\r\n", "\r\nplain\r\n--x--\r\n")
	if got := sink.Wait(t, "copied2@example.com"); got.From != "copier@example.org" {
		t.Errorf("the copy is from %s", got.From)
	}
	holds("forwarded@example.com", "From: me@example.org\r\n", "Subject: FYI\r\n", "Content-Type: message/rfc822; name=\"Attached Message\"\r\n", "Subject: =?iso-8859-1?q?caf=E9?=\r\n")
	holds("built@example.com", "Subject: built\r\n", "Content-Type: multipart/alternative;", "filename=a.csv")
	if got := sink.Wait(t, "built@example.com"); got.From != "" {
		t.Errorf("the built message is from %s", got.From)
	}
}
