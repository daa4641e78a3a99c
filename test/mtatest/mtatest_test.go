package mtatest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// The lines are the manual's own (reference/logs.md).
func TestMainLogReadsTheManualsLines(t *testing.T) {
	got, err := MainLog(`1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@R@bob@example.fict@info@postalengine.com@10.0.1.1@201@esmtp@default@default
1064871280@20/00-25593-945A87F3@00/00-03736-F4101B54@00/00-04532-A3456B54@D@postalengine.com@266@group-a@binding-a@0@0.393@10.0.0.1
1064869327@00/00-25593-CBD987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@T@example.fict@0@group-a@binding-a@15@0@18.53@10.0.0.1@421 no user@here
1251470342@@@@M
`)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if r := got[0]; r.RcptLocal != "bob" || r.SenderDomain != "postalengine.com" || r.Size != 201 || r.Protocol != "esmtp" || r.Binding != "default" {
		t.Errorf("reception %+v", r)
	}
	if r := got[1]; r.Domain != "postalengine.com" || r.Seconds != 0.393 || r.Remote != "10.0.0.1" || r.Group != "group-a" {
		t.Errorf("delivery %+v", r)
	}
	if r := got[2]; r.Stage != 15 || r.Text != "421 no user@here" {
		t.Errorf("failure %+v", r)
	}
}

func TestMainLogRefusesWhatIsNotTheFormat(t *testing.T) {
	for _, line := range []string{
		"1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@R@bob@example.fict@info@postalengine.com@10.0.1.1@201@esmtp@default",
		"1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@Z@bob",
		"106486865@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@D@postalengine.com@266@group-a@binding-a@0@0.393@10.0.0.1",
		"1064868656@nonsense@00/00-03736-F4101B54@00/00-04532-A3456B54@D@postalengine.com@266@group-a@binding-a@0@0.393@10.0.0.1",
		"1064868656@00/00-25004-31B987F3@00/00-03736-F4101B54@00/00-04532-A3456B54@D@postalengine.com@x@group-a@binding-a@0@0.393@10.0.0.1",
	} {
		if _, err := MainLog(line); err == nil {
			t.Errorf("taken: %s", line)
		}
	}
}

func TestBounceLogReadsTheManualsLine(t *testing.T) {
	got, err := BounceLog("1064868656@91/6D-07914-E67BC044@00/00-03736-F4101B54@00/00-04532-A3456B54@B@johndoe@example.fict@info@postalengine.com@group-a@binding-a@21@24@1223@10.0.0.1@554 5.4.7 [internal] exceeded max time without delivery\n1251222268@@@@M1\n")
	if err != nil || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if r := got[0]; r.Stage != 21 || r.Class != 24 || r.Size != 1223 || r.Text != "554 5.4.7 [internal] exceeded max time without delivery" {
		t.Errorf("%+v", r)
	}
}

func TestRejectLogReadsTheManualsLine(t *testing.T) {
	got, err := RejectLog(`1236672125: R="10.79.25.142:42601" L="10.79.25.142:25" C="18/00-07149-D7E16B94" PATH="default" PATH_GRP="default" P="awaiting mailfrom" E=550 M=scriptlet CTXCONN=[pathway=default,ehlo_string="EHLO rh52-node1",ehlo_domain=rh52-node1] CTXMESS=[mailfrom_domain=,mailfrom_string="MAIL FROM:<>",mailfrom_localpart=] relaying denied
1252064908: Marker 1
`)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	r := got[0]
	if r.Code != 550 || r.Module != "scriptlet" || r.Phase != "awaiting mailfrom" || r.Text != "relaying denied" || r.Remote.Port() != 42601 {
		t.Errorf("%+v", r)
	}
	if r.Conn["ehlo_string"] != "EHLO rh52-node1" || r.Mess["mailfrom_string"] != "MAIL FROM:<>" || strings.Join(r.ConnKeys, " ") != "pathway ehlo_string ehlo_domain" {
		t.Errorf("contexts %v %v", r.Conn, r.Mess)
	}
}

func TestPanicsKeepLinesTogether(t *testing.T) {
	got := Panics("1251200446:scriptlet: Confirming entry in panic log.\n1251382104:datasource: failed to prepare\n  more\n1307461172:192.168.0.197 \"POST\"\n")
	if len(got) != 3 || got[0].Source != "scriptlet" || got[1].Text != "failed to prepare\n  more" || got[2].Source != "" {
		t.Errorf("%q", got)
	}
}

func TestSinkTakesRefusesAndHolds(t *testing.T) {
	s := NewSink(t)
	s.AtRcpt("no@example.com", "550 5.1.1 no such user")
	s.AtDot("held@example.com", Hang)
	c, err := Dial(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@example.org", "Subject: x\r\n\r\n.dot\r\n", "yes@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := s.Wait(t, "yes@example.com"); got.Body() != ".dot\r\n" || got.Header("subject") != "x" || got.From != "a@example.org" {
		t.Errorf("%+v", got)
	}
	var refusal *Refusal
	if err := c.Mail("a@example.org", "x", "no@example.com"); !errors.As(err, &refusal) || refusal.Code != 550 {
		t.Errorf("error %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- errors.Join(c.Want(250, "RSET"), c.Mail("a@example.org", "x", "held@example.com")) }()
	Within(t, 10*time.Second, "a client that hangs", func() string {
		if s.Hanging() == 0 {
			return "none"
		}
		return ""
	})
	s.Accept("held@example.com")
	if err := <-done; err != nil || len(s.For("held@example.com")) != 1 {
		t.Errorf("held: %v", err)
	}
}

func TestStuff(t *testing.T) {
	for in, want := range map[string]string{
		"":             "\r\n",
		"a":            "a\r\n",
		".a\r\n.\r\nb": "..a\r\n..\r\nb\r\n",
	} {
		if got := Stuff(in); got != want {
			t.Errorf("Stuff(%q) = %q", in, got)
		}
	}
}
