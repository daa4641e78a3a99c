package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrBusy is the answer while another eccfg, or the server, changes the working
// copy.
var ErrBusy = errors.New("the working copy is being changed by somebody else")

// lockTime is how long a command waits for its turn.
const lockTime = 3 * time.Minute

// Copy is a working copy: the directory with global/, default/ and one
// directory for each node that has settings of its own.
type Copy struct {
	Root  string // the directory, absolute
	Under string // commands act on what is below it, relative to Root; "" is all

	git  *Git
	disk disk
}

// Open finds the working copy that a path is in. It is an error if there is
// none.
func Open(path string, g *Git) (*Copy, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	for root := abs; ; root = filepath.Dir(root) {
		if _, err := os.Lstat(filepath.Join(root, ".git")); err == nil {
			under, err := filepath.Rel(root, abs)
			if under == "." {
				under = ""
			}
			return &Copy{Root: root, Under: under, git: g, disk: osDisk{}}, err
		}
		if root == filepath.Dir(root) {
			return nil, fmt.Errorf("%s is no working copy: run eccfg bootstrap first", abs)
		}
	}
}

// beside is a name for something of ours in the directory above.
func (c *Copy) beside(what string) string {
	return filepath.Join(filepath.Dir(c.Root), "."+filepath.Base(c.Root)+"."+what)
}

// locked runs f while nobody else changes the working copy, after it has removed
// what a crash left.
func (c *Copy) locked(ctx context.Context, f func() error) error {
	wait, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	l, err := lock(wait, c.beside("lock"))
	if err != nil {
		return err
	}
	defer l.Close()
	if err := c.clearUp(); err != nil {
		return err
	}
	return f()
}

// clearUp removes what a crash left: directories beside the working copy, and the
// lock of a git that cannot run any more.
func (c *Copy) clearUp() error {
	entries, err := os.ReadDir(filepath.Dir(c.Root))
	if err != nil {
		return err
	}
	prefix := filepath.Base(c.beside("new-"))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := c.disk.RemoveAll(filepath.Join(filepath.Dir(c.Root), e.Name())); err != nil {
			return err
		}
	}
	indexLock := filepath.Join(c.Root, ".git", "index.lock")
	if info, err := os.Stat(indexLock); err == nil && time.Since(info.ModTime()) > 2*localTime {
		return c.disk.RemoveAll(indexLock)
	}
	return nil
}

// in runs git in a directory.
func (c *Copy) in(ctx context.Context, dir string, args ...string) (string, error) {
	return c.git.run(ctx, dir, call{args: args})
}

// line is in for a command with one line of output.
func (c *Copy) line(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := c.in(ctx, dir, args...)
	return strings.TrimSpace(out), err
}

// remote is in for a command that talks to the repository.
func (c *Copy) remote(ctx context.Context, dir string, args ...string) (string, error) {
	return c.git.run(ctx, dir, call{args: args, remote: true})
}

// Head is the revision that the working copy is based on.
func (c *Copy) Head(ctx context.Context) (Revision, error) { return c.revision(ctx, c.Root, "HEAD") }

// Revision is one state of the repository.
type Revision struct {
	Number int    // the commits of the branch up to it
	Commit string // git's name
}

// String is as the original has it: a number.
func (r Revision) String() string { return strconv.Itoa(r.Number) }

