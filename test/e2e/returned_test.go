package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestMailThatComesBack: the field of the feedback loop goes out, comes back in a
// complaint and is logged; a bounce that comes as mail is logged as out of band;
// what is blackholed goes nowhere, and nothing is answered.
func TestMailThatComesBack(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "fbl.test", "bounces.test"},
		Files: map[string]string{"suppressed": "Gone@example.com\n", "mine.ovr": ",99,moon is full\n"},
		Global: `relay_hosts = ["127.0.0.1"]
bounce_domains = ["bounces.test"]
bounce_behavior = "blackhole"
bounce_suppress_list = "@bounces.test"
enable_fbl_header_insertion = "enabled"
fbl {
  auto_log = true
  log_path = "@DIR@/fbllog.ec"
  addresses = ["@fbl[.]test$"]
  user_string = "campaign"
  header_key = "k"
}
suppression_list "main" {
  file = "@DIR@/suppressed"
  complaints = true
}
bounce_classifier_override {
  custom_classes = { "99" = "Moon Full" }
  user_smtp_classification_override = "@DIR@/mine.ovr"
  user_mdn_classification_override = ""
}
`,
		Scripts: []mtatest.Script{script("moon", `
require "msys.bounce"
function mod:validate_data_spool(msg, ac, vctx)
  print("moon", msys.bounce.classify_smtp_response("550 the moon is full today"));
  return msys.core.VALIDATE_CONT;
end
`)},
	})
	submit(t, s, "v1@bounces.test", "bob@example.com")
	got := sink.Wait(t, "bob@example.com")
	field := got.Header("X-MSFBL")
	if field == "" {
		t.Fatalf("no field in %s", got.Data)
	}
	if err := s.Submit("", content, "gone@example.com"); err != nil {
		t.Fatal(err)
	}
	s.Logged("bouncelog.ec", "@25@")
	report := "From: <fbl@yahoo.test>\r\nSubject: complaint\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n" +
		"Feedback-Type: abuse\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nX-MSFBL: @FIELD@\r\nSubject: t\r\n\r\nx\r\n--b--\r\n"
	for _, value := range []string{field, "Ym9iQGV4YW1wbGUuY29tQGRlZmF1bHRAZGVmYXVsdEA="} { // the second is made up
		if err := s.Submit("fbl@yahoo.test", strings.Replace(report, "@FIELD@", value, 1), "loop@fbl.test"); err != nil {
			t.Fatal(err)
		}
	}
	bounce := "Subject: failure notice\r\nFrom: <mailer-daemon@b.test>\r\n\r\n<v1@bounces.test> wrote\r\n<bob@example.com>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n"
	if err := s.Submit("", bounce, "v1@bounces.test"); err != nil {
		t.Fatal(err)
	}
	if out, exit := s.Console("bounce_classifier_override", "test", "550 moon is full"); exit != 0 || !strings.HasPrefix(out, "99 Moon Full\n") || !strings.Contains(out, "mine.ovr:1") {
		t.Errorf("%d %s", exit, out)
	}
	s.Write("mine.ovr", "oops\n")
	if out, exit := s.Console("bounce_classifier_override", "reload"); exit == 0 || !strings.Contains(out, "mine.ovr:1") {
		t.Errorf("%d %s", exit, out)
	}
	s.Term()
	lines := strings.Split(strings.TrimSpace(s.Log("fbllog.ec")), "\n")
	if len(lines) != 1 || !strings.HasSuffix(lines[0], "@F@bob@example.com@default@default@abuse@yahoo.test@campaign") {
		t.Errorf("fbllog: %q", lines)
	}
	if !strings.Contains(s.Log("paniclog.ec"), "the field was not made here") {
		t.Error("the paniclog does not say that a complaint was forged")
	}
	records, err := mtatest.BounceLog(s.Log("bouncelog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, line := range strings.Split(s.Log("bouncelog.ec"), "\n") {
		if strings.Contains(line, "@B@bob@example.com@v1@bounces.test@default@default@21@10@") && strings.HasSuffix(line, "@550 [internal] [oob] Invalid Recipient") {
			found = line
		}
	}
	if found == "" {
		t.Errorf("no record of the bounce in %+v", records)
	}
	if got := s.Log("suppressed"); got != "Gone@example.com\nbob@example.com\n" {
		t.Errorf("the list is %q", got)
	}
	if n := len(sink.Messages()); n != 1 {
		t.Errorf("%d messages went out, not one", n)
	}
	if all := strings.Join(s.Printed(), "\n"); !strings.Contains(all, "moon\t99\tBC_99\tMoon Full") {
		t.Errorf("scripts do not see the overrides: %s", all)
	}
}
