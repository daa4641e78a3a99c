// Package luals writes the Lua API as LuaCATS stubs, from the declarations of
// package api, with a .luarc.json, so that lua-language-server completes and
// checks policy scripts. It runs in `mtad luals DIR`.
//
// Next: nobody; the files are read by editors.
package luals
