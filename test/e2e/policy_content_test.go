package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// judgement is a message of a case and what becomes of it: the reply, and where
// that is 250 whether it arrives.
type judgement struct {
	name, body, reply string
	lost              bool
}

// judge sends messages, each from a host of its own from the network first on.
func judge(t *testing.T, p *policy, first int, list []judgement) {
	t.Helper()
	for i, j := range list {
		to := fmt.Sprintf("%s%d@example.com", j.name, i)
		got := p.mail(t, host(first+i/4, 1+i%4), j.name, j.body, to)
		begins(t, j.name+" "+j.body[:min(len(j.body), 40)], got, j.reply)
		if !strings.HasPrefix(got, "250") {
			continue
		}
		if !j.lost {
			p.sink.Wait(t, to)
		} else if len(p.sink.For(to)) > 0 {
			t.Errorf("%s arrives", j.name)
		}
	}
}

func contentCases() []policyCase {
	const word = "own word: "
	return []policyCase{
		{"viruses", "antivirus: scan engine virus_disposition unscannable_disposition error_disposition process_result honor_whitelist", func(t *testing.T, p *policy) {
			judge(t, p, 30, []judgement{
				{name: "av_reject", body: marker, reply: "554 5.7.1 virus found: Mtad.Test.UNOFFICIAL"},
				{name: "av_reject", body: "nothing", reply: "250"},
				{name: "av_discard", body: marker, reply: "250", lost: true},
				{name: "av_result", body: marker, reply: "555 " + word + "Mtad.Test.UNOFFICIAL true"},
				{name: "av_down", body: "nothing", reply: "451 4.7.0"},
				{name: "av_pass", body: "nothing", reply: "250"},
				{name: "none", body: marker, reply: "250"},
			})
			begins(t, "a large one", p.mail(t, host(whitelisted, 3), "av_large", strings.Repeat("0123456789\r\n", 8000), "large@example.com"), "554 5.7.1 the message cannot be scanned")
		}},
		{"disinfection", "antivirus: virus_disposition", func(t *testing.T, p *policy) {
			infected := "Subject: a case\r\nX-Case: av_disinfect\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
				"--x\r\n\r\nharmless\r\n--x\r\nContent-Type: application/octet-stream; name=a.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
				base64.StdEncoding.EncodeToString([]byte(marker)) + "\r\n--x--\r\n"
			c := p.session(t, host(32, 1))
			begins(t, "an infected part", answer(t, c, "b@ok.test", infected, "cured@example.com"), "250")
			body := p.sink.Wait(t, "cured@example.com").Body()
			if !strings.Contains(body, "harmless") || !strings.Contains(body, "infected (Mtad.Test.UNOFFICIAL)") || strings.Contains(body, "TVRBRC1") {
				t.Errorf("it became:\n%s", body)
			}
			p.quit(t, c)
		}},
		{"virus limits", "audit_series.virus:" + cidrSettings + ", audit_series.virus_mailfrom:" + seriesSettings, func(t *testing.T, p *policy) {
			exceeds(t, p, 33, abuse{"av_reject", marker, "virus rate limit exceeded", "Sender virus message rate limit exceeded"})
		}},
		{"spamassassin", "spamassassin: scan isspam_disposition score_threshold error_disposition process_result honor_whitelist", func(t *testing.T, p *policy) {
			judge(t, p, 37, []judgement{
				{name: "sa_reject", body: "SPAM", reply: "554 5.7.1 the message looks like spam"},
				{name: "sa_reject", body: "LIKELY", reply: "250"},
				{name: "sa_score", body: "LIKELY", reply: "554 5.7.1"},
				{name: "sa_off", body: "SPAM", reply: "250"},
				{name: "sa_discard", body: "SPAM", reply: "250", lost: true},
				{name: "sa_reject", body: "SILENT", reply: "250"},
				{name: "sa_down", body: "SILENT", reply: "451 4.7.0"},
				{name: "sa_result", body: "SPAM", reply: "555 " + word + "spam 7.1 RULE_A,RULE_B"},
				{name: "none", body: "SPAM", reply: "250"},
			})
		}},
		{"rspamd", "rspamd: scan isspam_disposition score_threshold error_disposition process_result honor_whitelist", func(t *testing.T, p *policy) {
			judge(t, p, 40, []judgement{
				{name: "rs_reject", body: "SPAM", reply: "554 5.7.1 the message looks like spam"},
				{name: "rs_reject", body: "LIKELY", reply: "250"},
				{name: "rs_score", body: "LIKELY", reply: "554 5.7.1"},
				{name: "rs_soft", body: "SOFT", reply: "451 4.7.1 please try again later"},
				{name: "rs_discard", body: "SPAM", reply: "250", lost: true},
				{name: "rs_reject", body: "SILENT", reply: "250"},
				{name: "rs_down", body: "SILENT", reply: "451 4.7.0"},
				{name: "rs_result", body: "SPAM", reply: "555 " + word + "reject A_RULE,B_RULE"},
			})
		}},
		{"spam limits", "audit_series.spam:" + cidrSettings + ", audit_series.spam_mailfrom:" + seriesSettings, func(t *testing.T, p *policy) {
			exceeds(t, p, 44, abuse{"sa_reject", "SPAM", "spam rate limit exceeded", "Sender spam message rate limit exceeded"})
		}},
		{"keywords", "keyword_filter: scan name path cachename query charset disposition process_result honor_whitelist", func(t *testing.T, p *policy) {
			refused := "554 5.7.1 the message has words"
			judge(t, p, 48, []judgement{
				{name: "kw_reject", body: "Buy Cheap Pills now", reply: refused},
				{name: "kw_reject", body: "a wire transfer", reply: refused},
				{name: "kw_reject", body: "die Überweisung", reply: refused},
				{name: "kw_reject", body: "cheap, pills", reply: "250"},
				{name: "kw_discard", body: "cheap pills", reply: "250", lost: true},
				{name: "kw_gbk", body: "开发票了", reply: refused},
				{name: "kw_latin", body: "die größe zählt", reply: refused},
				{name: "kw_jp", body: "ご当選です", reply: refused},
				{name: "kw_big5", body: "低利貸款", reply: refused},
				{name: "kw_ds", body: "a replica", reply: refused},
				{name: "kw_result", body: "cheap pills and cheap pills", reply: "250"},
				{name: "kw_result", body: "cheap pills, cheap pills, wire transfer", reply: "554 " + word + "3"},
				{name: "none", body: "cheap pills", reply: "250"},
			})
		}},
		{"custom policy", "custom_policy", func(t *testing.T, p *policy) {
			judge(t, p, 52, []judgement{
				{name: "custom_done", body: "text", reply: "250"},
				{name: "custom_post", body: "text", reply: "550 5.7.1 post_validate_data"},
				{name: "none", body: "text", reply: "250"},
			})
			want := []string{"pre_init", "post_init"}
			for _, phase := range []string{"connect", "ehlo", "mailfrom", "rcptto", "data", "data_spool", "data_spool_each_rcpt", "set_binding"} {
				want = append(want, "pre "+phase, "post "+phase)
			}
			p.Eventually("the callouts of custom_policy", func() string {
				if err := subsequence(p.Printed(), want); err != nil {
					return err.Error()
				}
				return ""
			})
		}},
		{"a broken datasource", "recipient_validation: ds_name", func(t *testing.T, p *policy) {
			if _, err := p.db.Exec("DROP TABLE mailboxes"); err != nil {
				t.Fatal(err)
			}
			c := p.session(t, host(54, 1))
			say(t, c, "MAIL FROM:<broken@ok.test>", "250")
			say(t, c, "RCPT TO:<anna@ds.test>", "451 4.3.0 the recipient cannot be verified now")
		}},
	}
}

// abuse is what a message does, and what is said to peers and senders that do
// it too often.
type abuse struct{ name, body, peer, sender string }

// exceeds sends three from one peer, and three of one sender from three others;
// the limit of both is two.
func exceeds(t *testing.T, p *policy, network int, a abuse) {
	t.Helper()
	c := p.session(t, host(network, 1))
	for i := range 3 {
		begins(t, "one of three", answer(t, c, fmt.Sprintf("peer%d@ok.test", i), message(a.name, a.body), "u@example.com"), "554 5.7.1")
	}
	say(t, c, "MAIL FROM:<x@ok.test>", "421 "+a.peer)
	p.greets(t, host(network, 1), "421 "+a.peer)
	sender := a.name + "@ok.test"
	for i := 1; i <= 3; i++ {
		c := p.session(t, host(network+i, 1))
		begins(t, "one of three", answer(t, c, sender, message(a.name, a.body), "u@example.com"), "554 5.7.1")
		p.quit(t, c)
	}
	say(t, p.session(t, host(network, 2)), "MAIL FROM:<"+sender+">", "451 "+a.sender)
}
