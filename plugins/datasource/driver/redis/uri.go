package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// server is what a uri says.
type server struct{ host, port, unix, db, user, password, tls string }

func parseURI(rest string) (*server, error) {
	s := &server{host: "localhost", port: "6379", db: "0"}
	err := driver.Pairs("redis", rest, []driver.Field{
		{Key: "host", Into: &s.host}, {Key: "port", Into: &s.port}, {Key: "unix", Into: &s.unix}, {Key: "db", Into: &s.db},
		{Key: "user", Into: &s.user}, {Key: "password", Into: &s.password}, {Key: "tls", Into: &s.tls},
	})
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseUint(s.port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("redis: port must be a number from 1 to 65535")
	}
	if n, err := strconv.Atoi(s.db); err != nil || n < 0 {
		return nil, errors.New("redis: db must be a database's number")
	}
	if s.unix != "" && s.unix[0] != '/' {
		return nil, errors.New("redis: unix must be the absolute path of a socket")
	}
	if s.tls != "" && s.tls != "true" && s.tls != "false" {
		return nil, errors.New("redis: tls must be true or false")
	}
	return s, nil
}

// Bounds of a pool.
const (
	connections    = 50
	idle           = 8
	connectTimeout = 10 * time.Second
)

// options are the same for the library. It never repeats a command: nobody knows
// whether the first one ran.
func (s *server) options(how driver.Config) *redis.Options {
	db, _ := strconv.Atoi(s.db) // which parseURI has checked
	o := &redis.Options{
		Network: "tcp", Addr: net.JoinHostPort(s.host, s.port), DB: db, DisableIdentity: true,
		MaxRetries: -1, DialerRetries: 1, DialTimeout: connectTimeout, ContextTimeoutEnabled: true,
		PoolSize: connections, MaxIdleConns: idle, ConnMaxIdleTime: time.Minute,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := how.Secret(driver.Account{Facility: "redis", Host: s.host, User: s.user}, s.password)
			return s.user, password, err
		},
	}
	if s.unix != "" {
		o.Network, o.Addr = "unix", s.unix
	}
	if s.tls == "true" {
		o.TLSConfig = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	}
	return o
}

// silent keeps the library from writing to stderr what a query returns.
var silent = sync.OnceFunc(logging.Disable)
