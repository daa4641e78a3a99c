package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Delete removes files, and directories with all that is in them; the next
// commit takes them out of the repository. What has local changes stays.
func (c *Copy) Delete(ctx context.Context, names []string) error {
	paths, err := c.paths(names)
	if err != nil {
		return err
	}
	return c.locked(ctx, func() error {
		_, err := c.in(ctx, c.Root, append([]string{"rm", "-r", "--quiet", "--"}, paths...)...)
		var failed *Error
		if errors.As(err, &failed) && strings.Contains(failed.Text, "did not match any files") {
			return fmt.Errorf("%s: not in the repository", strings.Join(names, ", "))
		}
		return err
	})
}

// Revert undoes local changes of files and of all in directories, and gives those
// it undid. Files that the repository does not have stay.
func (c *Copy) Revert(ctx context.Context, names []string) (undone []string, err error) {
	paths, err := c.paths(names)
	if err != nil {
		return nil, err
	}
	err = c.locked(ctx, func() error {
		changes, err := c.status(ctx, c.Root, paths...)
		if err != nil {
			return err
		}
		undone = of(changes, "MAD!C")
		if len(undone) == 0 {
			return nil
		}
		if _, err := c.in(ctx, c.Root, append([]string{"reset", "--quiet", "HEAD", "--"}, undone...)...); err != nil {
			return err
		}
		// Those that HEAD has; an added file is unknown again.
		after, err := c.status(ctx, c.Root, undone...)
		if err != nil {
			return err
		}
		if back := of(after, "M!D"); len(back) > 0 {
			_, err = c.in(ctx, c.Root, append([]string{"checkout", "--quiet", "HEAD", "--"}, back...)...)
		}
		return err
	})
	return undone, err
}

// Resolve clears the marks of a conflict from files that somebody has edited;
// with upstream set it takes the repository's version.
func (c *Copy) Resolve(ctx context.Context, names []string, upstream bool) error {
	paths, err := c.paths(names)
	if err != nil {
		return err
	}
	return c.locked(ctx, func() error {
		changes, err := c.status(ctx, c.Root, paths...)
		if err != nil {
			return err
		}
		open := of(changes, "C")
		if len(open) == 0 {
			return fmt.Errorf("no conflict in %s", strings.Join(names, ", "))
		}
		for _, path := range open {
			if !upstream && marked(filepath.Join(c.Root, filepath.FromSlash(path))) {
				return fmt.Errorf("%s still has marks of the conflict (<<<<<<<, >>>>>>>)", path)
			}
			if upstream {
				err = c.take(ctx, c.Root, path, "ours", "2")
			} else {
				err = c.stage(ctx, c.Root, "", []string{path})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// marked reports whether both marks of a conflict begin lines of a file.
func marked(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	all := "\n" + string(text)
	return strings.Contains(all, "\n<<<<<<< ") && strings.Contains(all, "\n>>>>>>> ")
}
