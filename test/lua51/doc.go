// Package lua51 runs generated programs in the scriptlet module and in Debian's
// lua5.1 and compares what they print and how their errors read, line numbers
// included. The programs use what both have: no operators and escapes of the
// dialect, no numeral with a leading 0, no order of pairs, no # of a table with
// holes, no addresses. What differs in spite of all is in docs/quirks.md, and no
// program of the generator depends on it.
//
// A program is made from a seed and its number alone, so a difference can be made
// again: the report names both.
//
// Next: plugins/scriptlet, which runs them.
package lua51
