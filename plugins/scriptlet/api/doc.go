// Package api is the Lua API: one file for each msys package, each declaring
// its functions in a table. From the tables come the functions a script calls,
// with their arguments checked, the pages in docs/lua, the stubs for editors
// and the list that `mtad api` prints. It runs in the scriptlet module.
//
// Next: a function that changes something records it in the Frame; one that
// waits goes through Env.Wait.
package api
