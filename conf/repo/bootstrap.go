package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Start is what bootstrap is told.
type Start struct {
	Root    string // the directory to be: HOME/conf
	Remote  string // the repository; "" makes one beside Root
	Cluster string // cluster_name
	Node    string // node_name; "" keeps the hostname
	Author  string
}

// localRepo is the repository of a single node, beside the working copy.
const localRepo = "repo.git"

// firstBranch is what a repository without any branch begins with.
const firstBranch = "main"

// Bootstrap makes the working copy of a node: the first checkout. Where the
// repository is empty, what the directory holds becomes its first revision.
// Once only.
func Bootstrap(ctx context.Context, g *Git, s Start) (*Copy, error) {
	root, err := filepath.Abs(s.Root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
		return nil, fmt.Errorf("%s is a working copy already", root)
	}
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	home := filepath.Dir(root)
	if s.Remote == "" {
		s.Remote = filepath.Join(home, localRepo)
		if err := initBare(ctx, g, s.Remote); err != nil {
			return nil, err
		}
	}
	if err := CheckRemote(s.Remote); err != nil {
		return nil, err
	}
	c := &Copy{Root: root, git: g, disk: osDisk{}}
	if err := c.first(ctx, absolute(s.Remote), s.Author); err != nil {
		return nil, err
	}
	return c, WriteBoot(home, s.Cluster, s.Node)
}

// initBare makes the repository of a single node, unless there is one.
func initBare(ctx context.Context, g *Git, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.Mkdir(path, 0o750); err != nil {
		return err
	}
	_, err := g.run(ctx, path, call{args: []string{"init", "--quiet", "--bare", "--initial-branch=" + firstBranch, "."}})
	return err
}

// first puts the repository's newest revision into a directory that is no working
// copy yet, or the directory's files into an empty repository. The .git comes to
// its place last.
func (c *Copy) first(ctx context.Context, remote, by string) (err error) {
	there, err := os.ReadDir(c.Root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Root), filepath.Base(c.beside("new-*")))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := c.disk.Clone(c.Root, dir); err != nil {
		return err
	}
	branch, empty, err := c.branches(ctx, dir, remote)
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=" + branch, "."},
		{"remote", "add", "--", "origin", remote},
	} {
		if _, err := c.in(ctx, dir, args...); err != nil {
			return err
		}
	}
	switch {
	case empty:
		err = c.importAll(ctx, dir, branch, by)
	case len(there) > 0:
		err = fmt.Errorf("%s holds files, and the repository %s holds others: move the directory away first", c.Root, remote)
	default:
		err = c.checkout(ctx, dir, branch)
	}
	if err != nil {
		return err
	}
	if err := c.disk.Sync(dir); err != nil {
		return err
	}
	return c.disk.Exchange(dir, c.Root)
}

// branches asks a repository for the branch to follow; empty: it has none.
func (c *Copy) branches(ctx context.Context, dir, remote string) (branch string, empty bool, err error) {
	out, err := c.remote(ctx, dir, "ls-remote", "--symref", "--", remote, "HEAD", "refs/heads/*")
	if err != nil {
		return "", false, err
	}
	branch, heads := firstBranch, map[string]bool{}
	var last string
	for _, line := range strings.Split(out, "\n") {
		what, ref, _ := strings.Cut(line, "\t")
		if name, ok := strings.CutPrefix(what, "ref: refs/heads/"); ok && ref == "HEAD" {
			branch = name
		}
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && !strings.HasPrefix(name, "running/") {
			heads[name], last = true, name
		}
	}
	if len(heads) == 1 {
		branch = last
	}
	return branch, !heads[branch], nil
}

// importAll makes the files of dir the first revision.
func (c *Copy) importAll(ctx context.Context, dir, branch, by string) error {
	if _, err := c.in(ctx, dir, "add", "--all", "--", "."); err != nil {
		return err
	}
	for _, layer := range []string{"default", "global"} {
		if err := c.keepDir(ctx, dir, layer); err != nil {
			return err
		}
	}
	commit, err := c.snapshot(ctx, dir, call{author: by}, "", "Initial import\n")
	if err != nil {
		return err
	}
	if _, err := c.in(ctx, dir, "update-ref", "refs/heads/"+branch, commit); err != nil {
		return err
	}
	_, err = c.remote(ctx, dir, "push", "--quiet", "--no-verify", "origin", commit+":refs/heads/"+branch)
	return err
}

// keepDir puts a file into a directory of which git has none: git keeps no
// directories.
func (c *Copy) keepDir(ctx context.Context, dir, layer string) error {
	there, err := c.in(ctx, dir, "ls-files", "--", layer)
	if err != nil || there != "" {
		return err
	}
	name := layer + "/.gitignore"
	if err := c.putBlob(ctx, dir, "", name, "*.swp\n*~\n"); err != nil {
		return err
	}
	_, err = c.in(ctx, dir, "checkout-index", "--", name)
	return err
}

func (c *Copy) checkout(ctx context.Context, dir, branch string) error {
	if _, err := c.remote(ctx, dir, "fetch", "--quiet", "--no-tags", "origin", "refs/heads/"+branch); err != nil {
		return err
	}
	_, err := c.in(ctx, dir, "reset", "--quiet", "--hard", "FETCH_HEAD", "--")
	return err
}
