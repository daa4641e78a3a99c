package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Prefer says what becomes of local changes that the repository's overlap.
type Prefer int

// What a pull does about conflicts (manual, eccfg pull).
const (
	Refuse Prefer = iota // leave everything as it is
	Mine                 // local changes win
	Theirs               // the repository's win
	Manual               // both are left in the files, with marks
)

// Update is what a pull is to do.
type Update struct {
	To     string // the commit; "" is the newest of the repository
	Prefer Prefer
	// Check judges the result in a directory beside the working copy; an error
	// ends the pull, and nothing has changed. nil: no check. It is not asked where
	// conflicts are marked in the files.
	Check func(ctx context.Context, dir string) error
	// Use has the server take the result. After an error the old files are back.
	// It is not called after a conflict. nil: nobody is told.
	Use func(ctx context.Context) error
}

// Updated is what a pull did.
type Updated struct {
	From, To  Revision
	Changed   bool
	Conflicts []string // files with conflicts, whoever has won
}

// ConflictError is a pull that was refused.
type ConflictError struct{ Paths []string }

// Error names the files.
func (e *ConflictError) Error() string {
	return "local changes are in conflict with the repository, and nothing was changed: " + strings.Join(e.Paths, ", ") +
		"\nuse --mine, --theirs or --manual"
}

// UnresolvedError is an order that cannot be carried out while files hold marks
// of conflicts.
type UnresolvedError struct{ Paths []string }

// Error names the files.
func (e *UnresolvedError) Error() string {
	return "in conflict: " + strings.Join(e.Paths, ", ") + "\nedit them, then: eccfg resolve FILE..."
}

// Pull brings the working copy to another revision. Local changes are merged.
// The result is put together in a directory of its own; then the two are
// exchanged by one rename, so that a crash leaves the old files or the new ones,
// and whoever is in the old directory has to enter it again.
func (c *Copy) Pull(ctx context.Context, u Update) (done Updated, err error) {
	err = c.locked(ctx, func() error {
		done, err = c.pull(ctx, u)
		return err
	})
	return done, err
}

func (c *Copy) pull(ctx context.Context, u Update) (done Updated, err error) {
	to := u.To
	if to == "" {
		if to, err = c.Newest(ctx); err != nil {
			return done, err
		}
	}
	if done.From, err = c.Head(ctx); err != nil {
		return done, err
	}
	done.To = done.From
	if to == done.From.Commit {
		return done, nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Root), filepath.Base(c.beside("new-*")))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, c.disk.RemoveAll(dir)) }()
	if err := c.disk.Clone(c.Root, dir); err != nil {
		return done, err
	}
	if done.Conflicts, err = c.move(ctx, dir, to, u.Prefer); err != nil {
		return done, err
	}
	if done.To, err = c.revision(ctx, dir, "HEAD"); err != nil {
		return done, err
	}
	// Housekeeping, where no reader is in the way; what fails is for the next pull.
	_, _ = c.in(ctx, dir, "-c", "gc.auto=500", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
	if marked := u.Prefer == Manual && len(done.Conflicts) > 0; u.Check != nil && !marked {
		if err := u.Check(ctx, dir); err != nil {
			done.To = done.From
			return done, err
		}
	}
	return done, c.exchange(ctx, dir, u.Use, &done)
}

// exchange puts dir in the place of the working copy, and back where the server
// does not take it.
func (c *Copy) exchange(ctx context.Context, dir string, use func(context.Context) error, done *Updated) error {
	if err := c.disk.Sync(dir); err != nil {
		return err
	}
	if err := c.disk.Exchange(dir, c.Root); err != nil {
		return err
	}
	done.Changed = true
	if use == nil || len(done.Conflicts) > 0 {
		return nil
	}
	err := use(ctx)
	if err == nil {
		return nil
	}
	done.Changed, done.To = false, done.From
	return errors.Join(err, c.disk.Exchange(dir, c.Root))
}

