package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk/smtp"
)

// discard is a door that takes everything and keeps nothing.
type discard struct{}

var queued = smtp.NewReply(250, "2.0.0", "Ok: queued")

func (discard) NewDraft(reception.Envelope) Draft { return discard{} }
func (discard) Write(p []byte) (int, error)       { return len(p), nil }
func (discard) Abort()                            {}
func (discard) Accept(context.Context, *validate.Session) reception.Result {
	return reception.Result{Reply: queued}
}
func (discard) Rejection(*logs.Rejection) {}

// serveDiscard is the server with that door and no policy.
func serveDiscard(tb testing.TB) (addr string, stop func()) {
	o := options()
	o.RelayDomains = []string{"bench.test"}
	addr, _, stop = serveOptions(tb, o)
	return addr, stop
}

func serveOptions(tb testing.TB, o Options) (addr string, s *Server, stop func()) {
	p, err := NewProfile(o)
	if err != nil {
		tb.Fatal(err)
	}
	v := &validate.Validator{CallTimeout: time.Minute, After: time.After}
	v.SetChain(validate.NewChain(1, nil, nil))
	s = New(Config{
		Validator: v, Door: discard{}, Log: discard{}, Hostname: func() string { return "mta.test" },
		ProfileFor: func(string, netip.Addr) *Profile { return p },
		NewID:      func() string { return "00/00-00000-00000000" },
		Problem:    func(text string) { tb.Error(text) }, Now: time.Now, After: time.After,
	})
	l, err := s.Listen("127.0.0.1:0", Socket{})
	if err != nil {
		tb.Fatal(err)
	}
	l.Start()
	return l.Addr().String(), s, func() { s.Drain(context.Background()) }
}

// serveNull answers every line without looking at it: the floor.
func serveNull(tb testing.TB) (addr string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { null(c) })
		}
	})
	return l.Addr().String(), func() { _ = l.Close(); wg.Wait() }
}

func null(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	say := func(s string) { _, _ = c.Write([]byte(s)) }
	say("220 null ESMTP\r\n")
	for data := false; ; {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case data && len(line) == 3 && line[0] == '.':
			data = false
			say("250 ok\r\n")
		case data:
		case line[0] == 'D':
			data = true
			say("354 go\r\n")
		case line[0] == 'Q':
			say("221 bye\r\n")
			return
		default:
			say("250 ok\r\n")
		}
	}
}

var benchText = "From: <a@bench.test>\r\nTo: <b@bench.test>\r\nSubject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52) + ".\r\n"

// client sends messages in lockstep, as smtp-source does.
type client struct {
	conn net.Conn
	buf  [1024]byte
}

func (c *client) open(addr string) error {
	conn, err := net.Dial("tcp", addr)
	c.conn = conn
	if err != nil {
		return err
	}
	if err := c.answer(); err != nil {
		return err
	}
	return c.say("EHLO bench.test\r\n")
}

func (c *client) say(text string) error {
	if _, err := c.conn.Write([]byte(text)); err != nil {
		return err
	}
	return c.answer()
}

// answer reads one reply, which comes in one write.
func (c *client) answer() error {
	for n := 0; ; {
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return err
		}
		if n += m; bytes.HasSuffix(c.buf[:n], []byte("\r\n")) {
			return nil
		}
	}
}

func (c *client) message() error {
	for _, text := range []string{"MAIL FROM:<a@bench.test>\r\n", "RCPT TO:<b@bench.test>\r\n", "DATA\r\n", benchText} {
		if err := c.say(text); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) close() error {
	defer func() { _ = c.conn.Close() }()
	return c.say("QUIT\r\n")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkServer sends 4 KiB messages from 20 clients in this process. The CPU
// reported is that of server and clients together; the clients do the same for
// both servers, so the difference of the two is ours.
func BenchmarkServer(b *testing.B) {
	for _, persistent := range []bool{false, true} {
		for name, serve := range map[string]func(testing.TB) (string, func()){"null": serveNull, "smtpd": serveDiscard} {
			how := map[bool]string{false: "1perconn", true: "persistent"}[persistent]
			b.Run(how+"/"+name, func(b *testing.B) {
				addr, stop := serve(b)
				defer stop()
				b.ReportAllocs()
				before := cpu()
				b.ResetTimer()
				load(b, addr, persistent)
				b.StopTimer()
				b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/msg")
			})
		}
	}
}

func load(b *testing.B, addr string, persistent bool) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := send(addr, &left, persistent); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func send(addr string, left *atomic.Int64, persistent bool) error {
	var c client
	for left.Add(-1) >= 0 {
		if c.conn == nil {
			if err := c.open(addr); err != nil {
				return err
			}
		}
		if err := c.message(); err != nil {
			return err
		}
		if !persistent {
			if err := c.close(); err != nil {
				return err
			}
			c.conn = nil
		}
	}
	if c.conn == nil {
		return nil
	}
	return c.close()
}

// BenchmarkContent is the state machine alone.
func BenchmarkContent(b *testing.B) {
	data := []byte(benchText)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for range b.N {
		var c content
		c.begin(discard{}, contentRules{}, true)
		if _, done := c.feed(data); !done || c.fault != nil {
			b.Fatal("no end of data")
		}
	}
}
