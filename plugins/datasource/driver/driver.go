package driver

import (
	"context"

	"github.com/mtad/mtad/sdk"
)

// Driver opens databases of one kind.
type Driver interface {
	// Name is the word in front of the colon of a uri.
	Name() string
	// Open makes a pool for what follows the colon. It does not connect: a
	// database that is down must not keep a configuration from loading. An
	// error means that rest cannot be understood.
	Open(rest string) (Pool, error)
}

// Pool is connections to one database. It is safe for concurrent use.
type Pool interface {
	// Query runs a statement and fetches at most limit rows, -1 for all. A
	// failure is a *Error.
	Query(ctx context.Context, st *Statement, limit int) (*sdk.Rows, error)
	// Close ends all connections.
	Close() error
}

// Error is a failed statement. Down means that the database did not answer, so
// that another of the datasource's uris may be asked instead: only when the
// statement cannot have run.
type Error struct {
	Code int    // the database's own, 0 if there is none
	Text string // the database's own words
	Down bool
}

// Error is the database's own words.
func (e *Error) Error() string { return e.Text }
