// Package modules keeps the modules alive and asks them. It runs in the core:
// core.go builds one Manager; a reload calls its Prepare, Commit and Retire;
// core/validate calls the Callers that Prepare gives.
//
// A unit is one running module: a process (process.go, which starts, watches
// and restarts it; child.go is one run of it) or, where isolation is "core", the
// same sdk.Module inside our own process (local.go). Nothing above this package
// knows which.
//
// Next: sdk/rpc carries a call to the module's process; its answer goes back to
// core/validate.
package modules
