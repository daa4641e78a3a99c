package delivery_test

import (
	"context"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
)

func TestDelivered(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", greeting+whole+quit)
	src := w.serve("example.com", batch("s@x.org", "a@example.com"))
	src.want(t, "a@example.com D 9 250 2.0.0 queued")
	r := src.results[0]
	if r.Remote != netip.MustParseAddr("192.0.2.1") || r.ConnID != "conn-1" || r.Bytes != 21 {
		t.Errorf("result: %+v", r)
	}
	if len(src.idle) != 2 || src.idle[0] != 0 || src.idle[1] != 5*time.Second {
		t.Errorf("waits for a batch: %v", src.idle)
	}
}

// Without PIPELINING each command waits for its reply.
func TestNotPipelined(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", plain+`
		C: MAIL FROM:<s@x.org>
		lone
		S: 250 ok
		C: RCPT TO:<a@example.com>
		lone
		S: 250 ok
		C: RCPT TO:<b@example.com>
		lone
		S: 251 will forward
		C: DATA
		lone
		S: 354 go
		`+letter+"S: 250 done\n"+quit)
	w.serve("example.com", batch("s@x.org", "a@example.com", "b@example.com")).want(t,
		"a@example.com D 9 250 done", "b@example.com D 9 250 done")
}

func TestMixedRecipients(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", greeting+`
		C: MAIL FROM:<s@x.org> SIZE=21
		C: RCPT TO:<a@example.com>
		C: RCPT TO:<b@example.com>
		C: RCPT TO:<c@example.com>
		C: DATA
		S: 250 ok
		S: 550-5.1.1 no such user
		S: 550 5.1.1 here
		S: 250 ok
		S: 450 4.2.1 busy
		S: 354 go
		`+letter+"S: 250 done\n"+quit)
	w.serve("example.com", batch("s@x.org", "a@example.com", "b@example.com", "c@example.com")).want(t,
		"a@example.com P 5 550 5.1.1 no such user here", "b@example.com D 9 250 done", "c@example.com T 5 450 4.2.1 busy")
}

// The refusals of each stage, and what is said after them. A second batch on
// the same connection shows that the dialogue is still in step.
func TestRefusals(t *testing.T) {
	const rset = "C: RSET\nS: 250 flushed\n"
	for _, tc := range []struct{ what, script, want string }{
		{"MAIL, pipelined", greeting + `
			C: MAIL FROM:<s@x.org> SIZE=21
			C: RCPT TO:<a@example.com>
			C: DATA
			S: 550 5.7.1 not you
			S: 503 5.5.1 need MAIL
			S: 503 5.5.1 need MAIL
			` + whole + quit, "P 3 550 5.7.1 not you"},
		{"MAIL", plain + "C: MAIL FROM:<s@x.org>\nS: 451 later\n" + `
			C: MAIL FROM:<s@x.org>
			S: 250 ok
			C: RCPT TO:<a@example.com>
			S: 250 ok
			C: DATA
			S: 354 go
			` + letter + "S: 250 2.0.0 queued\n" + quit, "T 3 451 later"},
		{"only RCPT, DATA refused as it must", greeting + `
			C: MAIL FROM:<s@x.org> SIZE=21
			C: RCPT TO:<a@example.com>
			C: DATA
			S: 250 ok
			S: 550 nobody
			S: 554 no valid recipients
			` + rset + whole + quit, "P 5 550 nobody"},
		{"only RCPT, DATA taken all the same", greeting + `
			C: MAIL FROM:<s@x.org> SIZE=21
			C: RCPT TO:<a@example.com>
			C: DATA
			S: 250 ok
			S: 550 nobody
			S: 354 go
			C: .
			S: 554 no valid recipients
			` + rset + whole + quit, "P 5 550 nobody"},
		{"DATA", greeting + `
			C: MAIL FROM:<s@x.org> SIZE=21
			C: RCPT TO:<a@example.com>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 451 4.3.0 disk
			` + rset + whole + quit, "T 7 451 4.3.0 disk"},
		{"the content", greeting + envelope + letter + "S: 554 5.7.1 spam\n" + rset + whole + quit, "P 9 554 5.7.1 spam"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.at("192.0.2.1", tc.script)
			src := w.serve("example.com", batch("s@x.org", "a@example.com"), batch("s@x.org", "a@example.com"))
			src.want(t, "a@example.com "+tc.want, "a@example.com D 9 250 2.0.0 queued")
		})
	}
}

// Where the connection breaks, and where the peer falls silent.
func TestTrouble(t *testing.T) {
	const closed = " 451 4.4.2 [internal] connection closed by remote host"
	const mail = "C: MAIL FROM:<s@x.org>\n"
	const rcpt = mail + "S: 250 ok\nC: RCPT TO:<a@example.com>\n"
	const data = rcpt + "S: 250 ok\nC: DATA\n"
	const body = data + "S: 354 go\n" + letter
	for _, tc := range []struct{ script, want string }{
		{"close", "T 12" + closed},
		{"hang", "T 12 451 4.4.2 [internal] no banner"},
		{"S: 220 mx\nC: EHLO me.example\nclose", "T 10" + closed},
		{"S: 220 mx\nC: EHLO me.example\nhang", "T 10 451 4.4.2 [internal] no HELO/EHLO response"},
		{"S: 220 mx\nC: EHLO me.example\nS: hello there\nhang", "T 10 451 4.4.2 [internal] no HELO/EHLO response"},
		{plain + mail + "close", "T 2" + closed},
		{plain + mail + "hang", "T 2 451 4.4.2 [internal] no MAIL FROM response"},
		{plain + mail + "S: 354 what\nhang", "T 3 451 4.4.2 [internal] no MAIL FROM response"},
		{plain + rcpt + "close", "T 4" + closed},
		{plain + rcpt + "hang", "T 4 451 4.4.2 [internal] no RCPT TO response"},
		{plain + rcpt + "S: 421 4.3.2 shutting down\nhang", "T 5 421 4.3.2 shutting down"},
		{plain + data + "close", "T 6" + closed},
		{plain + data + "hang", "T 6 451 4.4.2 [internal] no DATA response"},
		{plain + data + "S: 250 what\nhang", "T 7 451 4.4.2 [internal] no DATA response"},
		{plain + body + "close", "T 9" + closed},
		{plain + body + "hang", "T 9 451 4.4.2 [internal] no BODY response"},
		{plain + body + "S: 354 what\nhang", "T 9 451 4.4.2 [internal] no BODY response"},
		{plain + body + "S: 421 4.3.2 crash\nhang", "T 9 421 4.3.2 crash"},
		{plain + body + "S: 250-one\nS: 550 two\nhang", "T 9 451 4.4.2 [internal] no BODY response"},
		{"S: 554 5.3.2 no mail here\n" + quit, "P 12 554 5.3.2 no mail here"},
		{"S: 421 4.3.2 busy\nclose", "T 12 421 4.3.2 busy"},
		{"S: 220 mx\nC: EHLO me.example\nS: 451 later\n" + quit, "T 11 451 later"},
		{"S: 220 mx\nC: EHLO me.example\nS: 502 what\nC: HELO me.example\nS: 550 go away\n" + quit, "P 11 550 go away"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if strings.Contains(tc.script, "hang") {
				soon := 500 * time.Millisecond // what comes before it takes its time on a busy machine
				w.opt.EHLOTimeout, w.opt.MailTimeout, w.opt.RcptTimeout, w.opt.BodyTimeout = soon, soon, soon, soon
			}
			w.at("192.0.2.1", tc.script)
			w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+tc.want)
		})
	}
}

func TestHELO(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", `
		S: 220-first
		S: 220 second
		C: EHLO me.example
		S: 500 what
		C: HELO me.example
		S: 250 mx
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.com>
		S: 250 ok
		C: DATA
		S: 354 go
		`+letter+"S: 250\n"+quit)
	w.serve("example.com", batch("", "a@example.com")).want(t, "a@example.com D 9 250")
}

func TestEHLOHostname(t *testing.T) {
	for _, tc := range []struct{ option, sender, want string }{
		{"__hostname__", "s@x.org", "me.example"}, {"", "s@x.org", "me.example"},
		{"out.example", "s@x.org", "out.example"},
		{"__message__", "s@X.org", "x.org"}, {"__message__", "", "me.example"},
		{"__message__", "s@[192.0.2.9]", "[192.0.2.9]"}, {"__message__", "s@x\r\nQUIT", "me.example"}, {"__message__", "s@ä.org", "me.example"},
	} {
		w := newWorld(t)
		w.opt.EHLOHostname = tc.option
		w.at("192.0.2.1", "S: 220 mx\nC: EHLO "+tc.want+"\nS: 421 no\nclose")
		w.serve("example.com", batch(tc.sender, "a@example.com")).want(t, "a@example.com T 11 421 no")
	}
}

// A 421 in mid transaction is for all that is not settled yet; a recipient
// that was refused before keeps its own reply.
func Test421(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", greeting+`
		C: MAIL FROM:<s@x.org> SIZE=21
		C: RCPT TO:<a@example.com>
		C: RCPT TO:<b@example.com>
		C: RCPT TO:<c@example.com>
		C: DATA
		S: 250 ok
		S: 550 no
		S: 250 ok
		S: 421 4.7.0 enough
		hang`)
	w.serve("example.com", batch("s@x.org", "a@example.com", "b@example.com", "c@example.com")).want(t,
		"a@example.com P 5 550 no", "b@example.com T 5 421 4.7.0 enough", "c@example.com T 5 421 4.7.0 enough")
}

// "Too many recipients" is no failure: they go with the next transaction.
func TestTooManyRecipients(t *testing.T) {
	w := newWorld(t)
	w.at("192.0.2.1", greeting+`
		C: MAIL FROM:<s@x.org> SIZE=21
		C: RCPT TO:<a@example.com>
		C: RCPT TO:<b@example.com>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 452 4.5.3 too many
		S: 354 go
		`+letter+`
		S: 250 one
		C: MAIL FROM:<s@x.org> SIZE=21
		C: RCPT TO:<b@example.com>
		C: DATA
		S: 250 ok
		S: 452 4.5.3 too many
		S: 554 no recipients
		`+quit)
	src := &source{batches: []*queue.Batch{batch("s@x.org", "a@example.com", "b@example.com")}, again: true}
	w.courier.Serve(context.Background(), queue.Lane{Domain: "example.com"}, src)
	src.want(t, "a@example.com D 9 250 one", "b@example.com - 5 -", "b@example.com T 5 452 4.5.3 too many")
}

func TestReuse(t *testing.T) {
	one := func() *queue.Batch { return batch("s@x.org", "a@example.com") }
	const ok = "a@example.com D 9 250 2.0.0 queued"
	t.Run("many batches", func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.1", greeting+whole+whole+whole+quit)
		w.serve("example.com", one(), one(), one()).want(t, ok, ok, ok)
	})
	t.Run("max_deliveries_per_connection", func(t *testing.T) {
		w := newWorld(t)
		w.opt.MaxDeliveries = 2
		w.at("192.0.2.1", greeting+whole+whole+quit)
		src := w.serve("example.com", one(), one(), one())
		src.want(t, ok, ok)
		if len(src.batches) != 1 {
			t.Error("a third batch was taken")
		}
	})
	t.Run("max_recipients_per_connection", func(t *testing.T) {
		w := newWorld(t)
		w.opt.MaxRecipients = 1
		w.at("192.0.2.1", greeting+whole+quit)
		w.serve("example.com", batch("s@x.org", "a@example.com", "b@example.com")).want(t, ok, "b@example.com - 1 -")
	})
	t.Run("closed while idle", func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.1", greeting+whole+"close", greeting+whole+quit)
		w.serve("example.com", one(), one()).want(t, ok, ok)
	})
	t.Run("421 while idle", func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.1", greeting+whole+"S: 421 idle for too long\nhang", greeting+whole+quit)
		w.serve("example.com", one(), one()).want(t, ok, ok)
	})
	t.Run("closed while idle and then for good", func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.1", greeting+whole+"close")
		w.serve("example.com", one(), one()).want(t, ok,
			"a@example.com T 0 451 4.4.1 [internal] No valid hosts (unable to make any connections) (unreached)")
	})
	t.Run("RSET fails", func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.1", greeting+envelope+letter+"S: 550 no\nC: RSET\nS: 451 no\nhang", greeting+whole+quit)
		w.serve("example.com", one(), one()).want(t, "a@example.com P 9 550 no", ok)
	})
}

func TestMailParameters(t *testing.T) {
	const all = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250-size\nS: 250-8bitmime\nS: 250 SMTPUTF8\n"
	const eight = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 8BITMIME\n"
	const small = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 SIZE 20\n"
	const no = "C: MAIL FROM:"
	for _, tc := range []struct {
		what, script string
		change       func(*message.Message, *delivery.Options)
		want         string
	}{
		{"8-bit", eight + no + "<s@x.org> BODY=8BITMIME\n", func(m *message.Message, _ *delivery.Options) { m.EightBit = true }, ""},
		{"8-bit, send_8bitmime = no", eight + no + "<s@x.org>\n", func(m *message.Message, o *delivery.Options) { m.EightBit, o.Send8BitMIME = true, "no" }, ""},
		{"8-bit, not offered", plain + no + "<s@x.org>\n", func(m *message.Message, _ *delivery.Options) { m.EightBit = true }, ""},
		{"UTF-8", all + no + "<s@x.org> SIZE=21 BODY=8BITMIME SMTPUTF8\n", func(m *message.Message, _ *delivery.Options) { m.EightBit, m.SMTPUTF8 = true, true }, ""},
		{"UTF-8 declared in vain", plain + no + "<s@x.org>\n", func(m *message.Message, _ *delivery.Options) { m.SMTPUTF8 = true }, ""},
		{"UTF-8 recipient, not offered", plain, func(m *message.Message, _ *delivery.Options) { m.Recipient = "ä@example.com" },
			"P 1 550 5.6.7 [internal] remote host does not support SMTPUTF8"},
		{"too large", small, func(m *message.Message, _ *delivery.Options) {},
			"P 1 552 5.3.4 [internal] message size exceeds the remote limit"},
		{"as large as may be", small + no + "<s@x.org> SIZE=20\n", func(m *message.Message, _ *delivery.Options) { m.Content.Size = 20 }, ""},
		{"a line end in the recipient", plain, func(m *message.Message, _ *delivery.Options) {
			m.Recipient = "a@example.com>\r\nRCPT TO:<b@example.com"
		},
			"P 1 553 5.1.3 [internal] address cannot be written in a command"},
		{"no recipient", plain, func(m *message.Message, _ *delivery.Options) { m.Recipient = "" },
			"P 1 553 5.1.3 [internal] address cannot be written in a command"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			b := batch("s@x.org", "a@example.com")
			tc.change(b.Messages[0], w.opt)
			script, want := tc.script+quit, tc.want
			if want == "" {
				script, want = tc.script+"S: 421 enough\nhang", "T 3 421 enough"
			}
			w.at("192.0.2.1", script)
			w.serve("example.com", b).want(t, string(b.Messages[0].Recipient)+" "+want)
		})
	}
}

// A long envelope goes out in groups, so that neither side waits for ever.
func TestManyRecipients(t *testing.T) {
	w := newWorld(t)
	var to, script []string
	script = append(script, greeting)
	const n, group = 150, 64
	sent, replies := []string{"C: MAIL FROM:<s@x.org> SIZE=21"}, 1
	flush := func() {
		script = append(script, strings.Join(sent, "\n"))
		for range replies {
			script = append(script, "S: 250 ok")
		}
		sent, replies = nil, 0
	}
	for i := range n {
		addr := "u" + strings.Repeat("x", i) + "@e.com"
		to = append(to, addr)
		sent, replies = append(sent, "C: RCPT TO:<"+addr+">"), replies+1
		if replies == group {
			flush()
		}
	}
	sent = append(sent, "C: DATA")
	flush()
	script = append(script, "S: 354 go", letter+"S: 250 done", quit)
	w.dns.MX["e.com"] = w.dns.MX["example.com"]
	w.at("192.0.2.1", strings.Join(script, "\n"))
	src := w.serve("e.com", batch("s@x.org", to...))
	if len(src.got) != n {
		t.Fatalf("%d outcomes", len(src.got))
	}
	for i, line := range src.got {
		if line != to[i]+" D 9 250 done" {
			t.Errorf("outcome %d: %s", i, line)
		}
	}
}

type brokenContents struct {
	err  error
	late bool // fails while it is read
}

func (c brokenContents) Open(*message.Message) (io.ReadCloser, error) {
	if !c.late {
		return nil, c.err
	}
	return io.NopCloser(io.MultiReader(strings.NewReader("Subject: x\r\n"), errReader{c.err})), nil
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// Our own spool's trouble must not look like a whole message to the peer.
func TestBrokenContent(t *testing.T) {
	for _, tc := range []struct {
		contents     brokenContents
		script, want string
	}{
		{brokenContents{err: fs.ErrNotExist}, greeting + quit, "P 1 550 5.3.0 [internal] message body missing"},
		{brokenContents{err: errSpool}, greeting + quit, "T 1 451 4.3.0 [internal] message body cannot be read"},
		{brokenContents{err: errSpool, late: true}, greeting + envelope, "T 8 451 4.3.0 [internal] message body cannot be read"},
	} {
		w := newWorld(t)
		w.courier.Contents = tc.contents
		w.at("192.0.2.1", tc.script)
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+tc.want)
	}
}

// A peer that refuses while content still comes, and closes, is heard.
func TestRefusedWhileSending(t *testing.T) {
	w := newWorld(t)
	w.body = strings.Repeat("a line of text, many times over\r\n", 1<<20)
	w.at("192.0.2.1", greeting+envelope+"S: 552 5.3.4 too big\nclose")
	src := w.serve("example.com", batch("s@x.org", "a@example.com"))
	if r := src.results[0]; r.Stage != logs.StageSendingBody || r.Verdict == queue.Delivered || r.Verdict == queue.NotAttempted {
		t.Errorf("outcome: %v", src.got)
	}
}

// The end of the context stops a dialogue at once and puts the messages back,
// but for content that is all out: its reply is waited for.
func TestStop(t *testing.T) {
	for _, tc := range []struct{ what, script, want string }{
		{"banner", "stop\nhang", "- 12 -"},
		{"envelope", greeting + "C: MAIL FROM:<s@x.org> SIZE=21\nstop\nhang", "- 2 -"},
		{"behind the final dot", greeting + envelope + letter + "stop\nS: 250 2.0.0 queued\n", "D 9 250 2.0.0 queued"},
		{"refused behind the final dot", greeting + envelope + letter + "stop\nS: 451 no\n", "T 9 451 no"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.at("192.0.2.1", tc.script)
			w.serve("example.com", batch("s@x.org", "a@example.com"), batch("s@x.org", "b@example.com")).want(t, "a@example.com "+tc.want)
		})
	}
	t.Run("before there is a connection", func(t *testing.T) {
		w := newWorld(t)
		w.courier.OptionsFor = func(string, string, string) *delivery.Options { w.stop(); return w.opt }
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	})
	t.Run("while connecting", func(t *testing.T) {
		w := newWorld(t)
		w.hangs["192.0.2.1:25"] = true
		dial := w.courier.Dial
		w.courier.Dial = func(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
			w.stop()
			return dial(ctx, from, to)
		}
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com - 0 -")
	})
}
