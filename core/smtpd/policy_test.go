package smtpd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

const oneMessage = `
	C: MAIL FROM:<a@x.test>
	S: ^250
	C: RCPT TO:<b@relay.test>
	S: ^250
	C: DATA
	S: ^354
	C: .
	S: ^250
`

func carryOn(*sdk.State, sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{} }

func TestHooksInOrder(t *testing.T) {
	p := policy{}
	for _, h := range []sdk.Hook{sdk.CoreValidateAccept, sdk.ValidateConnect, sdk.CoreValidateConnect, sdk.ValidateEHLO,
		sdk.ValidateMailFrom, sdk.ValidateRcptTo, sdk.ValidateRcptToList, sdk.ValidateRcptToListFinal} {
		p[h] = carryOn
	}
	r := start(t, options(), p)
	r.dial().talk(hello + `
		C: mail from:<a@x.test> SIZE=1
		S: ^250
		C: RCPT TO:<@route.test:b@relay.test>
		S: ^250
		C: RCPT TO:<c@other.test>
		S: ^550
		C: DATA
		S: ^354
		C: .
		S: ^250`)
	want := []string{"core_validate_accept", "validate_connect", "core_validate_connect", "validate_ehlo EHLO client.test",
		"validate_mailfrom MAIL FROM:<a@x.test> SIZE=1", "validate_rcptto RCPT TO:<b@relay.test>", "validate_rcptto_list", "validate_rcptto_list_final"}
	if !slices.Equal(r.mod.calls, want) {
		t.Errorf("calls %q", r.mod.calls)
	}
}

// TestCandidate looks at what policy sees of a recipient.
func TestCandidate(t *testing.T) {
	var seen []string
	r := start(t, options(), policy{sdk.ValidateRcptTo: func(st *sdk.State, _ sdk.Phase) sdk.PhaseResult {
		m := st.Message
		local, _ := m.Context.Get("rcptto_localpart")
		n, _ := st.Conn.Context.Get("message_rcpt_count")
		seen = append(seen, string(m.Recipient)+" "+local+" "+n+" "+strings.Repeat("+", len(m.Recipients)))
		if local == "no" {
			return sdk.PhaseResult{Reply: smtp.NewReply(550, "5.1.1", "nobody")}
		}
		return sdk.PhaseResult{}
	}})
	r.dial().talk(hello + `
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: RCPT TO:<one@relay.test>
		S: ^250
		C: RCPT TO:<no@relay.test>
		S: ^550 5\.1\.1 nobody$
		C: RCPT TO:<two@relay.test>
		S: ^250
		C: DATA
		S: ^354
		C: .
		S: ^250`)
	if want := []string{"one@relay.test one 1 ", "no@relay.test no 2 +", "two@relay.test two 3 +"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q", seen)
	}
	if m := r.only(); len(m.to) != 2 || m.to[0] != "one@relay.test" || m.to[1] != "two@relay.test" {
		t.Errorf("recipients %v", m.to)
	}
}

