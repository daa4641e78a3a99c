// Package binding knows the bindings (virtual MTAs) and binding groups of a
// configuration by name and slot. It runs in the core; reception chooses a
// message's binding with it.
//
// Next: core/queue has a lane for each binding and domain.
package binding
