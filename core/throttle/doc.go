// Package throttle limits rates. One Limiter belongs to the configuration scope
// that declares a rate; everything that falls back to that scope shares it
// (reference/config-syntax.md §2). It runs in the core.
//
// Next: core/queue asks it before a lane gives a batch away.
package throttle
