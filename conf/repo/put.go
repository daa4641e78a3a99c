package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxPut bounds one file.
const maxPut = 16 << 20

// Put sends one file to the repository if it differs from what is there. The
// working copy is not touched. ErrNothing: it does not differ.
func (c *Copy) Put(ctx context.Context, source, target string, s Submission) (done Revision, err error) {
	target = filepath.ToSlash(filepath.Clean(target))
	if !filepath.IsLocal(target) || target == "." || target == ".git" || strings.HasPrefix(target, ".git/") {
		return done, fmt.Errorf("%s is no file of the repository", target)
	}
	info, err := os.Stat(source)
	if err != nil {
		return done, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPut {
		return done, fmt.Errorf("%s is no file of at most %d bytes", source, maxPut)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return done, err
	}
	if s.Message == "" {
		s.Message = "Put " + target
	}
	err = c.locked(ctx, func() error {
		newest, err := c.fetched(ctx)
		if err != nil {
			return err
		}
		commit, err := c.prepare(ctx, newest, s, func(index string) error { return c.putBlob(ctx, c.Root, index, target, string(text)) })
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

// putBlob puts a text into an index.
func (c *Copy) putBlob(ctx context.Context, dir, index, path, text string) error {
	blob, err := c.git.run(ctx, dir, call{args: []string{"hash-object", "-w", "--no-filters", "--stdin"}, in: text})
	if err != nil {
		return err
	}
	_, err = c.git.run(ctx, dir, call{
		args:  []string{"update-index", "--add", "-z", "--index-info"},
		in:    "100644 " + strings.TrimSpace(blob) + "\t" + path + "\x00",
		index: index,
	})
	return err
}

// runningFile is where PutRunning keeps what the server runs with.
const runningFile = "running.conf"

// PutRunning saves a node's working copy as it is, files that nobody has
// committed too, and the configuration that its server runs with, to the branch
// running/NODE: beside what the nodes follow, so that nobody reloads for it.
// ErrNothing: it is saved already.
func (c *Copy) PutRunning(ctx context.Context, node, running string, s Submission) (commit string, err error) {
	if err := CheckNode(node); err != nil {
		return "", err
	}
	if s.Message == "" {
		s.Message = "The running configuration of " + node
	}
	ref := "refs/heads/running/" + node
	err = c.locked(ctx, func() error {
		parent, err := c.latest(ctx, ref)
		if err != nil {
			return err
		}
		changes, err := c.status(ctx, c.Root)
		if err != nil {
			return err
		}
		base := parent
		if base == "" {
			base = "HEAD"
		}
		s.Check = nil
		commit, err = c.prepare(ctx, base, s, func(index string) error {
			if _, err := c.git.run(ctx, c.Root, call{args: []string{"read-tree", "HEAD"}, index: index}); err != nil {
				return err
			}
			if paths := of(changes, "MAD!?C"); len(paths) > 0 {
				if err := c.stage(ctx, c.Root, index, paths); err != nil {
					return err
				}
			}
			return c.putBlob(ctx, c.Root, index, runningFile, running)
		})
		if err != nil {
			return err
		}
		_, err = c.remote(ctx, c.Root, "push", "--quiet", "--no-verify", "origin", commit+":"+ref)
		return err
	})
	return commit, err
}

// latest gives the commit of a ref of the repository, fetched; "" if there is
// no such ref.
func (c *Copy) latest(ctx context.Context, ref string) (string, error) {
	out, err := c.remote(ctx, c.Root, "ls-remote", "origin", ref)
	if err != nil {
		return "", err
	}
	commit, _, _ := strings.Cut(out, "\t")
	if commit == "" {
		return "", nil
	}
	if _, err := c.remote(ctx, c.Root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", ref); err != nil {
		return "", errors.Join(fmt.Errorf("cannot read %s", ref), err)
	}
	return commit, nil
}
