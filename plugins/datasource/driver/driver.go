package driver

import (
	"context"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/credential"
)

// Driver opens databases of one kind.
type Driver interface {
	// Name is the word in front of the colon of a uri.
	Name() string
	// Open makes a pool. It does not connect: a database that is down must not
	// keep a configuration from loading. An error means that the uri cannot be
	// understood; it quotes no password.
	Open(c Config) (Pool, error)
}

// Config is what a driver opens a database with.
type Config struct {
	// Rest is what follows the driver's name and the colon in the uri.
	Rest string
	// Charset is assume_charset, for drivers whose data does not say what it is
	// in; "": UTF-8, and iso-8859-1 where it is not.
	Charset string
	// Password gives what securecreds has stored, which replaces the uri's
	// password. It is asked at each connect; nil: nothing is stored.
	Password func(Account) (password string, found bool, err error)
	// Keep bounds what is kept open between two statements.
	Keep Keep
}

// Account is what a password is stored for (reference/datasource.md §2).
type Account = credential.Account

// Keep is the ds_ldap scope: connections kept, and the age they may have.
type Keep struct {
	Size int
	Life time.Duration
}

// Secret is the password for an account: the stored one, else the uri's own. An
// error of the store fails the connect (reference/datasource.md §2).
func (c *Config) Secret(a Account, own string) (string, error) {
	if c.Password == nil {
		return own, nil
	}
	stored, found, err := c.Password(a)
	if err != nil {
		return "", &Error{Text: "securecreds: " + err.Error()}
	}
	if found {
		return stored, nil
	}
	return own, nil
}

// Pool is connections to one database. It is safe for concurrent use.
type Pool interface {
	// Query runs a statement and fetches at most limit rows, -1 for all. A
	// failure is a *Error.
	Query(ctx context.Context, st *Statement, limit int) (*sdk.Rows, error)
	// Close ends all connections.
	Close() error
}

// Stamper is a Pool whose answers come from a file: as soon as the stamp is
// another, what was cached counts no more.
type Stamper interface {
	Stamp(st *Statement) string
}

// Keeper is a Pool that keeps connections which the console can look at.
type Keeper interface {
	// Flush closes those that are idle, and says how many they were.
	Flush() int
	// Kept is what there is now, and what it was used for.
	Kept() Kept
}

// Kept are the figures of a Keeper.
type Kept struct {
	Idle int   `json:"idle"`
	Size int   `json:"size"`
	Made int64 `json:"made"`
	Used int64 `json:"reused"`
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

// ReadOnly is the answer of a driver without statements that change anything.
func ReadOnly(name string) *Error {
	return &Error{Text: "the " + name + " driver only reads: msys.db.execute has nothing to do"}
}
