package logs

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func open(t *testing.T, now int64) (*Logs, Options) {
	t.Helper()
	dir := t.TempDir()
	l := New(func() time.Time { return time.Unix(now, 0) })
	o := Options{
		Mainlog: filepath.Join(dir, "mainlog.ec"), Rejectlog: filepath.Join(dir, "rejectlog.ec"),
		Paniclog: filepath.Join(dir, "paniclog.ec"), Bouncelog: filepath.Join(dir, "bouncelog.ec"),
		Level: sdk.LevelError,
	}
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, o
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The lines are the manual's own (reference/logs.md).
func TestMailRecordsAreTheManuals(t *testing.T) {
	l, o := open(t, 0)
	l.Classify = func(string) int { return 24 }
	l.Reception(&message.Message{
		ID: "00/00-25004-31B987F3", BatchID: "00/00-03736-F4101B54", ConnID: "00/00-04532-A3456B54",
		Recipient: "bob@example.fict", Sender: "info@postalengine.com", Received: time.Unix(1064868656, 0),
		Peer: netip.MustParseAddrPort("10.0.1.1:2500"), Protocol: sdk.ProtocolESMTP,
		Binding: "default", BindingGroup: "default", Content: message.Content{Size: 201},
	})
	at := func(sec int64, ms int) time.Time { return time.Unix(sec, int64(ms)*1e6) }
	l.Delivery(&Attempt{
		Message: &message.Message{ID: "20/00-25593-945A87F3", BatchID: "00/00-03736-F4101B54", Received: at(1064871279, 607)},
		Now:     at(1064871280, 0), ConnID: "00/00-04532-A3456B54", Domain: "postalengine.com", Bytes: 266,
		Group: "group-a", Binding: "binding-a", Remote: netip.MustParseAddr("10.0.0.1"),
	})
	l.TransientFailure(&Attempt{
		Message: &message.Message{ID: "00/00-25593-CBD987F3", BatchID: "00/00-03736-F4101B54", Received: at(1064869308, 470)},
		Now:     at(1064869327, 0), ConnID: "00/00-04532-A3456B54", Domain: "example.fict",
		Group: "group-a", Binding: "binding-a", Stage: StageDuringSTARTTLS, Remote: netip.MustParseAddr("10.0.0.1"), Reply: "421 no adequate servers",
	})
	l.PermanentFailure(&Attempt{
		Message: &message.Message{ID: "10/00-25593-393A87F3", BatchID: "00/00-03736-F4101B54", Received: at(1064870843, 110)},
		Now:     at(1064870847, 0), ConnID: "00/00-04532-A3456B54", Domain: "postalengine.com", Bytes: 31,
		Group: "group-a", Binding: "binding-a", Stage: StageAfterRcpt, Retries: 1, Remote: netip.MustParseAddr("10.0.0.1"), Reply: "552 No such account",
	})
	want := `1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@R@bob@example.fict@info@postalengine.com@10.0.1.1@201@esmtp@default@default
1064871280@20/00-25593-945A87F3@00/00-03736-F4101B54@00/00-04532-A3456B54@D@postalengine.com@266@group-a@binding-a@0@0.393@10.0.0.1
1064869327@00/00-25593-CBD987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@T@example.fict@0@group-a@binding-a@15@0@18.53@10.0.0.1@421 no adequate servers
1064870847@10/00-25593-393A87F3@00/00-03736-F4101B54@00/00-04532-A3456B54@P@postalengine.com@31@group-a@binding-a@5@1@3.89@10.0.0.1@552 No such account
`
	if got := content(t, o.Mainlog); got != want {
		t.Errorf("mainlog:\n%s\nwant:\n%s", got, want)
	}
}

func TestBounceRecord(t *testing.T) {
	l, o := open(t, 0)
	l.Classify = func(string) int { return 24 }
	l.PermanentFailure(&Attempt{
		Message: &message.Message{ID: "91/6D-07914-E67BC044", BatchID: "00/00-03736-F4101B54", Recipient: "johndoe@example.fict",
			Sender: "info@postalengine.com", Content: message.Content{Size: 1223}},
		Now: time.Unix(1064868656, 0), ConnID: "00/00-04532-A3456B54", Group: "group-a", Binding: "binding-a",
		Stage: StageOutOfBand, Remote: netip.MustParseAddr("10.0.0.1"), Reply: "554 5.4.7 [internal] exceeded max time without delivery",
	})
	want := "1064868656@91/6D-07914-E67BC044@00/00-03736-F4101B54@00/00-04532-A3456B54@B@johndoe@example.fict@info@postalengine.com@group-a@binding-a@21@24@1223@10.0.0.1@554 5.4.7 [internal] exceeded max time without delivery\n"
	if got := content(t, o.Bouncelog); got != want {
		t.Errorf("bouncelog:\n%s\nwant:\n%s", got, want)
	}
}

func TestRejectionIsTheManuals(t *testing.T) {
	l, o := open(t, 0)
	l.Rejection(&Rejection{
		Now: time.Unix(1236672125, 0), Remote: netip.MustParseAddrPort("10.79.25.142:42601"), Local: netip.MustParseAddrPort("10.79.25.142:25"),
		ConnID: "18/00-07149-D7E16B94", Phase: PhaseAwaitingMail, Reply: smtp.NewReply(550, "5.7.1", "relaying denied"), Module: "scriptlet",
		Conn: sdk.Dict{{Key: "pathway", Value: "default"}, {Key: "ehlo_string", Value: "EHLO rh52-node1"}, {Key: "ehlo_domain", Value: "rh52-node1"}},
		Mess: sdk.Dict{{Key: "mailfrom_domain", Value: ""}, {Key: "mailfrom_string", Value: "MAIL FROM:<>"}, {Key: "mailfrom_localpart", Value: ""}},
	})
	want := `1236672125: R="10.79.25.142:42601" L="10.79.25.142:25" C="18/00-07149-D7E16B94" PATH="default" PATH_GRP="default" P="awaiting mailfrom" E=550 M=scriptlet CTXCONN=[pathway=default,ehlo_string="EHLO rh52-node1",ehlo_domain=rh52-node1] CTXMESS=[mailfrom_domain=,mailfrom_string="MAIL FROM:<>",mailfrom_localpart=] relaying denied` + "\n"
	if got := content(t, o.Rejectlog); got != want {
		t.Errorf("rejectlog:\n%s\nwant:\n%s", got, want)
	}
}

func TestPaniclog(t *testing.T) {
	l, o := open(t, 1251200446)
	l.Panic(sdk.LogRecord{Level: sdk.LevelPrint, Source: "scriptlet", Text: "Confirming entry in panic log."})
	l.Panic(sdk.LogRecord{Level: sdk.LevelInfo, Source: "core", Text: "below the level"})
	l.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: "scriptlet-00147", Text: "validate_ehlo error: (null)"})
	l.Panic(sdk.LogRecord{Level: sdk.LevelPrint, Source: "scriptlet", Text: "got a\n1251200446:scriptlet: forged\n  and on\x1b[31m"})
	want := "1251200446:scriptlet: Confirming entry in panic log.\n" +
		"1251200446:scriptlet-00147: validate_ehlo error: (null)\n" +
		"1251200446:scriptlet: got a\n\t1251200446:scriptlet: forged\n  and on?[31m\n"
	if got := content(t, o.Paniclog); got != want {
		t.Errorf("paniclog:\n%q\nwant:\n%q", got, want)
	}
	recent := strings.Join(l.Recent(), "\n")
	if !strings.Contains(recent, "[Tue 25 Aug 2009 11:40:46] [serious] scriptlet-00147: validate_ehlo error: (null)") {
		t.Errorf("recent: %s", recent)
	}
	if !strings.Contains(recent, "below the level") {
		t.Error("the console shows every level, whatever the file takes")
	}
}

