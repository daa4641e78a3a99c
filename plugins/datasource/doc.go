// Package datasource is the module that answers database queries: named
// datasources with their cache, and behind each a driver chosen by the first
// word of its uri. It runs in a process of its own, or in the core where
// isolation is "core". Scripts reach it through msys.db.
//
// Next: plugins/datasource/driver, the database; the rows go back to the script
// that asked.
package datasource