func TestPolicyReplies(t *testing.T) {
	hangUp := change(sdk.Change{Kind: sdk.DisconnectSet, Number: 421, Value: "4.7.1 go away"})
	closeOnly := change(sdk.Change{Kind: sdk.DisconnectSet})
	tests := []struct {
		name   string
		policy policy
		script string
	}{
		{"refused at connect", policy{sdk.ValidateConnect: say(554, "no service for you")}, `
			S: ^554 no service for you$
			EOF`},
		{"greeted at connect", policy{sdk.ValidateConnect: say(250, "welcome")}, `
			S: ^220 welcome$
			C: EHLO x
			S: ^250`},
		{"refused at EHLO", policy{sdk.ValidateEHLO: say(550, "5.7.1 bad name")}, `
			S: ^220
			C: EHLO x
			S: ^550 5\.7\.1 bad name$
			C: NOOP
			S: ^250`},
		{"greeted at EHLO", policy{sdk.ValidateEHLO: say(250, "hi x")}, `
			S: ^220
			C: EHLO x
			S: ^250-hi x\n250-PIPELINING\n
			C: HELO x
			S: ^250 hi x$`},
		{"capabilities", policy{sdk.ValidateEHLO: change(
			sdk.Change{Kind: sdk.CapabilityDelete, Name: "chunking"},
			sdk.Change{Kind: sdk.CapabilitySet, Name: "SIZE 99"},
			sdk.Change{Kind: sdk.CapabilitySet, Name: "XFOO A\nB"})}, `
			S: ^220
			C: EHLO x
			S: ^250-mta.test\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-SIZE 99\n250 XFOO A B$
			C: EHLO x
			S: ^250-mta.test\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-SIZE 99\n250 XFOO A B$`},
		{"refused at MAIL", policy{sdk.ValidateMailFrom: say(550, "sender refused")}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^550 sender refused$
			C: RCPT TO:<b@relay.test>
			S: ^503
			C: MAIL FROM:<a@x.test>
			S: ^550`},
		{"texts of success", policy{sdk.ValidateMailFrom: say(250, "2.1.0 fine"), sdk.ValidateRcptTo: say(251, "2.1.5 will forward")}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250 2\.1\.0 fine$
			C: RCPT TO:<b@relay.test>
			S: ^250 2\.1\.5 will forward$`},
		{"421 closes", policy{sdk.ValidateRcptTo: say(421, "4.3.0 later")}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^421 4\.3\.0 later$
			EOF`},
		{"disconnect", policy{sdk.ValidateMailFrom: hangUp}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^421 4\.7\.1 go away$
			EOF`},
		{"disconnect without a code", policy{sdk.ValidateMailFrom: closeOnly}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^421
			EOF`},
		{"disconnect after a refusal", policy{sdk.ValidateMailFrom: func(*sdk.State, sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Reply: smtp.NewReply(550, "", "no"), Changes: []sdk.Change{{Kind: sdk.DisconnectSet}}}
		}}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^550 no$
			EOF`},
		{"list refused", policy{sdk.ValidateRcptToList: say(550, "5.7.1 list")}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: DATA
			S: ^550 5\.7\.1 list$`},
		{"list emptied", policy{sdk.ValidateRcptToListFinal: change(sdk.Change{Kind: sdk.RecipientRemove, Target: sdk.TargetTxn, Values: []string{"b@relay.test"}})}, hello + `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: DATA
			S: ^554 5\.5\.1`},
		{"2xx at DATA changes nothing", policy{sdk.ValidateRcptToList: say(250, "go")}, hello + oneMessage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { start(t, options(), tt.policy).dial().talk(tt.script) })
	}
}

func TestListHookChangesRecipients(t *testing.T) {
	r := start(t, options(), policy{
		sdk.ValidateRcptToList:      change(sdk.Change{Kind: sdk.RecipientAdd, Target: sdk.TargetTxn, Values: []string{"more@relay.test"}}),
		sdk.ValidateRcptToListFinal: carryOn,
	})
	r.dial().talk(hello + oneMessage)
	if m := r.only(); len(m.to) != 2 || m.to[1] != "more@relay.test" {
		t.Errorf("recipients %v", m.to)
	}
	if !slices.Contains(r.mod.calls, "validate_rcptto_list_final") {
		t.Errorf("the final list was not shown: %q", r.mod.calls)
	}
}

func TestTarpit(t *testing.T) {
	r := start(t, options(), policy{sdk.ValidateRcptTo: change(sdk.Change{Kind: sdk.TarpitSet, Number: 1500})})
	p := r.dial()
	p.talk(hello)
	p.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@relay.test>\r\n")
	p.expect("^250")
	p.expect("^250")
	if d := <-r.waits; d != 1500*time.Millisecond {
		t.Errorf("held back for %s", d)
	}
}

func TestDoorsAnswer(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk(hello)
	r.door.result = reception.Result{Reply: smtp.NewReply(550, "5.7.1", "content"), Tarpit: time.Second}
	p.talk(strings.Replace(oneMessage, ".\n\tS: ^250\n", ".\n\tS: ^550 5\\.7\\.1 content$\n", 1))
	if d := <-r.waits; d != time.Second {
		t.Errorf("held back for %s", d)
	}
	r.door.failing = smtp.NewReply(452, "4.3.1", "full")
	p.talk(strings.Replace(strings.Replace(oneMessage, "C: .", "C: x\n\tC: .", 1), ".\n\tS: ^250\n", ".\n\tS: ^452 4\\.3\\.1 full$\n", 1))
	if r.door.aborted != 1 {
		t.Errorf("%d drafts dropped", r.door.aborted)
	}
	r.door.failing = nil
	r.door.result = reception.Result{Reply: smtp.NewReply(250, "2.0.0", "last"), Close: true}
	p.talk(oneMessage + "EOF")
}

func TestRejectlog(t *testing.T) {
	r := start(t, options(), policy{
		sdk.ValidateMailFrom: func(_ *sdk.State, p sdk.Phase) sdk.PhaseResult {
			if strings.Contains(p.Line, "spam") {
				return sdk.PhaseResult{Reply: smtp.NewReply(550, "", "no spam")}
			}
			return sdk.PhaseResult{}
		},
		sdk.ValidateRcptToListFinal: say(451, "later"),
	})
	p := r.dial()
	p.talk(hello + `
		C: MAIL FROM:<spam@x.test>
		S: ^550
		C: MAIL FROM:<a@x.test>
		S: ^250
		C: RCPT TO:<b@other.test>
		S: ^550
		C: RCPT TO:<b@relay.test>
		S: ^250
		C: DATA
		S: ^451
		C: WHAT
		S: ^500`)
	want := []struct {
		phase logs.Phase
		code  int
		mess  string
	}{
		{logs.PhaseAwaitingMail, 550, "MAIL FROM:<spam@x.test>"},
		{logs.PhaseRelayingDenied, 550, "MAIL FROM:<a@x.test>"},
		{logs.PhaseRcptListFinal, 451, "MAIL FROM:<a@x.test>"},
		{logs.PhaseAwaitingRcpt, 500, "MAIL FROM:<a@x.test>"},
	}
	got := r.log.all()
	if len(got) != len(want) {
		t.Fatalf("%d records", len(got))
	}
	for i, rec := range got {
		mess, _ := rec.Mess.Get("mailfrom_string")
		ehlo, _ := rec.Conn.Get("ehlo_string")
		if rec.Phase != want[i].phase || rec.Reply.Code != want[i].code || mess != want[i].mess {
			t.Errorf("record %d: %+v", i, rec)
		}
		if ehlo != "EHLO client.test" || rec.Module != "testpolicy" || rec.Pathway != "default" || rec.Group != "default" ||
			rec.Remote.String() != p.LocalAddr().String() || rec.Local.String() != p.RemoteAddr().String() || rec.ConnID == "" || !rec.Now.Equal(testDate) {
			t.Errorf("record %d: %+v", i, rec)
		}
	}
}

func TestEarlyTalker(t *testing.T) {
	spoke := make(chan bool)
	var said string
	r := start(t, options(), policy{
		sdk.ValidateConnect: func(*sdk.State, sdk.Phase) sdk.PhaseResult { <-spoke; return sdk.PhaseResult{} },
		sdk.ValidateEHLO: func(st *sdk.State, _ sdk.Phase) sdk.PhaseResult {
			said, _ = st.Conn.Context.Get("early_talker")
			return sdk.PhaseResult{}
		},
	})
	p := r.dial()
	p.send("EHLO early.test\r\n")
	close(spoke)
	p.expect("^220")
	p.expect("^250")
	if said != "yes" {
		t.Errorf("early_talker is %q", said)
	}
	p.talk("C: EHLO again.test\nS: ^250")
}

func TestReconfig(t *testing.T) {
	o := options()
	o.Reconfig = "close"
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
	r.reload(2)
	p.talk(strings.Replace(oneMessage, "C: MAIL FROM:<a@x.test>\n\tS: ^250\n", "", 1))
	p.talk("C: NOOP\nS: ^421 4\\.3\\.2 Reconfiguration in progress$\nEOF")
	if r.count() != 1 {
		t.Error("the transaction under way was lost")
	}
}

func TestReconfigMoves(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk(hello + oneMessage)
	old := r.mod
	r.mod = &module{policy: policy{sdk.ValidateMailFrom: say(550, "new")}}
	p.talk("C: MAIL FROM:<a@x.test>\nS: ^250")
	r.reload(2)
	p.talk("C: RCPT TO:<b@relay.test>\nS: ^250\nC: RSET\nS: ^250\nC: MAIL FROM:<a@x.test>\nS: ^550 new$")
	if len(old.calls) != 0 {
		t.Errorf("calls %q", old.calls)
	}
}
