// Command gen writes the manual of the Lua API from the tables of package api:
// docs/lua/<package>.md, an index by task and by package, and the macros. It
// runs when a table has changed:
//
//	go run ./plugins/scriptlet/api/gen
//
// Next: nobody; the files are read by people.
package main
