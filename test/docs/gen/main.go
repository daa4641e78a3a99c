package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write brings every generated page up to date.
func write(root string) error {
	files, err := pages(root)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages gives the generated pages by their names below root.
func pages(root string) (map[string]string, error) {
	files := map[string]string{optionsPage: options()}
	var err error
	if files[hooksPage], err = hooks(root); err != nil {
		return nil, err
	}
	if files[rfcPage], err = rfcs(root); err != nil {
		return nil, err
	}
	return files, nil
}

// sources calls f with the text of every Go file below root/dir that is neither
// a test nor generated.
func sources(root, dir string, f func(name, text string)) error {
	return filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "pb" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !isSource(d.Name()) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		f(filepath.ToSlash(name), string(text))
		return err
	})
}
