// Package convert turns a configuration of the original (ecelerity.conf and
// what it includes) into HCL that `mtad check` accepts. Order and comments stay;
// what has no counterpart stays in its place as a comment with the reason, and
// is reported with its file and line. It runs in `mtad convert` and `mtad
// migrate` only.
//
// Files are read through conf.FS, nothing else is done outside memory. What
// scopes and options there are is the caller's to say (Options.Schema).
//
// Next: cmd/mtad writes the files and prints the findings.
package convert
