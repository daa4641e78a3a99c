// Package docs checks README.md and docs/: links lead somewhere, snippets are
// what they say they are, and what is there in the code is in the manual. It has
// tests only. Its command gen writes the pages that come from tables.
//
// Next: nothing; the pages are for people.
package docs
