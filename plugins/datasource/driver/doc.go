// Package driver is what a datasource needs of a database, and the SQL
// placeholders that all drivers share. It runs in the datasource module.
//
// Next: driver/sqlite, driver/pgsql, driver/mysql.
package driver
