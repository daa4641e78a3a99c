// Package option is options as data: what a scope may hold (Schema, derived
// from one tagged struct), what it did hold (Scope, with file positions), and
// the way from the one to the other (Decode). It runs in the core, where conf
// builds Scopes from HCL, and in every module, which decodes its own.
//
// Next: conf reads HCL into Scopes; the owner of a scope decodes it.
package option
