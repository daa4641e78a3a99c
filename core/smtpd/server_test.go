package smtpd

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// settled waits until so many sessions are counted.
func (r *rig) settled(sessions int) {
	for len(r.srv.Sessions()) != sessions {
		runtime.Gosched()
	}
}

func TestConcurrency(t *testing.T) {
	for name, adjust := range map[string]func(*Options){
		"listener": func(o *Options) { o.ListenerSessions = 1 },
		"service":  func(o *Options) { o.ServiceSessions = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			adjust(&o)
			r := start(t, o, nil)
			one := r.dial()
			one.talk("S: ^220")
			two := r.dial()
			two.talk("S: ^421 4\\.4\\.5 Service unavailable, concurrency limit reached$\nEOF")
			if recs := r.log.all(); len(recs) != 1 || recs[0].Phase != logs.PhaseConcurrencyLimit {
				t.Errorf("rejectlog %+v", recs)
			}
			one.talk("C: QUIT\nS: ^221\nEOF")
			r.settled(0)
			r.dial().talk("S: ^220")
		})
	}
}

func TestListenerSessionsAreCountedByScope(t *testing.T) {
	o := options()
	o.ListenerSessions = 1
	r := start(t, o, nil)
	r.dial().talk("S: ^220")
	other := *r.profile.Load()
	other.SessionScope = "peer 127.0.0.0/8"
	r.profile.Store(&other)
	r.dial().talk("S: ^220")
}

func TestIdle(t *testing.T) {
	o := options()
	o.IdleTime = 20 * time.Millisecond
	r := start(t, o, nil)
	r.dial().talk("S: ^220\nS: ^421 4\\.4\\.2\nEOF")
}

func TestKick(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
	infos := r.srv.Sessions()
	if len(infos) != 1 || infos[0].Peer.String() != p.LocalAddr().String() || infos[0].Listen != "127.0.0.1:0" || infos[0].ConnID == "" {
		t.Fatalf("sessions %+v", infos)
	}
	match, err := Match("192.0.2.0/24")
	if err != nil || r.srv.Kick(match, replyHangup) != 0 {
		t.Fatalf("another network was meant: %v", err)
	}
	match, err = Match("127.0.0.0/8")
	if err != nil || r.srv.Kick(match, smtp.NewReply(421, "4.3.2", "disconnected by the operator")) != 1 {
		t.Fatalf("nobody was kicked: %v", err)
	}
	p.talk("S: ^421 4\\.3\\.2 disconnected by the operator$\nEOF")
}

func TestKickWhileContentArrives(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk(hello + strings.Replace(oneMessage, "C: .\n\tS: ^250\n", "C: text", 1))
	r.srv.Kick(func(Info) bool { return true }, replyHangup)
	p.talk("S: ^421\nEOF")
	r.settled(0)
	if r.door.aborted != 1 || r.count() != 0 {
		t.Errorf("%d drafts dropped, %d accepted", r.door.aborted, r.count())
	}
}

func TestMatch(t *testing.T) {
	i := Info{Session: 7, ConnID: "00/00-01974-EBDC39A4", Peer: netip.MustParseAddrPort("192.0.2.7:999")}
	for text, want := range map[string]bool{
		"7": true, "8": false, "192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false,
		"192.0.2.0/24": true, "2001:db8::/32": false, "00/00-01974-EBDC39A4": true, "00/00-01974-EBDC39A5": false,
	} {
		match, err := Match(text)
		if err != nil || match(i) != want {
			t.Errorf("%s: %v, %v", text, !want, err)
		}
	}
	if _, err := Match("everybody"); err == nil {
		t.Error("a word is taken")
	}
}

func TestDrain(t *testing.T) {
	r := start(t, options(), nil)
	idle, busy, sending := r.dial(), r.dial(), r.dial()
	idle.talk(hello)
	busy.talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
	sending.talk(hello + strings.Replace(oneMessage, "C: .\n\tS: ^250\n", "C: text", 1))
	done := make(chan struct{})
	go func() {
		r.srv.Drain(context.Background())
		close(done)
	}()
	idle.talk("S: ^421 4\\.3\\.2 shutting down$\nEOF")
	if c, err := net.Dial("tcp", r.l.Addr().String()); err == nil {
		t.Error("connections are still accepted")
		_ = c.Close()
	}
	sending.talk("C: .\nS: ^250\nS: ^421 4\\.3\\.2\nEOF")
	busy.talk("C: RCPT TO:<b@relay.test>\nS: ^250\nC: RSET\nS: ^250\nS: ^421 4\\.3\\.2\nEOF")
	<-done
	if r.count() != 1 {
		t.Errorf("%d messages came through", r.count())
	}
}

