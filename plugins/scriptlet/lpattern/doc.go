// Package lpattern matches Lua 5.1 patterns (reference manual §5.4.1, and %f,
// which 5.1 has without saying so). Results and errors are those of stock Lua,
// but a match costs steps against a budget, so that a pattern that backtracks
// without end stops; and a plain find or match allocates nothing. Functions
// makes string.find, match, gmatch, gfind and gsub of it. It runs in the
// scriptlet module, within a callout.
//
// Next: what a script does with the match.
package lpattern
