// Package pgsql is the datasource driver for PostgreSQL:
// "pgsql:host=..;dbname=..;user=..;password=..;port=5432". It runs in the
// datasource module.
//
// Next: the rows go back to plugins/datasource.
package pgsql

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver opens PostgreSQL databases.
type Driver struct{}

// Name is "pgsql".
func (Driver) Name() string { return "pgsql" }

// Bounds of a pool: as many connections as the original's IO pool has threads.
const (
	connections    = 50
	idle           = 8
	connectTimeout = 10 * time.Second
)

// Open takes "key=value" pairs separated by semicolons.
func (Driver) Open(how driver.Config) (driver.Pool, error) {
	var pairs []string
	for _, pair := range strings.Split(how.Rest, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		if !ok {
			return nil, errors.New("pgsql: what stands between semicolons in the uri must be key=value")
		}
		pairs = append(pairs, strings.TrimSpace(key)+"='"+quoter().Replace(strings.TrimSpace(value))+"'")
	}
	c, err := pgx.ParseConfig(strings.Join(pairs, " "))
	if err != nil {
		// The library's error quotes the connection string, password and all.
		return nil, errors.New("pgsql: the uri cannot be understood: its pairs are host, port, dbname, user, password, sslmode")
	}
	c.ConnectTimeout = connectTimeout
	db := stdlib.OpenDB(*c, stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) (err error) {
		c.Password, err = how.Secret(driver.Account{Facility: "pgsql", Host: c.Host, User: c.User}, c.Password)
		return err
	}))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(idle)
	db.SetConnMaxIdleTime(time.Minute)
	return &pool{db}, nil
}

func quoter() *strings.Replacer { return strings.NewReplacer(`\`, `\\`, `'`, `\'`) }

type pool struct{ db *sql.DB }

// Query is part of driver.Pool.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	if st.Execute {
		_, err := p.db.ExecContext(ctx, st.Dollars(), st.Texts()...)
		return &sdk.Rows{}, asError(err)
	}
	rows, err := driver.Fetch(ctx, p.db, st.Dollars(), st.Texts(), limit)
	return rows, asError(err)
}

// Close is part of driver.Pool.
func (p *pool) Close() error { return p.db.Close() }

func asError(err error) error {
	if err == nil {
		return nil
	}
	var own *driver.Error
	if errors.As(err, &own) {
		return own
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return &driver.Error{Text: answer.Message, Down: strings.HasPrefix(answer.Code, "57P")}
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		// One of the addresses is enough: the library lists them all.
		first, _, _ := strings.Cut(errors.Unwrap(connect).Error(), "\n")
		return &driver.Error{Text: "cannot connect: " + first, Down: true}
	}
	return &driver.Error{Text: err.Error()}
}
