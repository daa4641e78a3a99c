package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// ehlo is a greeting that offers these extensions.
func ehlo(keywords ...string) string {
	out := "S: 220 mx\nC: EHLO me.example\nS: 250-mx\n"
	for i, k := range keywords {
		sep := "-"
		if i == len(keywords)-1 {
			sep = " "
		}
		out += "S: 250" + sep + k + "\n"
	}
	return out
}

// letterTo is a batch of one message.
func letterTo(change func(m *message.Message)) *queue.Batch {
	b := batch("s@x.org", "a@example.com")
	change(b.Messages[0])
	return b
}

func dialogue(mail, rcpt string) string {
	return "C: " + mail + "\nC: " + rcpt + "\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
}

const done = "S: 250 2.0.0 queued\n" + quit

// 8-bit content for a peer without 8BITMIME (transform_8bitmime_content).
func TestEightBit(t *testing.T) {
	const raw = "Subject: x\r\nContent-Type: text/plain\r\n\r\nZ\u00fcrich\r\n"
	const signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\u00fc\r\n--b--\r\n"
	const converted = "C: Subject: x\nC: Content-Type: text/plain\nC: MIME-Version: 1.0\nC: Content-Transfer-Encoding: quoted-printable\nC:\nC: Z=C3=BCrich\nC: .\n"
	const plainMail, rcpt = "MAIL FROM:<s@x.org>", "RCPT TO:<a@example.com>"
	for _, tc := range []struct{ how, body, script, want string }{
		{"ifneeded", raw, ehlo("PIPELINING", "SIZE") + dialogue(plainMail, rcpt) + converted + done, ok},
		{"strict", raw, ehlo("PIPELINING") + dialogue(plainMail, rcpt) + converted + done, ok},
		{"no", raw, ehlo("PIPELINING") + dialogue(plainMail, rcpt) + "C: Subject: x\nC: Content-Type: text/plain\nC:\nC: Z\u00fcrich\nC: .\n" + done, ok},
		{"strip", raw, ehlo("PIPELINING") + dialogue(plainMail, rcpt) + "C: Subject: x\nC: Content-Type: text/plain\nC:\nC: ZC<rich\nC: .\n" + done, ok},
		{"ifneeded", raw, ehlo("PIPELINING", "8BITMIME") + dialogue(plainMail+" BODY=8BITMIME", rcpt) + "C: Subject: x\nC: Content-Type: text/plain\nC:\nC: Z\u00fcrich\nC: .\n" + done, ok},
		{"ifneeded", "Subject: x\r\n\r\nhello\r\n", ehlo("PIPELINING") + dialogue(plainMail, rcpt) + letter + done, ok},
		{"ifneeded", signed, ehlo("PIPELINING") + quit, "P 1 554 5.6.3 [internal] 8-bit content cannot be converted for a remote host without 8BITMIME"},
	} {
		w := newWorld(t)
		w.body, w.opt.Transform8Bit = tc.body, tc.how
		w.at("192.0.2.1", tc.script)
		w.serve("example.com", letterTo(func(m *message.Message) { m.EightBit = true })).want(t, "a@example.com "+tc.want)
	}
}