func (c *Copy) revision(ctx context.Context, dir, name string) (Revision, error) {
	commit, err := c.line(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	var failed *Error
	if errors.As(err, &failed) && failed.Exit == 1 {
		return Revision{}, fmt.Errorf("there is no revision %s", name)
	}
	if err != nil {
		return Revision{}, err
	}
	count, err := c.line(ctx, dir, "rev-list", "--count", "--first-parent", commit)
	if err != nil {
		return Revision{}, err
	}
	n, err := strconv.Atoi(count)
	return Revision{n, commit}, err
}

// Find gives the revision of a number, or of git's name of a commit.
func (c *Copy) Find(ctx context.Context, name string) (Revision, error) {
	n, err := strconv.Atoi(name)
	if err != nil || n <= 0 || len(name) >= 7 {
		return c.revision(ctx, c.Root, name)
	}
	out, err := c.in(ctx, c.Root, "rev-list", "--first-parent", "--reverse", "HEAD")
	if err != nil {
		return Revision{}, err
	}
	all := strings.Fields(out)
	if n > len(all) {
		return Revision{}, fmt.Errorf("there is no revision %d; the newest here is %d", n, len(all))
	}
	return Revision{n, all[n-1]}, nil
}

// branch is the branch that the working copy follows.
func (c *Copy) branch(ctx context.Context) (string, error) {
	return c.line(ctx, c.Root, "symbolic-ref", "--short", "HEAD")
}

// Newest asks the repository for its newest commit.
func (c *Copy) Newest(ctx context.Context) (string, error) {
	branch, err := c.branch(ctx)
	if err != nil {
		return "", err
	}
	out, err := c.remote(ctx, c.Root, "ls-remote", "--exit-code", "origin", "refs/heads/"+branch)
	if err != nil {
		return "", err
	}
	commit, _, _ := strings.Cut(out, "\t")
	return commit, nil
}

// Kinds of a Change, as Subversion letters them.
const (
	Modified = 'M'
	Added    = 'A' // will be in the repository with the next commit
	Deleted  = 'D' // will go with the next commit
	Missing  = '!' // removed, but not with eccfg delete
	Unknown  = '?' // not in the repository
	Conflict = 'C'
)

// Change is a file that differs from the revision the working copy is based on.
type Change struct {
	Kind byte
	Path string // relative to the root, with slashes
}

// String is a line of eccfg status.
func (c Change) String() string { return fmt.Sprintf("%c       %s", c.Kind, c.Path) }

// Status lists the local changes below Under, or below the paths if there are any.
func (c *Copy) Status(ctx context.Context, paths ...string) ([]Change, error) {
	if len(paths) == 0 && c.Under != "" {
		paths = []string{c.Under}
	}
	return c.status(ctx, c.Root, paths...)
}

func (c *Copy) status(ctx context.Context, dir string, paths ...string) ([]Change, error) {
	out, err := c.in(ctx, dir, append([]string{"status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--"}, paths...)...)
	if err != nil {
		return nil, err
	}
	var list []Change
	for _, entry := range strings.Split(out, "\x00") {
		if len(entry) > 3 {
			list = append(list, Change{kind(entry[0], entry[1]), entry[3:]})
		}
	}
	return list, nil
}

// kind translates git's two letters: index, then files.
func kind(index, file byte) byte {
	switch {
	case index == 'U' || file == 'U' || index == 'A' && file == 'A' || index == 'D' && file == 'D':
		return Conflict
	case index == '?':
		return Unknown
	case file == 'D':
		return Missing
	case index == 'A':
		return Added
	case index == 'D':
		return Deleted
	}
	return Modified
}

// of gives the paths of the changes of some kinds.
func of(changes []Change, kinds string) []string {
	var out []string
	for _, ch := range changes {
		if strings.IndexByte(kinds, ch.Kind) >= 0 {
			out = append(out, ch.Path)
		}
	}
	return out
}

// Path gives a file that a user names relative to the root. What is below the
// directory we are in comes first, if that is in the working copy.
func (c *Copy) Path(name string) (string, error) {
	candidates := []string{name}
	if !filepath.IsAbs(name) {
		candidates = []string{filepath.Join(c.Root, c.Under, name)}
		if here, err := os.Getwd(); err == nil && inside(c.Root, here) {
			candidates = slices.Insert(candidates, 0, filepath.Join(here, name))
		}
	}
	for i, path := range candidates {
		path = realParent(path)
		_, err := os.Lstat(path)
		if i < len(candidates)-1 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		rel, err := filepath.Rel(c.Root, path)
		if err != nil || !filepath.IsLocal(rel) || rel == ".git" || strings.HasPrefix(rel, ".git"+string(filepath.Separator)) {
			return "", fmt.Errorf("%s is not in the working copy %s", name, c.Root)
		}
		return filepath.ToSlash(rel), nil
	}
	return "", fmt.Errorf("%s is not in the working copy %s", name, c.Root)
}

// realParent follows links on the way to a path; the path itself may be one.
func realParent(path string) string {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return filepath.Clean(path)
}

func inside(root, path string) bool {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

// paths is Path for several.
func (c *Copy) paths(names []string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		path, err := c.Path(name)
		if err != nil {
			return nil, err
		}
		out[i] = path
	}
	return out, nil
}

// Entry is a line of the history.
type Entry struct {
	Revision
	Author, Message string
	When            time.Time
}

// History lists the newest revisions that the working copy has, newest first.
func (c *Copy) History(ctx context.Context, most int) ([]Entry, error) {
	head, err := c.Head(ctx)
	if err != nil {
		return nil, err
	}
	out, err := c.in(ctx, c.Root, "log", "--first-parent", "-z", "--format=%H%x1f%an%x1f%ct%x1f%s", "-n", strconv.Itoa(most), "HEAD")
	if err != nil {
		return nil, err
	}
	var list []Entry
	for i, record := range strings.Split(strings.TrimRight(out, "\x00\n"), "\x00") {
		f := strings.SplitN(record, "\x1f", 4)
		if len(f) < 4 {
			continue
		}
		seconds, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, Entry{Revision{head.Number - i, f[0]}, f[1], f[3], time.Unix(seconds, 0)})
	}
	return list, nil
}

// Remote is the address of the repository.
func (c *Copy) Remote(ctx context.Context) (string, error) {
	return c.line(ctx, c.Root, "config", "--get", "remote.origin.url")
}
