package alerting

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// syslogOptions are a syslog scope.
type syslogOptions struct {
	Name     string        `opt:",instance"`
	Pos      option.Pos    `opt:",pos"`
	URL      string        `opt:"url" default:"unix:///dev/log" help:"unix:///dev/log, udp://host:514, tcp://host:601 or tls://host:6514."`
	Facility string        `opt:"facility" default:"mail" enum:"user,mail,daemon,local0,local1,local2,local3,local4,local5,local6,local7" help:"Syslog facility. The severity is err, and notice for what is over."`
	Tag      string        `opt:"tag" default:"mtad" help:"The name of the program in the messages."`
	CAFile   string        `opt:"ca_file" help:"With tls: certificates (PEM) to trust in place of the system's. The server's certificate is always verified."`
	Timeout  time.Duration `opt:"timeout" default:"10" unit:"seconds" help:"Of one attempt."`
	Retries  int64         `opt:"retries" default:"3" help:"Further attempts, after 1, 2, 4 seconds and so on."`
}

// syslog is the target.
type syslog struct {
	syslogOptions
	network, addr string
	tls           *tls.Config // nil: in the clear
	priority      int         // of the facility
}

func newSyslog(o syslogOptions) (*syslog, error) {
	if err := checkSending(o.Timeout, o.Retries); err != nil {
		return nil, fmt.Errorf("syslog %q: %w", o.Name, err)
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("syslog %q: url: not one", o.Name)
	}
	s := &syslog{syslogOptions: o, network: u.Scheme, addr: u.Host, priority: facility(o.Facility) * 8}
	switch u.Scheme {
	case "unix":
		s.network, s.addr = "unixgram", u.Path
	case "udp", "tcp":
	case "tls":
		roots, err := certificates(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("syslog %q: %w", o.Name, err)
		}
		s.network, s.tls = "tcp", &tls.Config{ServerName: u.Hostname(), RootCAs: roots, MinVersion: tls.VersionTLS12}
	default:
		s.addr = ""
	}
	if s.addr == "" || s.network != "unixgram" && u.Port() == "" {
		return nil, fmt.Errorf("syslog %q: url must be unix:///path, udp://host:port, tcp://host:port or tls://host:port", o.Name)
	}
	return s, nil
}

// facility is the number of a facility (RFC 5424 §6.2.1).
func facility(name string) int {
	if n, isLocal := strings.CutPrefix(strings.ToLower(name), "local"); isLocal {
		i, _ := strconv.Atoi(n) // the option's enum has digits only
		return 16 + i
	}
	return 1 + slices.Index([]string{"user", "mail", "daemon"}, strings.ToLower(name))
}

// String is part of target.
func (s *syslog) String() string { return "syslog " + s.Name }

// send is part of target.
func (s *syslog) send(ctx context.Context, n *notice) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	_, err = conn.Write([]byte(s.frame(n)))
	return err
}

func (s *syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.tls != nil {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, s.network, s.addr)
	}
	return (&net.Dialer{}).DialContext(ctx, s.network, s.addr)
}

// Severities (RFC 5424 §6.2.1).
const (
	severityError  = 3
	severityNotice = 5
)

// frame is a notice as it goes over the wire: the local daemon is given what
// syslog(3) writes, others RFC 5424 §6, over a stream with RFC 6587 §3.4.1's
// count of octets (RFC 5425 §4.3).
func (s *syslog) frame(n *notice) string {
	priority := s.priority + severityError
	if n.Kind == kindRecovered || n.Kind == kindTest {
		priority = s.priority + severityNotice
	}
	text := "alert " + n.Kind + ": " + n.Text
	if s.network == "unixgram" {
		return fmt.Sprintf("<%d>%s %s: %s", priority, n.Time.Format(time.Stamp), s.Tag, text)
	}
	line := fmt.Sprintf("<%d>1 %s %s %s - alert - %s", priority, n.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), n.Host, s.Tag, text)
	if s.network == "tcp" {
		return strconv.Itoa(len(line)) + " " + line
	}
	return line
}
