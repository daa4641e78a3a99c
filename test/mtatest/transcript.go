package mtatest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// PlayFile plays a transcript from a file.
func (s *Server) PlayFile(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Play(t, string(b))
}

// Play plays an SMTP transcript against the server, and fails the test at the
// first line that goes otherwise:
//
//	C: MAIL FROM:<a@example.com>   a line that is sent
//	S: 250 2.1.0                   a reply; its lines, joined by newlines, match this regular expression from their start
//	CLOSED                         the server closes the connection
//	TLS                            a handshake, whoever the server is
//	ON b                           what follows is on connection b, opened at first use; the first is "a"
//	# why                          a comment
//
// Connections that are open at the end are closed.
func (s *Server) Play(t testing.TB, transcript string) {
	t.Helper()
	p := &player{addr: s.SMTP, conns: map[string]*Conn{}, name: "a"}
	defer p.close()
	for i, line := range strings.Split(transcript, "\n") {
		line = strings.TrimLeft(line, "\t")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := p.step(line); err != nil {
			t.Fatalf("line %d, %s: %v", i+1, line, err)
		}
	}
}

type player struct {
	addr  string
	conns map[string]*Conn
	name  string
}

func (p *player) conn() (*Conn, error) {
	if c := p.conns[p.name]; c != nil {
		return c, nil
	}
	c, err := Dial(p.addr)
	if err == nil {
		p.conns[p.name] = c
	}
	return c, err
}

func (p *player) step(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	if word == "ON" {
		p.name = rest
		return nil
	}
	c, err := p.conn()
	if err != nil {
		return err
	}
	switch word {
	case "C:":
		return c.Send(rest)
	case "S:":
		return expect(c, rest)
	case "TLS":
		return c.StartTLS()
	case "CLOSED":
		err := c.Closed()
		c.Close()
		delete(p.conns, p.name)
		return err
	}
	return fmt.Errorf("no transcript line begins with %q", word)
}

func expect(c *Conn, pattern string) error {
	want, err := regexp.Compile("^(?:" + pattern + ")")
	if err != nil {
		return err
	}
	got, err := c.Reply()
	if err != nil {
		return fmt.Errorf("got %q: %w", got, err)
	}
	if !want.MatchString(got.String()) {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

func (p *player) close() {
	for _, c := range p.conns {
		c.Close()
	}
}
