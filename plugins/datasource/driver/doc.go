// Package driver is what a datasource needs of a database, and what drivers
// share: the placeholders of statements, and the reading of files. It runs in
// the datasource module.
//
// Next: driver/sqlite, pgsql, mysql, ldap, csv, redis, http, iowrapper;
// driver/lack, those that mtad does not have.
package driver
