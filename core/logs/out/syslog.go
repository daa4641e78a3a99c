package out

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mtad/mtad/sdk/jlog"
)

// syslog hands records to a syslog daemon (RFC 5424): the system's own by its
// socket, or another over UDP (RFC 5426) or TCP (RFC 6587 §3.4.1, octet
// counting). Over TCP a record has arrived when the peer's system has it.
// Datagrams are sent; nobody says whether they come.
type syslog struct {
	network, addr string
	priority      int
	host, log     string
	after         func(time.Duration) <-chan time.Time

	conn net.Conn
	gone chan struct{} // closed when a stream's peer has ended
}

const localSyslog = "/dev/log"

// facilities are the keywords of RFC 5424 §6.2.1, by number.
func facilities() []string {
	return strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7")
}

// severities are the keywords of the severities, by number.
func severities() []string {
	return strings.Fields("emerg alert crit err warning notice info debug")
}

// newSyslog takes syslog://[HOST[:PORT]][/SOCKET]?facility=&priority=&proto=
// (reference/logs.md, "Destinations").
func newSyslog(t target, c *Config) (*syslog, error) {
	s := &syslog{network: "unix", addr: localSyslog, host: c.Hostname, log: c.Log, after: c.After}
	switch host := t.url.Host; {
	case host != "":
		s.network = "udp"
		if proto := t.query.Get("proto"); proto != "" {
			s.network = strings.ToLower(proto)
		}
		if s.network != "udp" && s.network != "tcp" {
			return nil, fmt.Errorf("syslog: proto is udp or tcp, not %q", s.network)
		}
		if s.addr = host; t.url.Port() == "" {
			s.addr = net.JoinHostPort(t.url.Hostname(), "514")
		}
	case t.url.Path != "":
		s.addr = t.url.Path
	}
	facility, err := keyword("facility", t.query.Get("facility"), "mail", facilities())
	if err != nil {
		return nil, err
	}
	name := t.query.Get("priority")
	if long := map[string]string{"error": "err", "critical": "crit", "emergency": "emerg", "panic": "emerg", "warn": "warning"}[strings.ToLower(name)]; long != "" {
		name = long
	}
	severity, err := keyword("priority", name, "info", severities())
	s.priority = facility*8 + severity // RFC 5424 §6.2.1
	return s, err
}

func keyword(what, name, usual string, list []string) (int, error) {
	if name == "" {
		name = usual
	}
	for n, known := range list {
		if strings.EqualFold(name, known) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("syslog: no %s %q; there are %s", what, name, strings.Join(list, " "))
}

func (s *syslog) carry(ctx context.Context, batch []jlog.Record) error {
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(takeTime)); err != nil {
		return err
	}
	if s.gone == nil {
		return s.datagrams(batch)
	}
	var all bytes.Buffer
	for _, r := range batch {
		line := s.format(&r)
		fmt.Fprintf(&all, "%d %s", len(line), line)
	}
	if _, err := s.conn.Write(all.Bytes()); err != nil {
		return err
	}
	stream, ok := s.conn.(*net.TCPConn)
	if !ok {
		return stillThere(s.gone)
	}
	return taken(ctx, stream, unsent, s.gone, s.after)
}

func (s *syslog) datagrams(batch []jlog.Record) error {
	for _, r := range batch {
		if _, err := s.conn.Write(s.format(&r)); err != nil {
			return err
		}
	}
	return nil
}

// connect opens the connection. The system's socket takes datagrams, or a
// stream.
func (s *syslog) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	var d net.Dialer
	network := s.network
	if network == "unix" {
		network = "unixgram"
	}
	s.conn, err = d.DialContext(ctx, network, s.addr)
	if err != nil && network == "unixgram" && errors.Is(err, unix.EPROTOTYPE) {
		network = "unix"
		s.conn, err = d.DialContext(ctx, network, s.addr)
	}
	if err != nil {
		s.conn = nil
		return err
	}
	if s.gone = nil; network == "tcp" || network == "unix" {
		s.gone = make(chan struct{})
		go watch(s.conn, s.gone)
	}
	return nil
}

// watch sees a stream's end; a syslog daemon says nothing before it.
func watch(c net.Conn, gone chan struct{}) {
	_, _ = io.Copy(io.Discard, c)
	close(gone)
}

// format is a record as a message (RFC 5424 §6).
func (s *syslog) format(r *jlog.Record) []byte {
	host := s.host
	if host == "" {
		host = "-"
	}
	b := append([]byte("<"), strconv.Itoa(s.priority)...)
	b = append(b, ">1 "...)
	b = r.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	b = fmt.Appendf(b, " %s mtad %d %s - ", host, os.Getpid(), s.log)
	return append(b, bytes.TrimRight(r.Data, "\n")...)
}

func (s *syslog) drop() {
	if s.conn == nil {
		return
	}
	_ = s.conn.Close()
	if s.gone != nil {
		<-s.gone
	}
	s.conn, s.gone = nil, nil
}
