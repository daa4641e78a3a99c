// Package adaptive is the rules of adaptive delivery as data: which replies of a
// receiver call for which action. It reads, checks and puts together what the
// server ships and what scripts register (msys.adaptive.registerRules). It does
// no I/O and acts on nothing.
//
// Next: core/adaptive matches the replies of deliveries with these rules.
package adaptive
