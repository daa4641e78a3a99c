// Package lack holds the datasource drivers of the original that mtad does not
// have. A configuration that names one is refused, and says what to do. It runs
// in the datasource module.
//
// Next: nothing; whoever reads the refusal writes another uri.
package lack

import (
	"errors"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// Driver refuses to open anything.
type Driver struct{ Word, Why string }

// Drivers are those that are not there, and why.
func Drivers() []driver.Driver {
	return []driver.Driver{
		Driver{"odbc", "unixODBC is a C library, and mtad is one static binary without C; use the driver of the database itself: pgsql, mysql or sqlite"},
		Driver{"cdb", "mtad reads no constant databases; a SQLite file does the same: make one, and write sqlite:/path/to/file"},
	}
}

// Name is part of driver.Driver.
func (d Driver) Name() string { return d.Word }

// Open is part of driver.Driver.
func (d Driver) Open(driver.Config) (driver.Pool, error) {
	return nil, errors.New("the driver " + d.Word + " is not supported: " + d.Why)
}
