package smtpd

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
)

// TestPeerLimits: what one address, or one network, may have at once and in a
// time.
func TestPeerLimits(t *testing.T) {
	for name, set := range map[string]func(*Options){
		"sessions_per_address": func(o *Options) { o.AddressSessions = 2 },
		"sessions_per_network": func(o *Options) { o.NetworkSessions = 2 },
		"connection_rate":      func(o *Options) { o.ConnectionRate = option.Throttle{Count: 2, Seconds: 60} },
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			set(&o)
			r := start(t, o, nil)
			first := r.dial()
			first.expect("^220")
			r.dial().expect("^220")
			r.dial().talk("S: ^421 4\nEOF:")
			first.talk("C: QUIT\nS: ^221\nEOF:")
			if name != "connection_rate" { // what is over makes room
				r.dial().expect("^220")
			}
		})
	}
}

func TestRatesAreBounded(t *testing.T) {
	o := options()
	o.ConnectionRate = option.Throttle{Count: 1, Seconds: 60}
	r := start(t, o, nil)
	s := &session{srv: r.srv, p: r.profile.Load()}
	for i := range maxRated + 10 {
		s.entry.info.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
		if r.srv.rates.take(s, o.ConnectionRate) {
			t.Fatalf("address %d is refused", i)
		}
	}
	if n := len(r.srv.rates.all); n != 10 {
		t.Errorf("%d addresses are remembered", n)
	}
	for i, want := range map[string]string{"2001:db8::1": "2001:db8::", "2001:db8::ffff:1": "2001:db8::", "192.0.2.1": "192.0.2.1"} {
		if got := rateKey(netip.MustParseAddr(i)).String(); got != want {
			t.Errorf("%s counts as %s", i, got)
		}
	}
}

func TestCommandLimits(t *testing.T) {
	o := options()
	o.MaxCommands = 3
	start(t, o, nil).dial().talk("S: ^220\nC: EHLO a\nS: ^250\nC: MAIL FROM:<>\nS: ^250\nC: RSET\nS: ^250\nC: QUIT\nS: ^421 4.7.0\nEOF:")
	o = options()
	o.MaxJunk = 2
	r := start(t, o, nil)
	r.dial().talk("S: ^220\nC: NOOP\nS: ^250\nC: RSET\nS: ^250\nC: HELP\nS: ^421\nEOF:")
	r.dial().talk(`
		S: ^220
		C: EHLO a.test
		S: ^250
		C: MAIL FROM:<>
		S: ^250
		C: RCPT TO:<b@relay.test>
		S: ^250
		C: DATA
		S: ^354
		C: x: y\r\n\r\n.
		S: ^250
		C: NOOP
		S: ^250
		C: NOOP
		S: ^250
		C: NOOP
		S: ^421
		EOF:
	`)
	o = options()
	o.MaxErrors, o.ErrorDelay = 2, 7*time.Second
	r = start(t, o, nil)
	r.dial().talk("S: ^220\nC: A\nS: ^500\nC: B\nS: ^500\nC: C\nS: ^421\nEOF:")
	if got := <-r.waits; got != 7*time.Second || len(r.waits) != 2 {
		t.Errorf("waited %s, and %d times more", got, len(r.waits))
	}
	o = options()
	o.CommandRate = option.Throttle{Count: 2, Seconds: 2}
	r = start(t, o, nil)
	r.dial().talk("S: ^220\nC: NOOP\nS: ^250\nC: NOOP\nS: ^250\nC: NOOP\nS: ^250")
	if got := <-r.waits; got != time.Second {
		t.Errorf("the third command waited %s", got)
	}
}

// TestMessageRate: a message waits for its turn, and is sent away where that is
// far off.
func TestMessageRate(t *testing.T) {
	r := start(t, options(), nil)
	r.profile.Load().Messages = throttle.New(option.Throttle{Count: 1, Seconds: 8})
	p := r.dial()
	p.talk(hello + oneMessage)
	p.talk("C: MAIL FROM:<>\nS: ^250\nC: RCPT TO:<a@relay.test>\nS: ^250\nC: DATA\nS: ^451 4.3.2\nC: QUIT\nS: ^221")
}

