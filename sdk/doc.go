// Package sdk is the contract between the core and its modules. It runs in both
// processes and imports nothing of ours but the words below it (sdk/smtp,
// sdk/mail, sdk/option). Module authors implement Module and call Serve in
// sdk/rpc; the core talks to every module through the same interface, whether
// it runs in a process of its own or inside the core.
//
// hooks.go is the one table of hooks, state.go what a call carries in,
// change.go what comes back, module.go and host.go the two directions of the
// conversation.
//
// Next: sdk/rpc carries a Call across the process boundary; core/validate
// makes it.
package sdk
