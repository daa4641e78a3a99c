package mtatest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Received is a message that a Sink took.
type Received struct {
	From  string // MAIL FROM's address
	Mail  string // the whole MAIL command
	Rcpts []string
	Data  string // as it was sent, without the dots of transparency
	Peer  string // the client's address
	Helo  string
	Login string // "PLAIN user password", where the client logged in
	Time  time.Time
}

// Header gives the value of the first header field of a name; "" if there is
// none.
func (r *Received) Header(name string) string {
	head, _, _ := strings.Cut(r.Data, "\r\n\r\n")
	for _, line := range strings.Split(head, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Body is what follows the header section.
func (r *Received) Body() string {
	_, body, _ := strings.Cut(r.Data, "\r\n\r\n")
	return body
}

// Sink is the next hop: an SMTP server that records what it gets. It is safe
// for concurrent use.
type Sink struct {
	Host string
	Port int

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	answers  map[string]*answer // to RCPT, by recipient
	dots     map[string]*answer // to the final dot, by first recipient
	got      []*Received
	peak     int
	hanging  int
	auth     bool
	wg       sync.WaitGroup
	down     chan struct{}
}

// Hang as a reply is none: the client waits until the sink goes down, or until
// Accept lets its mail in.
const Hang = ""

type answer struct {
	reply  string
	accept chan struct{} // closed by Accept
}

// NewSink starts a sink that takes everything.
func NewSink(t testing.TB) *Sink {
	t.Helper()
	s := &Sink{Host: "127.0.0.1", Port: FreePort(t), answers: map[string]*answer{}, dots: map[string]*answer{}}
	s.Up(t)
	t.Cleanup(s.Down)
	return s
}

// Addr is where the sink listens.
func (s *Sink) Addr() string { return fmt.Sprintf("%s:%d", s.Host, s.Port) }

// Up has a sink that is down listen again.
func (s *Sink) Up(t testing.TB) {
	t.Helper()
	var l net.Listener
	// A process that is just being started may hold a copy of a closed socket.
	Within(t, 10*time.Second, "the sink's port", func() (problem string) {
		var err error
		if l, err = net.Listen("tcp", s.Addr()); err != nil {
			problem = err.Error()
		}
		return problem
	})
	s.mu.Lock()
	s.listener, s.conns, s.down = l, map[net.Conn]struct{}{}, make(chan struct{})
	down := s.down
	s.mu.Unlock()
	s.wg.Add(1)
	go s.accept(l, down)
}

// Down closes the listener and every connection.
func (s *Sink) Down() {
	s.mu.Lock()
	if s.listener == nil {
		s.mu.Unlock()
		return
	}
	s.listener.Close()
	s.listener = nil
	close(s.down)
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// AtRcpt has the sink answer RCPT for a recipient with a reply such as
// "550 5.1.1 no such user".
func (s *Sink) AtRcpt(recipient, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[recipient] = &answer{reply, make(chan struct{})}
}

// AtDot has the sink answer the final dot of mail whose first recipient is this
// one.
func (s *Sink) AtDot(recipient, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dots[recipient] = &answer{reply, make(chan struct{})}
}

// Accept takes back what AtRcpt and AtDot said of a recipient.
func (s *Sink) Accept(recipient string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, said := range []map[string]*answer{s.answers, s.dots} {
		if a := said[recipient]; a != nil {
			close(a.accept)
			delete(said, recipient)
		}
	}
}

// Messages gives what came in so far, in order.
func (s *Sink) Messages() []*Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Received(nil), s.got...)
}

// For gives the messages for a recipient.
func (s *Sink) For(recipient string) (out []*Received) {
	for _, m := range s.Messages() {
		for _, r := range m.Rcpts {
			if r == recipient {
				out = append(out, m)
			}
		}
	}
	return out
}

// Wait waits for the first message for a recipient.
func (s *Sink) Wait(t testing.TB, recipient string) *Received {
	t.Helper()
	var found []*Received
	Within(t, waitTime, "mail for "+recipient, func() string {
		if found = s.For(recipient); len(found) == 0 {
			return fmt.Sprintf("the sink has %d others", len(s.Messages()))
		}
		return ""
	})
	return found[0]
}

// Hanging is how many clients were left without an answer so far.
func (s *Sink) Hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hanging
}

