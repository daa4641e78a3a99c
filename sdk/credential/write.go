package credential

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// group is who may read the files beside root, where there is such a group
// (reference/datasource.md §2).
const group = "mtad"

// write puts a file in the place of another, whole or not at all. A new one is
// for its owner, and for the group mtad where root makes it.
func write(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".credential-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, readers(f, path), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// readers gives a file the owner, group and mode of the one it replaces.
func readers(f *os.File, path string) error {
	if st, err := os.Stat(path); err == nil {
		if own, ok := st.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			if err := f.Chown(int(own.Uid), int(own.Gid)); err != nil {
				return err
			}
		}
		return f.Chmod(st.Mode().Perm() & 0o640)
	}
	g, err := user.LookupGroup(group)
	if err != nil || os.Geteuid() != 0 {
		return nil // 0600
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	return errors.Join(f.Chown(0, id), f.Chmod(0o640))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// locked runs f while no other credmgr changes the same store.
func (f Files) locked(change func() error) error {
	lock, err := os.OpenFile(f.Store+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // which gives the lock up
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return change()
}