func TestRecentKeepsTenOfALevel(t *testing.T) {
	l, _ := open(t, 1)
	for i := range 25 {
		l.Panic(sdk.LogRecord{Level: sdk.LevelError, Text: strings.Repeat("x", i+1)})
	}
	got := l.Recent()
	if len(got) != keepRecent || !strings.HasSuffix(got[keepRecent-1], strings.Repeat("x", 25)) {
		t.Errorf("%d kept, last %q", len(got), got[len(got)-1])
	}
}

func TestReopenAfterRotation(t *testing.T) {
	l, o := open(t, 7)
	l.Heartbeat(time.Unix(1251470342, 0))
	if err := os.Rename(o.Mainlog, o.Mainlog+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Heartbeat(time.Unix(1251470343, 0))
	if got := content(t, o.Mainlog+".1"); got != "1251470342@@@@M\n" {
		t.Errorf("old file %q", got)
	}
	if got := content(t, o.Mainlog); got != "1251470343@@@@M\n" {
		t.Errorf("new file %q", got)
	}
	if got := content(t, o.Rejectlog); got != "1251470342: Marker 1\n1251470343: Marker 1\n" {
		t.Errorf("rejectlog %q", got)
	}
}

func TestOpenFailsWithThePath(t *testing.T) {
	l := New(time.Now)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := l.Open(Options{Mainlog: filepath.Join(file, "mainlog.ec")})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}
