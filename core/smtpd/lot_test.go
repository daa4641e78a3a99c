package smtpd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/smtp"
)

// TestParkedSessions go on where they were, end when their idle time is over,
// when they are kicked and when the server stops; under TLS as well.
func TestParkedSessions(t *testing.T) {
	o := options()
	o.TLSCert, _ = certificate(t)
	sweeps := make(chan time.Time)
	r := startSwept(t, o, sweeps)
	talk := r.dial()
	talk.talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
	r.parkAll(sweeps, 1)
	talk.talk("C: RCPT TO:<b@relay.test>\nS: ^250\nC: DATA\nS: ^354\nC: x: y\\r\\n\\r\\n.\nS: ^250")
	if got := r.only(); got.from != "a@x.test" {
		t.Errorf("the transaction is %+v", got)
	}
	r.parkAll(sweeps, 1)

	secure := r.dial()
	secure.talk("S: ^220\nC: STARTTLS\nS: ^220")
	inside := secure.secure()
	inside.talk("C: EHLO x.test\nS: ^250")
	r.parkAll(sweeps, 2)
	inside.talk("C: NOOP\nS: ^250")
	r.parkAll(sweeps, 2)

	kicked := r.dial()
	kicked.expect("^220")
	r.parkAll(sweeps, 3)
	at := kicked.LocalAddr().String()
	n := r.srv.Kick(func(i Info) bool { return i.Peer.String() == at }, smtp.NewReply(421, "4.7.0", "go"))
	if kicked.talk("S: ^421 4.7.0 go\nEOF:"); n != 1 {
		t.Errorf("%d sessions were kicked", n)
	}

	split := r.dial()
	split.talk("S: ^220")
	r.parkAll(sweeps, 3)
	split.send("NO")
	split.send("OP\r\nQUIT\r\n")
	split.talk("S: ^250\nS: ^221\nEOF:")

	sweeps <- time.Now().Add(2 * time.Minute) // more than idle_time
	talk.talk("S: ^421 4.4.2\nEOF:")
	inside.talk("S: ^421 4.4.2\nEOF:")

	last := r.dial()
	last.expect("^220")
	r.parkAll(sweeps, 1)
	done := make(chan struct{})
	go func() {
		r.srv.Drain(context.Background())
		close(done)
	}()
	last.talk("S: ^421 4.3.2\nEOF:")
	<-done
}

// TestPeerOfAParkedSessionVanishes: its end is noticed.
func TestPeerOfAParkedSessionVanishes(t *testing.T) {
	sweeps := make(chan time.Time)
	r := startSwept(t, options(), sweeps)
	for range 20 {
		p := r.dial()
		p.expect("^220")
		r.parkAll(sweeps, 1)
		_ = p.Close()
		for r.srv.live.count() > 0 {
			sweeps <- time.Now()
		}
	}
}

func TestSocketOptions(t *testing.T) {
	r := start(t, options(), nil)
	path := filepath.Join(t.TempDir(), "smtp")
	l, err := r.srv.Listen(path, Socket{Backlog: 3, Mode: 0o600})
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	mode := func() os.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(); got != 0o600 {
		t.Errorf("mode %o", got)
	}
	l.Tune(Socket{Backlog: 5, Mode: 0o666}) // as a reload does
	if got := mode(); got != 0o666 {
		t.Errorf("mode %o", got)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, c)
	p.talk("S: ^220\nC: QUIT\nS: ^221\nEOF:")
}

// TestBacklog: connections beyond the backlog are not taken while nobody accepts.
func TestBacklog(t *testing.T) {
	r := start(t, options(), nil)
	path := filepath.Join(t.TempDir(), "smtp")
	if _, err := r.srv.Listen(path, Socket{Backlog: 2}); err != nil { // and never started
		t.Fatal(err)
	}
	taken := 0
	for range 10 {
		c, err := (&net.Dialer{Timeout: 50 * time.Millisecond}).Dial("unix", path)
		if err != nil {
			break
		}
		defer func() { _ = c.Close() }()
		taken++
	}
	if taken != 3 { // the backlog and one, on Linux
		t.Errorf("%d connections wait, with a backlog of 2", taken)
	}
}
