package mtatest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is an SMTP client's connection. It belongs to one goroutine, any.
type Conn struct {
	net.Conn
	r       *bufio.Reader
	Timeout time.Duration // for each reply
}

// Reply is one SMTP reply.
type Reply struct {
	Code  int
	Lines []string // as they came, without CRLF
}

// String is the reply as it came, lines joined by newlines.
func (r Reply) String() string { return strings.Join(r.Lines, "\n") }

// Dial connects without reading the banner.
func Dial(addr string) (*Conn, error) { return DialFrom(addr, "") }

// DialFrom is Dial from an address of ours: all of 127.0.0.0/8 are. "" is
// whichever the system takes.
func DialFrom(addr, from string) (*Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, r: bufio.NewReader(c), Timeout: 60 * time.Second}, nil
}

// Reply reads one reply.
func (c *Conn) Reply() (Reply, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.Timeout)); err != nil {
		return Reply{}, err
	}
	var r Reply
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasSuffix(line, "\r") {
			return r, fmt.Errorf("reply line without CRLF: %q", line)
		}
		line = strings.TrimSuffix(line, "\r")
		r.Lines = append(r.Lines, line)
		if len(line) < 3 {
			return r, fmt.Errorf("not a reply: %q", line)
		}
		if r.Code, err = strconv.Atoi(line[:3]); err != nil {
			return r, fmt.Errorf("not a reply: %q", line)
		}
		if len(line) == 3 || line[3] == ' ' {
			return r, nil
		}
	}
}

// Send writes one line.
func (c *Conn) Send(line string) error {
	_, err := io.WriteString(c, line+"\r\n")
	return err
}

// Cmd sends a line and reads the reply.
func (c *Conn) Cmd(line string) (Reply, error) {
	if err := c.Send(line); err != nil {
		return Reply{}, err
	}
	return c.Reply()
}

// Refusal is a reply that a client did not hope for.
type Refusal struct {
	Reply
	Command string
}

// Error is part of error.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Command, r.Reply) }

// Want is Cmd for a command that must be answered with a code.
func (c *Conn) Want(code int, line string) error {
	r, err := c.Cmd(line)
	if err != nil {
		return fmt.Errorf("%s: %w", clip(line, 60), err)
	}
	if r.Code != code {
		return &Refusal{r, clip(line, 60)}
	}
	return nil
}

// Hello reads the banner and sends EHLO.
func (c *Conn) Hello() error {
	r, err := c.Reply()
	if err != nil {
		return fmt.Errorf("banner: %w", err)
	}
	if r.Code != 220 {
		return &Refusal{r, "banner"}
	}
	return c.Want(250, "EHLO client.test")
}

// Mail sends one message; the content has CRLF line ends and is dot-stuffed
// here. A *Refusal says which command was not liked.
func (c *Conn) Mail(from, content string, to ...string) error {
	if err := c.Want(250, "MAIL FROM:<"+from+">"); err != nil {
		return err
	}
	for _, rcpt := range to {
		if err := c.Want(250, "RCPT TO:<"+rcpt+">"); err != nil {
			return err
		}
	}
	if err := c.Want(354, "DATA"); err != nil {
		return err
	}
	return c.Want(250, Stuff(content)+".")
}

// Stuff makes content fit for DATA (RFC 5321 §4.5.2).
func Stuff(content string) string {
	if !strings.HasSuffix(content, "\r\n") {
		content += "\r\n"
	}
	if strings.HasPrefix(content, ".") {
		content = "." + content
	}
	return strings.ReplaceAll(content, "\r\n.", "\r\n..")
}

// Closed reports an error unless the server closes the connection without
// saying more.
func (c *Conn) Closed() error {
	if err := c.SetReadDeadline(time.Now().Add(c.Timeout)); err != nil {
		return err
	}
	b, err := c.r.ReadByte()
	if err == nil {
		return fmt.Errorf("the server says more: %q...", b)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("the connection stays open")
	}
	return nil
}

// Submit sends one message over a connection of its own.
func (s *Server) Submit(from, content string, to ...string) error {
	c, err := Dial(s.SMTP)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		return err
	}
	if err := c.Mail(from, content, to...); err != nil {
		return err
	}
	return c.Want(221, "QUIT")
}
