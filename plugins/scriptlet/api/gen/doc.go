// Command gen writes the manual of the Lua API and the stubs for editors from
// the tables of package api: docs/lua/<package>.md, an index, the macros, and
// docs/lua/mtad.lua. It runs when a table has changed:
//
//	go run ./plugins/scriptlet/api/gen
//
// Next: nobody; the files are read by people and their editors.
package main