// PeakConnections is how many clients were connected at once at most.
func (s *Sink) PeakConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

func (s *Sink) accept(l net.Listener, down chan struct{}) {
	defer s.wg.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.down != down || s.listener == nil {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.peak = max(s.peak, len(s.conns))
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serve(c, down)
	}
}

func (s *Sink) serve(c net.Conn, down chan struct{}) {
	defer s.wg.Done()
	defer func() {
		c.Close()
		s.leave(c)
	}()
	d := &hop{sink: s, conn: c, down: down, peer: c.RemoteAddr().String(), r: bufio.NewReader(c), w: bufio.NewWriter(c)}
	d.say("220 sink.test ESMTP")
	for !d.quit && d.command() == nil {
	}
	_ = d.w.Flush() // the client may be gone
}

// leave counts a connection no longer.
func (s *Sink) leave(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// hop is one connection to a sink.
type hop struct {
	sink  *Sink
	conn  net.Conn
	down  chan struct{}
	peer  string
	helo  string
	login string
	r     *bufio.Reader
	w     *bufio.Writer
	now   *Received
	quit  bool
}

func (d *hop) say(line string) { fmt.Fprintf(d.w, "%s\r\n", line) }

// command reads and answers one command. Replies go out when the client waits.
func (d *hop) command() error {
	if d.r.Buffered() == 0 {
		if err := d.w.Flush(); err != nil {
			return err
		}
	}
	line, err := d.r.ReadString('\n')
	if err != nil {
		return err
	}
	line = strings.TrimRight(line, "\r\n")
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		d.helo = rest
		d.say("250-sink.test")
		d.say("250-PIPELINING")
		d.say("250-8BITMIME")
		d.say("250-SIZE 0")
		if d.offersAuth() {
			d.say("250-AUTH PLAIN LOGIN")
		}
		d.say("250 ENHANCEDSTATUSCODES")
	case "MAIL":
		d.now = &Received{From: address(rest), Mail: line, Peer: d.peer, Helo: d.helo, Login: d.login}
		d.say("250 2.1.0 ok")
	case "AUTH":
		return d.logIn(rest)
	case "RCPT":
		d.rcpt(address(rest))
	case "DATA":
		return d.data()
	case "QUIT":
		d.quit = true
		d.sink.leave(d.conn) // the client may connect anew before we see it hang up
		d.say("221 2.0.0 bye")
	case "RSET":
		d.now = nil
		d.say("250 2.0.0 ok")
	case "HELO", "NOOP":
		d.say("250 2.0.0 ok")
	default:
		d.say("500 5.5.1 what?")
	}
	return nil
}

// address takes what is between the angle brackets.
func address(argument string) string {
	_, a, _ := strings.Cut(argument, "<")
	a, _, _ = strings.Cut(a, ">")
	return a
}

// refused answers as AtRcpt or AtDot said. It is false where mail is to be taken
// after all.
func (d *hop) refused(said map[string]*answer, recipient string) bool {
	d.sink.mu.Lock()
	a := said[recipient]
	d.sink.mu.Unlock()
	if a == nil {
		return false
	}
	if a.reply != Hang {
		d.say(a.reply)
		return true
	}
	_ = d.w.Flush() // what came before must not wait
	d.sink.mu.Lock()
	d.sink.hanging++
	d.sink.mu.Unlock()
	select {
	case <-a.accept:
		return false
	case <-d.down:
		return true
	}
}

func (d *hop) rcpt(recipient string) {
	if d.now == nil {
		d.say("503 5.5.1 MAIL first")
		return
	}
	if d.refused(d.sink.answers, recipient) {
		return
	}
	d.now.Rcpts = append(d.now.Rcpts, recipient)
	d.say("250 2.1.5 ok")
}

func (d *hop) data() error {
	if d.now == nil || len(d.now.Rcpts) == 0 {
		d.say("554 5.5.1 no recipients")
		return nil
	}
	d.say("354 go on")
	if err := d.w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	m := d.now
	d.now, m.Data = nil, b.String()
	if d.refused(d.sink.dots, m.Rcpts[0]) {
		return nil
	}
	d.sink.mu.Lock()
	m.Time = time.Now()
	d.sink.got = append(d.sink.got, m)
	d.sink.mu.Unlock()
	d.say("250 2.0.0 taken")
	return nil
}