// What needs SMTPUTF8 and how far a peer without it can be served.
func TestSMTPUTF8(t *testing.T) {
	const refusal = "P 1 550 5.6.7 [internal] remote host does not support SMTPUTF8"
	const rcpt = "RCPT TO:<a@example.com>"
	eight := ehlo("PIPELINING", "8BITMIME")
	for _, tc := range []struct {
		what, from, to, body, script, want string
	}{
		{"the peer has it", "\u00fc@x.org", "a@b\u00fccher.example", "\r\n\r\n", ehlo("PIPELINING", "8BITMIME", "SMTPUTF8") +
			dialogue("MAIL FROM:<\u00fc@x.org> BODY=8BITMIME SMTPUTF8", "RCPT TO:<a@b\u00fccher.example>") + "C:\nC:\nC: .\n" + done, ok},
		{"a domain has another form", "a@b\u00fccher.example", "a@example.com", "Subject: \u00fc\r\n\r\n\u00fc\r\n", eight +
			dialogue("MAIL FROM:<a@xn--bcher-kva.example> BODY=8BITMIME", rcpt) + "C: Subject: =?utf-8?q?=C3=BC?=\nC:\nC: \u00fc\nC: .\n" + done, ok},
		{"a local part has none", "\u00fc@x.org", "a@example.com", "\r\n", eight + quit, refusal},
		{"nor has one of a recipient", "s@x.org", "\u00fc@example.com", "\r\n", eight + quit, refusal},
		{"nor has one in a header", "s@x.org", "a@example.com", "From: <\u00fc@x.org>\r\n\r\n\r\n", eight + quit, refusal},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.body = tc.body
			w.at("192.0.2.1", tc.script)
			src := w.serve("example.com", letterTo(func(m *message.Message) {
				m.Sender, m.Recipient = smtp.Address(tc.from), smtp.Address(tc.to)
				m.SMTPUTF8, m.EightBit = true, true
			}))
			src.want(t, tc.to+" "+tc.want)
		})
	}
}

// RFC 3461: passed on to a peer that knows it, and to no other.
func TestDSNParameters(t *testing.T) {
	for _, knows := range []bool{true, false} {
		script := ehlo("PIPELINING", "DSN") + dialogue("MAIL FROM:<s@x.org> RET=HDRS ENVID=a+20b", "RCPT TO:<a@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old@example.com")
		if !knows {
			script = ehlo("PIPELINING") + dialogue("MAIL FROM:<s@x.org>", "RCPT TO:<a@example.com>")
		}
		w := newWorld(t)
		w.at("192.0.2.1", script+letter+done)
		src := w.serve("example.com", letterTo(func(m *message.Message) {
			m.DSN = message.DSN{EnvID: "a+20b", Ret: "HDRS", ORcpt: "rfc822;old@example.com", Notify: message.NotifySuccess | message.NotifyDelay}
		}))
		src.want(t, "a@example.com "+ok)
		if src.results[0].PassedDSN != knows {
			t.Errorf("the peer knows DSN: %v, the result says %v", knows, src.results[0].PassedDSN)
		}
	}
	w := newWorld(t)
	w.at("192.0.2.1", ehlo("PIPELINING", "DSN")+dialogue("MAIL FROM:<s@x.org>", "RCPT TO:<a@example.com>")+letter+done)
	w.serve("example.com", letterTo(func(m *message.Message) { m.DSN.EnvID = "x\r\nRSET" })).want(t, "a@example.com "+ok)
}

// bdat is what a client sends after the envelope.
func bdat(mail string) string {
	return "C: " + mail + "\nC: RCPT TO:<a@example.com>\nS: 250 ok\nS: 250 ok\n"
}

func TestChunking(t *testing.T) {
	const mail = "MAIL FROM:<s@x.org>"
	offered := ehlo("PIPELINING", "CHUNKING")
	const chunk = "C: BDAT 26 LAST\nC: Subject: x\nC:\nC: .dot\nC: bare\n"
	for _, tc := range []struct{ what, mode, script, want string }{
		{"one chunk, no dots", "ifavailable", offered + bdat(mail) + chunk + done, ok},
		{"not offered", "ifavailable", ehlo("PIPELINING") + dialogue(mail, "RCPT TO:<a@example.com>") + "C: Subject: x\nC:\nC: ..dot\nC: bare\nC: .\n" + done, ok},
		{"switched off", "no", offered + dialogue(mail, "RCPT TO:<a@example.com>") + "C: Subject: x\nC:\nC: ..dot\nC: bare\nC: .\n" + done, ok},
		{"refused", "ifavailable", offered + bdat(mail) + chunk + "S: 554 5.7.1 spam\n" + quit, "P 9 554 5.7.1 spam"},
		{"no recipient", "ifavailable", offered + "C: " + mail + "\nC: RCPT TO:<a@example.com>\nS: 250 ok\nS: 550 no\n" + quit, "P 5 550 no"},
		{"no sender", "ifavailable", offered + "C: " + mail + "\nC: RCPT TO:<a@example.com>\nS: 550 no\nS: 503 MAIL first\n" + quit, "P 3 550 no"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.body, w.opt.Chunking = "Subject: x\r\n\r\n.dot\nbare\r", tc.mode
			w.at("192.0.2.1", tc.script)
			w.serve("example.com", letterTo(func(*message.Message) {})).want(t, "a@example.com "+tc.want)
		})
	}
}

