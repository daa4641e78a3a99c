// Package conf is the configuration: it reads HCL v2 files with their includes
// into one tree of scopes (Load), says everything that is wrong with them and
// where (Diagnostics), checks the tree against the options that the owners of
// scopes declared (Check), finds scripts along the search path (Sources), and
// answers which scopes an option falls back over (Layers). It runs in the core
// and in `mtad check`; no module imports it.
//
// File system access goes through FS, nothing else is done outside memory.
//
// Next: core decodes each scope into its owner's struct (sdk/option).
package conf
