package repo

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// disk is what changes directories as a whole. A test has one that stops at any
// step, as a crash would.
type disk interface {
	Clone(from, to string) error // copies a working copy; what does not change is shared
	Sync(dir string) error       // everything below is on the disk
	Exchange(a, b string) error  // swaps two directories in one step
	RemoveAll(dir string) error
}

// osDisk is the real one.
type osDisk struct{}

// RemoveAll is os.RemoveAll.
func (osDisk) RemoveAll(dir string) error { return os.RemoveAll(dir) }

// Clone is part of disk. Files are links: git replaces a file, it never writes
// into one. So a database that somebody keeps in the directory stays the file
// that a server has open. Of git's own files only the objects never change.
func (osDisk) Clone(from, to string) error {
	objects := filepath.Join(".git", "objects") + string(filepath.Separator)
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		inGit := strings.HasPrefix(name, ".git"+string(filepath.Separator))
		if inGit && strings.HasSuffix(name, ".lock") {
			return nil // of a git that was killed
		}
		return cloneEntry(path, filepath.Join(to, name), d, !inGit || strings.HasPrefix(name, objects))
	})
}

func cloneEntry(from, to string, d fs.DirEntry, link bool) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	switch {
	case d.IsDir():
		if err := os.Mkdir(to, info.Mode().Perm()|0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return os.Chmod(to, info.Mode().Perm())
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !d.Type().IsRegular():
		return nil // a socket or a pipe is nobody's configuration
	case link && os.Link(from, to) == nil:
		return nil
	}
	return copyFile(from, to, info)
}

func copyFile(from, to string, info fs.FileInfo) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return errors.Join(os.Chmod(to, info.Mode().Perm()), os.Chtimes(to, info.ModTime(), info.ModTime()))
}
