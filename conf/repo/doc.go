// Package repo keeps configuration files in git and brings them to the nodes: it
// is what eccfg does (reference/cluster.md §2), and how a node follows the
// repository by itself (Follower). The git program does the work; nothing else
// could speak to every remote there is and merge. A working copy never changes
// under its readers: a new revision is put together beside it, and the two
// directories are exchanged by one rename.
//
// It runs in the command line tool, and in the core of a node that follows. It
// knows nothing of what the files mean: who calls brings the check and the
// reload.
//
// Next: core.Reload reads what a pull brought; nothing goes from here to mail.
package repo