func TestDrainDeadline(t *testing.T) {
	r := start(t, options(), nil)
	entered, cancelled := make(chan struct{}), make(chan struct{})
	r.door.accept = func(ctx context.Context) { close(entered); <-ctx.Done(); close(cancelled) }
	waiting, inDoor := r.dial(), r.dial()
	waiting.talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
	inDoor.talk(hello + strings.TrimSuffix(oneMessage, "S: ^250\n"))
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.srv.Drain(ctx)
	waiting.talk("S: ^421 4\\.3\\.2\nEOF")
	<-cancelled
}

func TestUnixListener(t *testing.T) {
	r := start(t, options(), nil)
	path := filepath.Join(t.TempDir(), "smtp")
	l, err := r.srv.Listen(path, Socket{})
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	newPeer(t, c).talk("S: ^220\nC: QUIT\nS: ^221\nEOF")
	l.Close()
}

func TestListenAddress(t *testing.T) {
	for name, want := range map[string][2]string{
		":25": {"tcp4", ":25"}, "*:25": {"tcp4", ":25"}, "[*]:25": {"tcp6", "[::]:25"},
		"192.0.2.1:25": {"tcp", "192.0.2.1:25"}, "[2001:db8::1]:25": {"tcp", "[2001:db8::1]:25"}, "/run/smtp": {"unix", "/run/smtp"},
	} {
		if network, address := listenAddress(name); network != want[0] || address != want[1] {
			t.Errorf("%s: %s %s", name, network, address)
		}
	}
	s := New(Config{})
	if _, err := s.Listen("192.0.2.1:1", Socket{}); err == nil {
		t.Error("an address that is not ours was bound")
	}
}

func TestPipelining(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.send("EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@relay.test>\r\nRCPT TO:<c@other.test>\r\nDATA\r\nhello\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n")
	p.talk("S: ^220\nS: ^250\nS: ^250\nS: ^250\nS: ^550\nS: ^354\nS: ^250\nS: ^250\nS: ^221\nEOF")
	if m := r.only(); m.text != "hello\r\n" {
		t.Errorf("content %q", m.text)
	}
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes chan int
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes <- len(p)
	return c.Conn.Write(p)
}

func TestOneWriteForABatch(t *testing.T) {
	r := start(t, options(), nil)
	ours, theirs := net.Pipe()
	conn := countingConn{theirs, make(chan int, 100)}
	r.srv.wg.Add(1)
	go r.srv.pool.Get().(*session).serve("pipe", conn)
	p := newPeer(t, ours)
	p.talk(hello)
	before := len(conn.writes)
	p.send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@relay.test>\r\nRCPT TO:<c@relay.test>\r\nDATA\r\n")
	p.talk("S: ^250\nS: ^250\nS: ^250\nS: ^354")
	if n := len(conn.writes) - before; n != 1 {
		t.Errorf("%d writes", n)
	}
	p.talk("C: .\nS: ^250")
	_ = ours.Close()
}

func TestManyPipelinedBehindContent(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk(hello + strings.Replace(oneMessage, "C: .\n\tS: ^250\n", "", 1))
	const n = 1500
	p.send(strings.Repeat("0123456789\r\n", 5000) + ".\r\n" + strings.Repeat("NOOP 12345\r\n", n))
	for range n + 1 {
		p.expect("^250")
	}
	if m := r.only(); len(m.text) != 60000 {
		t.Errorf("%d bytes of content", len(m.text))
	}
}

