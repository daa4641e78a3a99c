// Command gen writes those pages of docs/ that come from tables of the code:
// docs/config/options.md from the options' tags, the table of docs/hooks from
// sdk.Hooks, and docs/rfc.md from the comments that cite RFCs. It runs when one
// of them has changed:
//
//	go run ./test/docs/gen
//
// Next: nobody; the pages are read by people.
package main

//go:generate go run . -root ../../..
