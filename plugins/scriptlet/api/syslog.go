package api

import (
	"context"
	"fmt"
	"log/syslog"
	"net"
	"net/url"
	"os"
	"time"
)

// syslogSocket is where the system's log daemon listens.
const syslogSocket = "/dev/log"

// syslogConn writes to the system's log, a record for each write.
type syslogConn struct {
	conn     net.Conn
	priority syslog.Priority
}

// openSyslog opens syslog://?facility=mail&priority=error (reference/logs.md);
// what is not said is mail and info.
func openSyslog(ctx context.Context, query string) (ioHandle, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	facility, ok := syslogFacilities()[v.Get("facility")]
	if !ok {
		return nil, fmt.Errorf("no facility %q", v.Get("facility"))
	}
	priority, ok := syslogPriorities()[v.Get("priority")]
	if !ok {
		return nil, fmt.Errorf("no priority %q", v.Get("priority"))
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "unixgram", syslogSocket)
	if err != nil {
		return nil, err
	}
	return &syslogConn{conn, facility | priority}, nil
}

// Write sends a record (RFC 3164 §4.1, without the hostname, as local ones are).
func (s *syslogConn) Write(p []byte) (int, error) {
	if err := s.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	record := fmt.Sprintf("<%d>%s mtad[%d]: %s", s.priority, time.Now().Format(time.Stamp), os.Getpid(), oneLine(string(p)))
	if _, err := s.conn.Write([]byte(record)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read is not what a log is for.
func (s *syslogConn) Read([]byte) (int, error) { return 0, errIOWrite }

// Close closes the socket.
func (s *syslogConn) Close() error { return s.conn.Close() }

func syslogFacilities() map[string]syslog.Priority {
	return map[string]syslog.Priority{
		"": syslog.LOG_MAIL, "mail": syslog.LOG_MAIL, "user": syslog.LOG_USER, "daemon": syslog.LOG_DAEMON, "auth": syslog.LOG_AUTH,
		"local0": syslog.LOG_LOCAL0, "local1": syslog.LOG_LOCAL1, "local2": syslog.LOG_LOCAL2, "local3": syslog.LOG_LOCAL3,
		"local4": syslog.LOG_LOCAL4, "local5": syslog.LOG_LOCAL5, "local6": syslog.LOG_LOCAL6, "local7": syslog.LOG_LOCAL7,
	}
}

func syslogPriorities() map[string]syslog.Priority {
	return map[string]syslog.Priority{
		"": syslog.LOG_INFO, "emerg": syslog.LOG_EMERG, "alert": syslog.LOG_ALERT, "crit": syslog.LOG_CRIT, "critical": syslog.LOG_CRIT,
		"err": syslog.LOG_ERR, "error": syslog.LOG_ERR, "warning": syslog.LOG_WARNING, "notice": syslog.LOG_NOTICE,
		"info": syslog.LOG_INFO, "debug": syslog.LOG_DEBUG,
	}
}