// move brings the clone in dir to another commit, with the local changes on top
// of it, and gives the files that are in conflict.
func (c *Copy) move(ctx context.Context, dir, to string, prefer Prefer) ([]string, error) {
	changes, err := c.status(ctx, dir)
	if err != nil {
		return nil, err
	}
	if open := of(changes, "C"); len(open) > 0 {
		return nil, &UnresolvedError{open}
	}
	if _, err := c.line(ctx, dir, "cat-file", "-e", to+"^{commit}"); err != nil {
		branch, err := c.branch(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := c.remote(ctx, dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", "refs/heads/"+branch); err != nil {
			return nil, err
		}
	}
	local, err := c.keepLocal(ctx, dir, to, changes)
	if err != nil {
		return nil, err
	}
	if _, err := c.in(ctx, dir, "reset", "--quiet", "--hard", to, "--"); err != nil || local == "" {
		return nil, err
	}
	return c.putBack(ctx, dir, to, local, prefer)
}

// keepLocal makes a commit of the local changes that stands on no branch; ""
// if there are none. A file that only the repository to be knows counts as one
// if it is here, too.
func (c *Copy) keepLocal(ctx context.Context, dir, to string, changes []Change) (string, error) {
	keep := of(changes, "MAD!")
	for _, path := range of(changes, "?") {
		if _, err := c.line(ctx, dir, "cat-file", "-e", to+":"+path); err == nil {
			keep = append(keep, path)
		}
	}
	if len(keep) == 0 {
		return "", nil
	}
	if err := c.stage(ctx, dir, "", keep); err != nil {
		return "", err
	}
	return c.snapshot(ctx, dir, call{}, "HEAD", "local changes")
}

// stage takes files into an index as they are, those that are gone as deleted.
func (c *Copy) stage(ctx context.Context, dir, index string, paths []string) error {
	_, err := c.git.run(ctx, dir, call{
		args: []string{"update-index", "--add", "--remove", "-z", "--stdin"},
		in:   strings.Join(paths, "\x00") + "\x00", index: index,
	})
	return err
}

// snapshot makes a commit of an index, on top of parent ("" for none).
func (c *Copy) snapshot(ctx context.Context, dir string, how call, parent, message string) (string, error) {
	how.args = []string{"write-tree"}
	tree, err := c.git.run(ctx, dir, how)
	if err != nil {
		return "", err
	}
	how.args, how.in = []string{"commit-tree", strings.TrimSpace(tree), "-F", "-"}, message
	if parent != "" {
		how.args = append(how.args, "-p", parent)
	}
	commit, err := c.git.run(ctx, dir, how)
	return strings.TrimSpace(commit), err
}

// putBack applies the local changes.
func (c *Copy) putBack(ctx context.Context, dir, to, local string, prefer Prefer) ([]string, error) {
	conflicts, err := c.pick(ctx, dir, local)
	if err != nil || len(conflicts) == 0 || prefer == Manual {
		return conflicts, err
	}
	if prefer == Refuse {
		return nil, &ConflictError{conflicts}
	}
	if _, err := c.in(ctx, dir, "reset", "--quiet", "--hard", to, "--"); err != nil {
		return nil, err
	}
	// The side that is picked is git's "theirs".
	side, stage := "theirs", "3"
	if prefer == Theirs {
		side, stage = "ours", "2"
	}
	left, err := c.pick(ctx, dir, local, "-X", side)
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if err := c.take(ctx, dir, path, side, stage); err != nil {
			return nil, err
		}
	}
	return conflicts, nil
}

// pick merges a commit's changes into the files, and gives those in conflict.
func (c *Copy) pick(ctx context.Context, dir, commit string, how ...string) ([]string, error) {
	args := append([]string{"cherry-pick", "--no-commit", "--allow-empty", "--keep-redundant-commits"}, how...)
	_, failed := c.in(ctx, dir, append(args, commit)...)
	changes, err := c.status(ctx, dir)
	if err != nil {
		return nil, err
	}
	conflicts := of(changes, "C")
	if len(conflicts) == 0 {
		return nil, failed
	}
	return conflicts, nil
}

// take settles a conflict that no line by line merge can, such as an edited file
// that the other side has deleted: one side's whole file, or none.
func (c *Copy) take(ctx context.Context, dir, path, side, stage string) error {
	out, err := c.in(ctx, dir, "ls-files", "--unmerged", "-z", "--", path)
	if err != nil {
		return err
	}
	for _, entry := range strings.Split(out, "\x00") {
		if f := strings.Fields(entry); len(f) > 2 && f[2] == stage {
			if _, err := c.in(ctx, dir, "checkout", "--quiet", "--"+side, "--", path); err != nil {
				return err
			}
			return c.stage(ctx, dir, "", []string{path})
		}
	}
	_, err = c.in(ctx, dir, "rm", "--quiet", "--force", "--", path)
	return err
}
