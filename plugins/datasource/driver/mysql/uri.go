package mysql

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// server is what a uri says (reference/datasource.md §1, mysql).
type server struct {
	host, port, unix, dbname, user, password, charset, tls string

	sockets []string // tried for "localhost" without a port
	how     driver.Config
}

// parseURI reads the pairs and checks them.
func parseURI(rest string) (*server, error) {
	s := &server{host: "localhost", charset: "utf8mb4", sockets: sockets()}
	if err := driver.Pairs("mysql", rest, []driver.Field{
		{Key: "host", Into: &s.host}, {Key: "port", Into: &s.port}, {Key: "unix", Into: &s.unix}, {Key: "dbname", Into: &s.dbname},
		{Key: "user", Into: &s.user}, {Key: "password", Into: &s.password}, {Key: "charset", Into: &s.charset}, {Key: "tls", Into: &s.tls},
	}); err != nil {
		return s, err
	}
	return s, s.check()
}

func (s *server) check() error {
	switch {
	case s.dbname == "":
		return errors.New("mysql: the uri lacks dbname")
	case s.user == "":
		return errors.New("mysql: the uri lacks user")
	case s.unix != "" && s.unix[0] != '/':
		return errors.New("mysql: unix must be the absolute path of a socket")
	case unquotable(s.charset):
		return errors.New("mysql: in this charset a quote can be the second half of a character, so that quoting is not safe")
	case strings.Trim(s.charset, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		return errors.New("mysql: charset must be a name of the database, such as utf8mb4 or latin1")
	}
	switch s.tls {
	case "", "false", "true", "skip-verify", "preferred":
	default:
		return errors.New("mysql: tls must be true, skip-verify, preferred or false")
	}
	if n, err := strconv.ParseUint(s.port, 10, 16); s.port != "" && (err != nil || n == 0) {
		return errors.New("mysql: port must be a number from 1 to 65535")
	}
	return nil
}

// unquotable reports charsets in which a backslash or a quote may be the second
// byte of a character
// (https://dev.mysql.com/doc/refman/8.4/en/charset-asian-sets.html).
func unquotable(charset string) bool {
	switch charset {
	case "big5", "cp932", "gb18030", "gbk", "sjis", "swe7":
		return true
	}
	return false
}

// config is the same for the library. Times stay text, files of ours are not
// for the server to read, and one call is one statement.
func (s *server) config() (*mysql.Config, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = s.user, s.password, s.dbname
	c.Net, c.Addr = s.address()
	c.TLSConfig = s.tls
	c.DialFunc = s.dial
	c.InterpolateParams = true    // only for what cannot be prepared
	c.Logger = &mysql.NopLogger{} // what it would print, a query returns
	if err := c.Apply(mysql.BeforeConnect(func(_ context.Context, c *mysql.Config) (err error) {
		c.Passwd, err = s.how.Secret(driver.Account{Facility: "mysql", Host: s.host, User: s.user}, s.password)
		return err
	})); err != nil {
		return nil, err
	}
	// With the charset set, no init_connect of the server decides on it.
	return c, c.Apply(mysql.Charset(s.charset, ""))
}

// address is where the server listens; for "localhost" without a port that is
// decided anew with each connection.
func (s *server) address() (network, address string) {
	if s.unix != "" {
		return "unix", s.unix
	}
	port := s.port
	if port == "" {
		port = "3306"
	}
	return "tcp", net.JoinHostPort(s.host, port)
}
