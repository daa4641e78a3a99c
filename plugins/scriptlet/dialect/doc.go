// Package dialect reads Momentum's Lua: Lua 5.1 with `!=`, `!`, the operators
// `& | ^^ << >> ~ \`, the escapes \xHH and \uXXXX, octal numerals with a
// leading 0, and a generic for that calls __iter (reference/lua-api-notes.md,
// section b). Its own lexer and parser build the tree of
// github.com/yuin/gopher-lua/ast; what that compiler lacks, or compiles wrong,
// is expressed by other nodes (lower.go) and by functions put into the constant
// table after compilation (compile.go). Lint reads the same tree. It runs in the
// scriptlet module at load, and in `mtad check` and `mtad luac`.
//
// Next: the compiled prototype goes to the interpreters of plugins/scriptlet.
package dialect
