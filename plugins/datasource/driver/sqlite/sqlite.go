// Package sqlite is the datasource driver for SQLite: "sqlite:/path/to/file".
// It runs in the datasource module.
//
// Next: the rows go back to plugins/datasource.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver opens SQLite files.
type Driver struct{}

// Name is "sqlite".
func (Driver) Name() string { return "sqlite" }

// connections bounds the readers of one file; SQLite writes one at a time.
const connections = 4

// Open takes an absolute path, or ":memory:".
func (Driver) Open(c driver.Config) (driver.Pool, error) {
	path := c.Rest
	if path == "" {
		return nil, errors.New("sqlite: the uri names no file")
	}
	if path != ":memory:" && !filepath.IsAbs(path) {
		return nil, errors.New("sqlite: the file's path must be absolute")
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	most := connections
	if path == ":memory:" {
		dsn, most = path, 1
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return &pool{db}, nil
}

type pool struct{ db *sql.DB }

// Query is part of driver.Pool.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	query := st.Questions()
	rows, err := p.run(ctx, query, st, limit)
	if again, ok := asName(query, err); ok {
		if rows, second := p.run(ctx, again, st, limit); !isSyntax(second) {
			return rows, second
		}
	}
	return rows, err
}

func (p *pool) run(ctx context.Context, query string, st *driver.Statement, limit int) (*sdk.Rows, error) {
	if st.Execute {
		_, err := p.db.ExecContext(ctx, query, st.Native()...)
		return &sdk.Rows{}, asError(err)
	}
	rows, err := driver.Fetch(ctx, p.db, query, st.Native(), limit)
	return rows, asError(err)
}

// Close is part of driver.Pool.
func (p *pool) Close() error { return p.db.Close() }

// SQLite result codes after which the statement cannot have run
// (https://www.sqlite.org/rescode.html).
const (
	codeCantOpen = 14
	codeNotADB   = 26
)

// asError strips what the library puts around SQLite's words: scripts and
// operators know "no such table: x" (reference/logs.md, paniclog).
func asError(err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return &driver.Error{Text: err.Error()}
	}
	text := strings.TrimSuffix(e.Error(), " ("+strconv.Itoa(e.Code())+")")
	if _, own, ok := strings.Cut(text, "SQL logic error: "); ok {
		text = own
	}
	code := e.Code() & 0xff
	return &driver.Error{Code: code, Text: text, Down: code == codeCantOpen || code == codeNotADB}
}
