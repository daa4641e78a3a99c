package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"net"
	"os"
	"time"
)

// connectTimeout covers the handshake too (reference/datasource.md §1, mysql).
const connectTimeout = 10 * time.Second

// connector tells a failure to connect, after which the statement cannot have
// run, from all others.
type connector struct{ inner sqldriver.Connector }

// Connect is part of database/sql/driver.Connector.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, &connectError{err}
	}
	return conn, nil
}

// Driver is part of database/sql/driver.Connector.
func (c connector) Driver() sqldriver.Driver { return c.inner.Driver() }

// connectError hides what it holds from errors.Is: database/sql would try
// again at once where the library asks for that.
type connectError struct{ cause error }

// Error is the cause's text.
func (e *connectError) Error() string { return e.cause.Error() }

// sockets are where servers of this machine listen, as packaged by Debian and
// by Red Hat, and as built from source.
func sockets() []string {
	return []string{"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"}
}

// dial connects. To "localhost" without a port that is the machine's own
// socket, if there is one, as libmysqlclient has it.
func (s *server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if s.unix == "" && s.port == "" && s.host == "localhost" {
		for _, path := range s.sockets {
			if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
				return d.DialContext(ctx, "unix", path)
			}
		}
	}
	return d.DialContext(ctx, network, address)
}