func TestMailAndRcptInOneCall(t *testing.T) {
	takeBack := change(sdk.Change{Kind: sdk.ContextDelete, Dict: sdk.DictConn, Name: varCanRelay})
	tests := []struct {
		name   string
		mail   func(*sdk.State, sdk.Phase) sdk.PhaseResult
		rcpt   func(*sdk.State, sdk.Phase) sdk.PhaseResult
		send   string
		script string
		asked  int
		to     int
	}{
		{"both", carryOn, carryOn, "RCPT TO:<b@relay.test>", "S: ^250 2\\.1\\.0\nS: ^250 2\\.1\\.5\nS: ^354\nS: ^250", 1, 1},
		{"a second recipient", carryOn, carryOn, "RCPT TO:<b@relay.test>\r\nRCPT TO:<c@relay.test>", "S: ^250\nS: ^250\nS: ^250\nS: ^354\nS: ^250", 2, 2},
		{"sender refused", say(550, "no"), carryOn, "RCPT TO:<b@relay.test>", "S: ^550 no\nS: ^503\nS: ^503", 1, 0},
		{"recipient refused", carryOn, say(550, "no"), "RCPT TO:<b@relay.test>", "S: ^250\nS: ^550 no\nS: ^503", 1, 0},
		{"bad syntax", carryOn, carryOn, "RCPT TO:<b@relay.test> X=Y", "S: ^250\nS: ^555\nS: ^503", 1, 0},
		{"allowed at connect", carryOn, carryOn, "RCPT TO:<b@other.test>", "S: ^250\nS: ^250\nS: ^354\nS: ^250", 1, 1},
		{"taken back", takeBack, carryOn, "RCPT TO:<b@other.test>", "S: ^250\nS: ^550 5\\.7\\.1 relaying denied\nS: ^503", 1, 0},
		{"disconnected", change(sdk.Change{Kind: sdk.DisconnectSet, Number: 421, Value: "bye"}), carryOn, "RCPT TO:<b@relay.test>", "S: ^421 bye\nEOF", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			o.RelayHosts = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			r := start(t, o, policy{sdk.ValidateMailFrom: tt.mail, sdk.ValidateRcptTo: tt.rcpt})
			p := r.dial()
			p.talk(hello)
			p.send("MAIL FROM:<a@x.test>\r\n" + tt.send + "\r\nDATA\r\n")
			script, last, data := strings.Cut(tt.script, "S: ^354\n")
			p.talk(script)
			if data {
				p.talk("S: ^354\nC: .\n" + last)
				if m := r.only(); len(m.to) != tt.to {
					t.Errorf("recipients %v", m.to)
				}
			}
			r.mod.mu.Lock()
			defer r.mod.mu.Unlock()
			if r.mod.asked != tt.asked {
				t.Errorf("%d calls: %q", r.mod.asked, r.mod.calls)
			}
		})
	}
}

func TestChunking(t *testing.T) {
	begin := "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@relay.test>\r\n"
	tests := []struct {
		name   string
		adjust func(*Options)
		send   string
		script string
		text   string // of the one message, where there is one
	}{
		{name: "one chunk", send: begin + "BDAT 6 LAST\r\na\r\n.\r\n", script: "S: ^250\nS: ^250\nS: ^250 2\\.0\\.0 Ok: queued", text: "a\r\n.\r\n"},
		{name: "chunks", send: begin + "BDAT 3\r\na\r\nBDAT 0\r\nbdat 1\r\nbBDAT 0 last\r\n", script: "S: ^250\nS: ^250\nS: ^250 2\\.0\\.0 3 octets\nS: ^250 2\\.0\\.0 0 octets\nS: ^250 2\\.0\\.0 1 octets\nS: ^250 2\\.0\\.0 Ok", text: "a\r\nb\r\n"},
		{name: "no transaction", send: "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", script: "S: ^503\nS: ^250"},
		{name: "no recipient", send: "MAIL FROM:<a@x.test>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", script: "S: ^250\nS: ^503\nS: ^250"},
		{name: "bad size", send: begin + "BDAT x LAST\r\nQUIT\r\n", script: "S: ^250\nS: ^250\nS: ^501\nEOF"},
		{name: "bad word", send: begin + "BDAT 6 FIRST\r\nQUIT\r\n", script: "S: ^250\nS: ^250\nS: ^501\nEOF"},
		{name: "nothing between", send: begin + "BDAT 1\r\naMAIL FROM:<>\r\nRCPT TO:<c@relay.test>\r\nDATA\r\nNOOP\r\n", script: "S: ^250\nS: ^250\nS: ^250\nS: ^503\nS: ^503\nS: ^503\nS: ^250"},
		{name: "reset", send: begin + "BDAT 1\r\naRSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", script: "S: ^250\nS: ^250\nS: ^250\nS: ^250\nS: ^503\nS: ^250"},
		{name: "bare LF", send: begin + "BDAT 3\r\na\nbBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", script: "S: ^250\nS: ^250\nS: ^550 5\\.6\\.11\nS: ^503\nS: ^250"},
		{name: "too big", adjust: func(o *Options) { o.MaxMessageSize = 8 }, send: begin + "BDAT 6\r\n123456BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", script: "S: ^250\nS: ^250\nS: ^250\nS: ^552 5\\.3\\.4\nS: ^250"},
		{name: "hopelessly big", adjust: func(o *Options) { o.MaxMessageSize = 8 }, send: begin + "BDAT 99999999999999999999 LAST\r\nQUIT\r\n", script: "S: ^250\nS: ^250\nS: ^552\nEOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			if tt.adjust != nil {
				tt.adjust(&o)
			}
			r := start(t, o, nil)
			p := r.dial()
			p.talk(hello)
			p.send(tt.send)
			p.talk(tt.script)
			if tt.text != "" {
				if m := r.only(); m.text != tt.text {
					t.Errorf("content %q", m.text)
				}
			} else if r.count() != 0 {
				t.Error("a message came through")
			}
		})
	}
}
