package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// The settings that all cidr series and all string series have in common.
const (
	seriesSettings = " type interval buckets thresholds check startv endv threshold honor_whitelist"
	cidrSettings   = seriesSettings + " key"
)

func sessionCases() []policyCase {
	return []policyCase{
		{"whitelists", "whitelist: name type source record_type cachename query cidr_column value_column, rbls: honor_whitelist, fcdns: honor_whitelist", func(t *testing.T, p *policy) {
			p.greets(t, host(whitelisted, 1), "220") // listed, and without a name
			p.greets(t, host(customer, 1), "220")
		}},
		{"block lists", "rbls: check name type base server source record_type code reason process_result", func(t *testing.T, p *policy) {
			p.greets(t, host(1, 1), "220")
			p.greets(t, host(7, 1), "550 RBL hit on dnsbl: 127.0.0.2")
			p.greets(t, host(8, 1), "220") // "you ask too much" is no listing
			p.greets(t, host(9, 1), "220") // nor is a parked domain
			p.greets(t, host(10, 1), "554 RBL hit on text: spam source")
			p.greets(t, host(11, 1), "451 RBL hit on file: 127.0.0.2")
			p.greets(t, host(12, 1), "554 own word: nobody")
			p.greets(t, host(13, 1), "220")
		}},
		{"reverse DNS", "fcdns: check rdns_failure_code fdns_failure_code", func(t *testing.T, p *policy) {
			p.greets(t, host(nameless, 1), "550 5.7.25 your address has no reverse DNS")
			p.greets(t, host(liar, 1), "553 5.7.25 reverse DNS of your address does not lead back to it")
		}},
		{"early talkers", "early_talker: check honor_whitelist", func(t *testing.T, p *policy) {
			for network, want := range map[int]string{14: "554", whitelisted: "220"} {
				c, err := mtatest.DialFrom(p.SMTP, host(network, 1))
				if err != nil {
					t.Fatal(err)
				}
				// It is seen at the greeting, or else when EHLO is read.
				replies := c.Send("EHLO early.test")
				for want == "554" && replies == nil {
					var r mtatest.Reply
					if r, replies = c.Reply(); r.Code == 554 {
						begins(t, "an early talker", r.String(), "554 5.5.1 early talker")
						want = ""
					}
				}
				if want == "554" {
					t.Errorf("an early talker came through: %v", replies)
				}
				if want == "220" {
					begins(t, "a whitelisted one", cmdReply(t, c), "220")
				}
				c.Close()
			}
		}},
		{"sessions at a time", "concurrent_connection_limits: check mask limit service honor_whitelist", func(t *testing.T, p *policy) {
			for range 7 {
				p.session(t, host(listed, 1)) // the first limit honours the list, the network's does not
			}
			p.greets(t, host(listed, 2), "421 connection limit exceeded")
			for range 4 {
				p.session(t, host(15, 1))
			}
			p.greets(t, host(15, 1), "421 connection limit exceeded")
		}},
		{"connections", "audit_series.connections:" + cidrSettings, func(t *testing.T, p *policy) {
			for range 5 {
				p.greets(t, host(16, 1), "220")
			}
			p.greets(t, host(16, 1), "421 connection rate limit exceeded")
			p.greets(t, host(16, 2), "220")
		}},
		{"failed logins", "audit_series.invalid_smtp_auth:" + cidrSettings, func(t *testing.T, p *policy) {
			c := p.session(t, host(17, 1))
			p.logIn(t, c, "wrong", "535")
			p.logIn(t, c, "wrong", "535")
			c = p.session(t, host(17, 1))
			p.logIn(t, c, "wrong", "421 Failed SMTP AUTH rate limit exceeded")
			c = p.session(t, host(17, 1))
			p.logIn(t, c, "geheim", "421 Failed SMTP AUTH rate limit exceeded")
		}},
	}
}

func cmdReply(t *testing.T, c *mtatest.Conn) string {
	t.Helper()
	r, err := c.Reply()
	if err != nil {
		t.Fatal(err)
	}
	return r.String()
}

