package luals

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Library is the directory of the stubs below that of the policies. Its name
// keeps it out of a listing, and out of what a configuration includes.
const Library = ".mtad"

// Settings is the file that lua-language-server reads.
const Settings = ".luarc.json"

// Write puts the stubs into dir's Library, and the settings into dir unless
// there are some already: those are their owner's. It gives the paths that it
// wrote, and whether it left the settings as they were.
func Write(dir string) (paths []string, kept bool, err error) {
	files, err := Files(Library)
	if err != nil {
		return nil, false, err
	}
	library := filepath.Join(dir, Library)
	if err := os.MkdirAll(library, 0o755); err != nil {
		return nil, false, err
	}
	if err := removeOld(library, files); err != nil {
		return nil, false, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, flag := filepath.Join(library, name), os.O_TRUNC
		if name == Settings {
			path, flag = filepath.Join(dir, name), os.O_EXCL
		}
		switch err := write(path, files[name], flag); {
		case name == Settings && errors.Is(err, fs.ErrExist):
			old, readErr := os.ReadFile(path)
			if readErr != nil {
				return paths, false, readErr
			}
			kept = string(old) != files[name]
		case err != nil:
			return paths, false, err
		default:
			paths = append(paths, path)
		}
	}
	return paths, kept, nil
}

func write(path, text string, flag int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// removeOld removes stubs of packages that are gone; nothing else.
func removeOld(library string, files map[string]string) error {
	there, err := filepath.Glob(filepath.Join(library, "*.lua"))
	if err != nil {
		return err
	}
	for _, path := range there {
		if _, ok := files[filepath.Base(path)]; ok {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "\n"+written) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
