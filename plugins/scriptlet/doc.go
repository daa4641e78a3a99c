// Package scriptlet is the module that hosts Lua policy scripts. It runs in a
// process of its own that the core starts, or inside the core where isolation
// is "core"; either way the core speaks to it through sdk.Module alone.
//
// module.go takes the core's calls, generation.go is one configuration with its
// scripts, interpreter.go one Lua world with the lock that is held while Lua
// runs in it, and thread.go the one place where a running script is counted,
// interrupted and stopped.
//
// Next: api, where a script's call of msys.* arrives.
package scriptlet
