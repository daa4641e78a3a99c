package delivery_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the network a test delivers into: DNS and peers. Each peer plays
// one script for each connection, in order; where the scripts end, and at any
// other address, connections are refused.
//
// A script's lines: "S: text" is sent by the peer (" // " is a line end); "C: text" must come from the
// client; "lone" says that nothing may have come behind it; "tls" begins TLS;
// "stop" ends the context of Serve; "close" ends the connection at once; "hang"
// waits for the client to end it. After the last line the client must close.
type world struct {
	t    *testing.T
	dns  dns.Mock
	opt  *delivery.Options
	body string
	tls  *tls.Config

	courier *delivery.Courier
	ctx     context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	scripts map[string][]string // by address and port
	dialled []string            // "from > to"
	wg      sync.WaitGroup
	hangs   map[string]bool // addresses that never answer a SYN
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, opt: delivery.Defaults(), body: "Subject: x\r\n\r\nhello\r\n", scripts: map[string][]string{}, hangs: map[string]bool{}}
	w.dns = dns.Mock{
		MX: map[string][]sdk.DNSRecord{"example.com": {{Value: "mx.example.com", Preference: 10}}},
		A:  map[string][]string{"mx.example.com": {"192.0.2.1"}},
	}
	w.ctx, w.stop = context.WithCancel(context.Background())
	n := 0
	w.courier = &delivery.Courier{
		Resolver:   resolver{w},
		Contents:   contents{w},
		OptionsFor: func(string, string, string) *delivery.Options { return w.opt },
		NewConnID:  func() string { n++; return fmt.Sprintf("conn-%d", n) },
		Hostname:   func() string { return "me.example" },
		Dial:       w.dial,
		Shuffle:    func(int, func(i, j int)) {},
	}
	t.Cleanup(w.finish)
	return w
}

// resolver lets a test change the world's DNS at any time.
type resolver struct{ w *world }

func (r resolver) Lookup(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return r.w.dns.Lookup(ctx, q)
}

type contents struct{ w *world }

func (c contents) Open(*message.Message) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(c.w.body)), nil
}

// at adds scripts for an address; the port is 25 where it has none.
func (w *world) at(addr string, scripts ...string) {
	if _, err := netip.ParseAddrPort(addr); err != nil {
		addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 25).String()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts[addr] = append(w.scripts[addr], scripts...)
}

func (w *world) finish() {
	w.stop()
	w.wg.Wait()
	for addr, left := range w.scripts {
		if len(left) > 0 {
			w.t.Errorf("%d scripts of %s were not played", len(left), addr)
		}
	}
}

func (w *world) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, fmt.Sprintf("%v > %v", from, to))
	list, hang := w.scripts[to.String()], w.hangs[to.String()]
	if len(list) > 0 {
		w.scripts[to.String()] = list[1:]
	}
	w.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if len(list) == 0 {
		return nil, syscall.ECONNREFUSED
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := l.Accept()
	if err != nil {
		return nil, err
	}
	p := &peer{t: w.t, conn: server, r: bufio.NewReader(server), tls: w.tls, stop: w.stop}
	w.wg.Go(func() { p.play(list[0]) })
	return client, nil
}

type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	tls  *tls.Config
	stop func()
}

func (p *peer) play(script string) {
	defer func() { p.conn.Close() }()
	p.conn.SetDeadline(time.Now().Add(20 * time.Second))
	lines := strings.Split(strings.TrimSpace(script), "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case line == "S:" || strings.HasPrefix(line, "S: "):
			text := strings.ReplaceAll(strings.TrimPrefix(line[2:], " "), " // ", "\r\n") // in one write
			io.WriteString(p.conn, text+"\r\n")
		case line == "C:" || strings.HasPrefix(line, "C: "):
			want := strings.TrimPrefix(line[2:], " ") + "\r\n"
			got, err := p.r.ReadString('\n')
			if got != want {
				p.t.Errorf("peer, line %d: got %q (%v), want %q", i+1, got, err, want)
				return
			}
		case line == "tls":
			secured := tls.Server(p.conn, p.tls)
			if err := secured.Handshake(); err != nil {
				return // the client's outcome says what went wrong
			}
			p.conn, p.r = secured, bufio.NewReader(secured)
		case line == "lone": // nothing may have come behind the last command
			if n := p.r.Buffered(); n > 0 {
				p.t.Errorf("peer, line %d: %d bytes were pipelined", i+1, n)
			}
		case line == "stop":
			p.stop()
		case line == "close":
			return
		case line == "hang":
			io.Copy(io.Discard, p.r)
			return
		default:
			p.t.Errorf("peer: bad script line %q", line)
		}
	}
	if rest, err := io.ReadAll(p.r); len(rest) > 0 {
		p.t.Errorf("peer: behind the script came %q (%v)", rest, err)
	}
}

// source hands out batches and keeps what became of the messages.
type source struct {
	batches []*queue.Batch
	idle    []time.Duration
	got     []string
	results []queue.Result
	onNext  func(n int)
	again   bool // what was put back comes again
}

func (s *source) Next(ctx context.Context, idle time.Duration) *queue.Batch {
	s.idle = append(s.idle, idle)
	if s.onNext != nil {
		s.onNext(len(s.idle))
	}
	if len(s.batches) == 0 || ctx.Err() != nil {
		return nil
	}
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b
}

var verdicts = map[queue.Verdict]string{
	queue.Delivered: "D", queue.TransientFailure: "T", queue.PermanentFailure: "P", queue.NotAttempted: "-",
}

// Settle keeps "recipient verdict stage reply".
func (s *source) Settle(m *message.Message, r queue.Result) {
	text := "-"
	if r.Reply != nil {
		text = r.Reply.String()
	}
	line := fmt.Sprintf("%s %s %d %s", m.Recipient, verdicts[r.Verdict], r.Stage, text)
	if r.Unreached {
		line += " (unreached)"
	}
	s.got = append(s.got, line)
	s.results = append(s.results, r)
	if s.again && r.Verdict == queue.NotAttempted {
		s.batches = append(s.batches, &queue.Batch{Messages: []*message.Message{m}})
	}
}

func batch(sender string, recipients ...string) *queue.Batch {
	b := &queue.Batch{}
	for _, r := range recipients {
		b.Messages = append(b.Messages, &message.Message{
			ID: r, Sender: smtp.Address(sender), Recipient: smtp.Address(r), Content: message.Content{Size: 21},
		})
	}
	return b
}

// serve runs one Serve for example.com, or another domain.
func (w *world) serve(domain string, batches ...*queue.Batch) *source {
	src := &source{batches: batches}
	w.courier.Serve(w.ctx, queue.Lane{Group: "default", Binding: "default", Domain: domain}, src)
	return src
}

func (s *source) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(s.got, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("outcome:\n%s\nwant:\n%s", got, want)
	}
}

// Pieces of scripts.
const (
	greeting = "S: 220 mx ESMTP\nC: EHLO me.example\nS: 250-mx hello\nS: 250-PIPELINING\nS: 250-SIZE 1000000\nS: 250 8BITMIME\n"
	plain    = "S: 220 mx\nC: EHLO me.example\nS: 250 mx hello\n"
	letter   = "C: Subject: x\nC:\nC: hello\nC: .\n"
	quit     = "C: QUIT\nS: 221 2.0.0 bye\n"
	envelope = "C: MAIL FROM:<s@x.org> SIZE=21\nC: RCPT TO:<a@example.com>\nC: DATA\nS: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 354 go\n"
	whole    = envelope + letter + "S: 250 2.0.0 queued\n"
)

var errSpool = errors.New("spool is broken")