// A large message goes in chunks of 64 KiB; a refusal in between ends the
// transaction, not the connection.
func TestManyChunks(t *testing.T) {
	const size = 64 << 10
	line := strings.Repeat("x", 1022) + "\r\n"
	script := func(n int, last string) string {
		rows := strings.Repeat("C: "+strings.TrimSpace(line)+"\n", n)
		return fmt.Sprintf("C: BDAT %d%s\n", n*1024, last) + rows
	}
	for _, pipelined := range []bool{true, false} {
		offered := ehlo("PIPELINING", "CHUNKING")
		envelope := bdat("MAIL FROM:<s@x.org>")
		if !pipelined {
			offered = ehlo("CHUNKING")
			envelope = "C: MAIL FROM:<s@x.org>\nS: 250 ok\nC: RCPT TO:<a@example.com>\nS: 250 ok\n"
		}
		w := newWorld(t)
		w.body, w.opt.Chunking = strings.Repeat(line, 2*size/1024+1), "ifavailable"
		w.at("192.0.2.1", offered+
			envelope+script(64, "")+"S: 250 one\n"+script(64, "")+"S: 250 two\n"+script(1, " LAST")+"S: 250 2.0.0 queued\n"+
			envelope+script(64, "")+"S: 452 4.3.1 full\n"+refusedRest(pipelined, script(64, ""))+"C: RSET\nS: 250 ok\n"+
			envelope+script(64, "")+"S: 250 one\n"+script(64, "")+"S: 250 two\n"+script(1, " LAST")+"S: 250 2.0.0 queued\n"+quit)
		b := func() *queue.Batch { return letterTo(func(*message.Message) {}) }
		w.serve("example.com", b(), b(), b()).want(t, "a@example.com "+ok, "a@example.com T 9 452 4.3.1 full", "a@example.com "+ok)
	}
}

// refusedRest is what was under way when a chunk was refused.
func refusedRest(pipelined bool, chunk string) string {
	if pipelined {
		return chunk + "S: 503 no transaction\n"
	}
	return ""
}

// A reply that is lost behind the last byte is noted: the message may arrive
// twice.
func TestPossibleDuplicate(t *testing.T) {
	for _, tc := range []struct {
		script, mode string
		noted        int
	}{
		{greeting + envelope + letter + "close", "no", 1},
		{greeting + envelope + letter + "S: 451 later\n" + quit, "no", 0},
		{greeting + "C: MAIL FROM:<s@x.org> SIZE=21\nclose", "no", 0},
		{ehlo("PIPELINING", "CHUNKING") + bdat("MAIL FROM:<s@x.org>") + "C: BDAT 21 LAST\nC: Subject: x\nC:\nC: hello\nclose", "ifavailable", 1},
	} {
		w := newWorld(t)
		var notes []string
		w.opt.Chunking = tc.mode
		w.courier.Note = func(text string) { notes = append(notes, text) }
		w.at("192.0.2.1", tc.script)
		w.serve("example.com", batch("s@x.org", "a@example.com"))
		if len(notes) != tc.noted || tc.noted > 0 && !strings.Contains(notes[0], "message a@example.com for a@example.com: mx.example.com") {
			t.Errorf("%s\nnotes: %q", tc.script, notes)
		}
	}
}