func envelopeCases() []policyCase {
	return []policyCase{
		{"sender domains", "mail_from_domain_validate: check failure_code honor_whitelist", func(t *testing.T, p *policy) {
			c := p.session(t, host(18, 1))
			for sender, want := range map[string]string{"a@ok.test": "250", "a@old.test": "250", "": "250", "a@nosuch.test": "553 5.1.8", "a@null.test": "553 5.1.8"} {
				say(t, c, "MAIL FROM:<"+sender+">", want)
				say(t, c, "RSET", "250")
			}
			c = p.session(t, host(whitelisted, 4))
			say(t, c, "MAIL FROM:<a@nosuch.test>", "250")
			p.quit(t, c)
		}},
		{"recipients", "recipient_validation: check ds_name query status_attribute status_values", func(t *testing.T, p *policy) {
			c := p.session(t, host(19, 1))
			say(t, c, "MAIL FROM:<envelope0@ok.test>", "250")
			for _, r := range [][2]string{
				{"anna@ds.test", "250"}, {"ben@ds.test", "250"}, {"whoever@ALL.test", "250"}, {"unasked@example.com", "250"},
				{"carl@ds.test", "550 5.2.1 recipient is not active"}, {"dora@ds.test", "550 5.1.1 unknown recipient"}, {"x@far.test", "550 5.1.1 unknown recipient"},
			} {
				say(t, c, "RCPT TO:<"+r[0]+">", r[1])
			}
			say(t, c, "DATA", "354")
			say(t, c, "Subject: s\r\n\r\ntext\r\n.", "250")
		}},
		{"relay", "relay_authorization: check onnet allow_smtp_auth type source record_type", func(t *testing.T, p *policy) {
			begins(t, "our own network", p.mail(t, host(onnet, 1), "", "text", "onnet@far.test"), "250")
			c := p.session(t, host(21, 1))
			say(t, c, "MAIL FROM:<envelope1@ok.test>", "250")
			say(t, c, "RCPT TO:<auth@far.test>", "550")
			say(t, c, "RSET", "250")
			p.logIn(t, c, "geheim", "235")
			begins(t, "a user", answer(t, c, "user@ok.test", message("", "text"), "auth@far.test"), "250")
			p.sink.Wait(t, "auth@far.test")
		}},
		{"a phase that others end", "custom_policy", func(t *testing.T, p *policy) {
			begins(t, "DONE before the check", p.mail(t, host(22, 1), "", "text", "done@far.test"), "550 5.1.1")
			c := p.session(t, host(22, 3))
			for range 2 { // what was asked in one transaction does not count in the next
				say(t, c, "MAIL FROM:<bypass@ok.test>", "250")
				say(t, c, "RCPT TO:<anna@ds.test>", "250")
				say(t, c, "RSET", "250")
			}
			say(t, c, "MAIL FROM:<bypass@ok.test>", "250")
			say(t, c, "RCPT TO:<bypass@far.test>", "250")
			say(t, c, "DATA", "550 5.7.1 relaying denied")
			say(t, c, "RCPT TO:<bypass@far.test>", "550")
			begins(t, "a recipient that custom policy vouches for", p.mail(t, host(22, 2), "", "text", "vouched@far.test"), "250")
		}},
		{"harvesting", "recipient_validation: dha_prevention, audit_series.invalid_recipients:" + strings.ReplaceAll(cidrSettings, " honor_whitelist", ""), func(t *testing.T, p *policy) {
			c := p.session(t, host(23, 1))
			say(t, c, "MAIL FROM:<envelope2@ok.test>", "250")
			for i := range 4 {
				say(t, c, fmt.Sprintf("RCPT TO:<guess%d@ds.test>", i), "550 5.1.1")
			}
			say(t, c, "RCPT TO:<anna@ds.test>", "451 DHA limit exceeded")
		}},
		{"messages", "audit_series.messages:" + cidrSettings + " options persist", func(t *testing.T, p *policy) {
			c := p.session(t, host(24, 1))
			for range 8 {
				say(t, c, "MAIL FROM:<>", "250")
				say(t, c, "RSET", "250")
			}
			say(t, c, "MAIL FROM:<>", "421 message rate limit exceeded")
			for i := range 12 { // the network's limit
				c := p.session(t, host(25, 1+i/4))
				say(t, c, "MAIL FROM:<>", "250")
				p.quit(t, c)
			}
			say(t, p.session(t, host(25, 4)), "MAIL FROM:<>", "421 message rate limit exceeded")
		}},
		{"senders and users", "audit_series.mailfrom:" + seriesSettings + ", audit_series.auth_user:" + seriesSettings, func(t *testing.T, p *policy) {
			c := p.session(t, host(26, 1))
			for range 5 {
				say(t, c, "MAIL FROM:<many@ok.test>", "250")
				say(t, c, "RSET", "250")
			}
			say(t, c, "MAIL FROM:<MANY@ok.test>", "451 Sender message rate limit exceeded")
			c = p.session(t, host(27, 1))
			p.logIn(t, c, "geheim", "235")
			for range 2 { // and one in "relay"
				say(t, c, "MAIL FROM:<>", "250")
				say(t, c, "RSET", "250")
			}
			say(t, c, "MAIL FROM:<>", "451 Authenticated user rate limit exceeded")
		}},
		{"sizes", "message_size_limits: check size honor_whitelist", func(t *testing.T, p *policy) {
			line := strings.Repeat("x", 70) + "\r\n"
			small, large := strings.Repeat(line, 500), strings.Repeat(line, 3000)
			begins(t, "36 KB", p.mail(t, host(28, 1), "", small, "u@example.com"), "552 5.3.4 message size exceeds 30k")
			begins(t, "36 KB from a listed peer", p.mail(t, host(whitelisted, 4), "", small, "u@example.com"), "250")
			begins(t, "216 KB from a listed peer", p.mail(t, host(whitelisted, 4), "", large, "u@example.com"), "552 5.3.4 message size exceeds 200k")
		}},
	}
}
