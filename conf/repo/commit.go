package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNothing is a commit without changes. Its text is the original's.
var ErrNothing = errors.New("Nothing to commit") //nolint:staticcheck // the original's words

// ErrBehind is a commit on an old revision.
var ErrBehind = errors.New("the repository has a newer revision: run eccfg pull, check the result, and commit again")

// Submission is what a commit is to do.
type Submission struct {
	Message, Author string
	// Add and Delete say whether a file that the repository does not have, or that
	// is gone, belongs to the commit. nil: no.
	Add, Delete func(path string) bool
	// Check judges what would be in the repository, in a directory of its own; an
	// error ends the commit. nil: no check.
	Check func(ctx context.Context, dir string) error
}

// Submitted is what a commit did.
type Submitted struct {
	Revision
	Changes []Change // Added, Modified and Deleted
	Left    []Change // files that were not asked for
}

// Commit sends the local changes below Under to the repository. It loads nothing
// into the server. ErrNothing: there are none.
func (c *Copy) Commit(ctx context.Context, s Submission) (done Submitted, err error) {
	err = c.locked(ctx, func() error {
		done, err = c.commit(ctx, s)
		return err
	})
	return done, err
}

func (c *Copy) commit(ctx context.Context, s Submission) (Submitted, error) {
	done, err := c.choose(ctx, s)
	if err != nil {
		return done, err
	}
	head, err := c.Head(ctx)
	if err != nil {
		return done, err
	}
	if newest, err := c.Newest(ctx); err != nil {
		return done, err
	} else if newest != head.Commit {
		return done, ErrBehind
	}
	paths := of(done.Changes, "MAD")
	commit, err := c.prepare(ctx, head.Commit, s, func(index string) error { return c.stage(ctx, c.Root, index, paths) })
	if err != nil {
		return done, err
	}
	if err := c.push(ctx, commit); err != nil {
		return done, err
	}
	// In this order: where it ends between the two, a pull finds the same changes on
	// both sides.
	if err := c.stage(ctx, c.Root, "", paths); err != nil {
		return done, err
	}
	if _, err := c.in(ctx, c.Root, "update-ref", "HEAD", commit, head.Commit); err != nil {
		return done, err
	}
	done.Revision, err = c.Head(ctx)
	return done, err
}

// choose picks the changes that belong to the commit.
func (c *Copy) choose(ctx context.Context, s Submission) (done Submitted, err error) {
	changes, err := c.Status(ctx)
	if err != nil {
		return done, err
	}
	if open := of(changes, "C"); len(open) > 0 {
		return done, &UnresolvedError{open}
	}
	for _, ch := range changes {
		switch {
		case ch.Kind == Unknown && s.Add != nil && s.Add(ch.Path):
			ch.Kind = Added
		case ch.Kind == Missing && s.Delete != nil && s.Delete(ch.Path):
			ch.Kind = Deleted
		case ch.Kind == Unknown || ch.Kind == Missing:
			done.Left = append(done.Left, ch)
			continue
		}
		done.Changes = append(done.Changes, ch)
	}
	if len(done.Changes) == 0 {
		return done, ErrNothing
	}
	return done, nil
}

// prepare makes a commit on top of parent that no branch has yet: fill changes an
// index that holds the parent's files. The check has agreed to it.
func (c *Copy) prepare(ctx context.Context, parent string, s Submission, fill func(index string) error) (commit string, err error) {
	dir, err := os.MkdirTemp("", "eccfg")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	how := call{index: filepath.Join(dir, "index"), author: s.Author, args: []string{"read-tree", parent}}
	if _, err := c.git.run(ctx, c.Root, how); err != nil {
		return "", err
	}
	if err := fill(how.index); err != nil {
		return "", err
	}
	commit, err = c.snapshot(ctx, c.Root, how, parent, message(s.Message))
	if err != nil {
		return "", err
	}
	same, err := c.line(ctx, c.Root, "rev-parse", parent+"^{tree}", commit+"^{tree}")
	if err != nil {
		return "", err
	}
	if trees := strings.Fields(same); len(trees) == 2 && trees[0] == trees[1] {
		return "", ErrNothing
	}
	if s.Check == nil {
		return commit, nil
	}
	out := filepath.Join(dir, filepath.Base(c.Root))
	how.args = []string{"checkout-index", "--all", "--force", "--prefix=" + out + string(filepath.Separator)}
	if _, err := c.git.run(ctx, c.Root, how); err != nil {
		return "", err
	}
	return commit, s.Check(ctx, out)
}

func message(text string) string {
	if strings.TrimSpace(text) == "" {
		return "no message\n"
	}
	return text + "\n"
}

// push makes a commit the newest of the repository. Nothing here has changed
// before it is there.
func (c *Copy) push(ctx context.Context, commit string) error {
	branch, err := c.branch(ctx)
	if err != nil {
		return err
	}
	_, err = c.remote(ctx, c.Root, "push", "--quiet", "--no-verify", "origin", commit+":refs/heads/"+branch)
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Text, "[rejected]") {
		return ErrBehind
	}
	return err
}

// Rollback makes the newest revision hold what an older one held: history only
// grows. The working copy is not touched; Pull brings it there.
func (c *Copy) Rollback(ctx context.Context, to Revision, s Submission) (done Revision, err error) {
	err = c.locked(ctx, func() error {
		newest, err := c.fetched(ctx)
		if err != nil {
			return err
		}
		if s.Message == "" {
			s.Message = fmt.Sprintf("Roll back to revision %d", to.Number)
		}
		commit, err := c.prepare(ctx, newest, s, func(index string) error {
			_, err := c.git.run(ctx, c.Root, call{args: []string{"read-tree", to.Commit}, index: index})
			return err
		})
		if err != nil {
			return err
		}
		if err := c.push(ctx, commit); err != nil {
			return err
		}
		done, err = c.revision(ctx, c.Root, commit)
		return err
	})
	return done, err
}

// fetched gives the newest commit of the repository, with all it consists of.
func (c *Copy) fetched(ctx context.Context) (string, error) {
	newest, err := c.Newest(ctx)
	if err != nil {
		return "", err
	}
	branch, err := c.branch(ctx)
	if err != nil {
		return "", err
	}
	_, err = c.remote(ctx, c.Root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", "refs/heads/"+branch)
	return newest, err
}