func TestEnvelopeSize(t *testing.T) {
	o := options()
	o.MaxEnvelope = 300
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello + "C: MAIL FROM:<>\nS: ^250\nC: RCPT TO:<a@relay.test>\nS: ^250\nC: RCPT TO:<b@relay.test>\nS: ^250\nC: RCPT TO:<c@relay.test>\nS: ^250\nC: RCPT TO:<d@relay.test>\nS: ^452 4.5.3\nC: RSET\nS: ^250")
	p.talk("C: MAIL FROM:<>\nS: ^250\nC: RCPT TO:<a@relay.test>\nS: ^250")
}

// TestReceptionMemory: header sections and small bodies of all sessions share a
// bound; what ends gives back.
func TestReceptionMemory(t *testing.T) {
	o := options()
	o.MaxMemory = 40 << 10
	r := start(t, o, nil)
	begin := func(lines int) *peer {
		p := r.dial()
		p.talk(hello + "C: MAIL FROM:<>\nS: ^250\nC: RCPT TO:<a@relay.test>\nS: ^250\nC: DATA\nS: ^354")
		p.send(strings.Repeat("X: "+strings.Repeat("x", 95)+"\r\n", lines))
		return p
	}
	first := begin(300)
	for r.srv.held.Load() < 25<<10 {
		runtime.Gosched()
	}
	second := begin(600)
	second.talk("C: .\nS: ^452 4.3.1")
	first.talk("C: .\nS: ^250")
	for _, p := range []*peer{first, second} {
		p.talk("C: QUIT\nS: ^221\nEOF:")
	}
	if n := r.srv.held.Load(); n != 0 {
		t.Errorf("%d octets are still held", n)
	}
	third := begin(300)
	third.talk("C: .\nS: ^250")
}

func TestSlow(t *testing.T) {
	for _, c := range []struct {
		took time.Duration
		got  int64
		want bool
	}{
		{30 * time.Second, 1, false}, {time.Minute, 1, false}, {2 * time.Minute, 1999, true}, {2 * time.Minute, 2000, false}, {time.Hour, 59_999, true},
	} {
		if got := slow(c.took, c.got, 1000); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	var w wire
	if w.measure(); !w.pace.began.IsZero() {
		t.Error("a pace is measured that nobody asked for")
	}
	w.pace.least = 1000
	w.measure()
	if err := w.keepPace(1); err != nil {
		t.Error(err)
	}
	w.pace.began = w.pace.began.Add(-10 * time.Minute)
	if err := w.keepPace(5000); err != errSlow {
		t.Errorf("a slow peer: %v", err)
	}
	w.halt()
	if err := w.keepPace(1); err != nil {
		t.Error(err)
	}
}

// TestSlowCommand: a command line that comes octet by octet is no reason to wait
// for ever either.
func TestSlowCommand(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	var w wire
	w.open(ours, time.Minute)
	defer w.release()
	w.pace = pace{least: 1000, began: time.Now().Add(-10 * time.Minute)}
	go func() { _, _ = theirs.Write([]byte("NO")) }()
	if line, err := w.line(); !errors.Is(err, errSlow) {
		t.Errorf("%q, %v", line, err)
	}
}

func TestConntrol(t *testing.T) {
	p, err := NewProfileWith(options(), Conntrol{Banner: "220-Welcome\r\n", Pause: time.Nanosecond, Ratware: "554 5.5.1 wait for it\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, options(), nil)
	r.profile.Store(p)
	r.dial().talk("S: ^220-Welcome\\n220 mta.test ESMTP$\nC: QUIT\nS: ^221\nEOF:")
	p, err = NewProfileWith(options(), Conntrol{Pause: time.Minute, Ratware: "554 5.5.1 wait for it\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	r.profile.Store(p)
	early := r.dial()
	early.send("EHLO ratware.test\r\n")
	early.talk("S: ^554 5.5.1 wait for it$\nEOF:")
	o := options()
	o.BannerPause, o.EarlyReply = time.Minute, "421 not yet"
	r = start(t, o, nil)
	early = r.dial()
	early.send("EHLO ratware.test\r\n")
	early.talk("S: ^421 not yet$\nEOF:")
	for _, c := range []Conntrol{{Banner: "Welcome"}, {Banner: "220 Welcome"}, {Ratware: "go away"}, {Ratware: "250 ok"}} {
		if _, err := NewProfileWith(options(), c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
