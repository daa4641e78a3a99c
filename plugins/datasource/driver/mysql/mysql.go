// Package mysql is the datasource driver for MySQL and MariaDB:
// "mysql:host=..;port=..;unix=..;dbname=..;user=..;password=..". It runs in the
// datasource module.
//
// Next: the rows go back to plugins/datasource.
package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver opens MySQL and MariaDB databases.
type Driver struct{}

// Name is "mysql".
func (Driver) Name() string { return "mysql" }

// Bounds of a pool: as many connections as the original's IO pool has threads.
const (
	connections = 50
	idle        = 8
)

// Open takes "key=value" pairs separated by semicolons; dbname and user must be
// there.
func (Driver) Open(c driver.Config) (driver.Pool, error) {
	s, err := parseURI(c.Rest)
	if err != nil {
		return nil, err
	}
	s.how = c
	return s.open()
}

func (s *server) open() (driver.Pool, error) {
	c, err := s.config()
	if err != nil {
		return nil, err
	}
	inner, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{inner})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(idle)
	db.SetConnMaxIdleTime(time.Minute)
	return &pool{db}, nil
}

type pool struct{ db *sql.DB }

// Query is part of driver.Pool.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	rows, err := p.run(ctx, st.Backslashed(), limit)
	return rows, asError(ctx, err)
}

// Close is part of driver.Pool.
func (p *pool) Close() error { return p.db.Close() }

// Error numbers of the client library, which are not in any answer of a server
// (https://dev.mysql.com/doc/mysql-errors/8.4/en/client-error-reference.html),
// and the server's own for a cluster's node that takes no statements yet, and
// for statements that cannot be prepared.
const (
	codeConnect  = 2003 // CR_CONN_HOST_ERROR
	codeLost     = 2013 // CR_SERVER_LOST
	codeNotReady = 1047 // ER_UNKNOWN_COM_ERROR, as Galera has it
	codeSyntax   = 1064 // ER_PARSE_ERROR
	codeNoPrep   = 1295 // ER_UNSUPPORTED_PS
)

// asError gives an error the server's number and words, the client library's
// where the server said nothing.
func asError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var own *driver.Error
	if errors.As(err, &own) {
		return own
	}
	var connect *connectError
	if errors.As(err, &connect) {
		if errors.As(connect.cause, &own) {
			return own
		}
		e := answered(connect.cause)
		if e == nil {
			e = &driver.Error{Code: codeConnect, Text: connect.cause.Error()}
		}
		e.Text = "failed to connect: " + e.Text
		// Who gave up waiting says nothing about the database.
		e.Down = !errors.Is(ctx.Err(), context.Canceled)
		return e
	}
	if e := answered(err); e != nil {
		return e
	}
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return driver.GivenUp(ctx)
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, sqldriver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return &driver.Error{Code: codeLost, Text: "lost connection to the server during the statement"}
	}
	return &driver.Error{Text: err.Error()}
}

// answered is an error that the server sent; nil if it did not.
func answered(err error) *driver.Error {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return nil
	}
	return &driver.Error{Code: int(answer.Number), Text: answer.Message, Down: answer.Number == codeNotReady}
}
