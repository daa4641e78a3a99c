package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

func main() {
	dir := flag.String("dir", filepath.Join("docs", "lua"), "where the pages go")
	flag.Parse()
	if err := write(*dir, pages(readManual())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write makes dir hold these files; pages of packages that are gone go too.
func write(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manual is what the pages are made of.
type manual struct {
	packages []api.Package // one for each name, in the order of first mention
	missing  []api.Missing
	macros   []api.Macro
	rows     []api.Row
}

func readManual() *manual {
	return &manual{api.Merge(api.Packages()), api.MissingPackages(), api.Macros(), api.Conformance()}
}

// pages are all files by name.
func pages(m *manual) map[string]string {
	files := map[string]string{
		"index.md":  indexPage(m),
		"macros.md": macrosPage(m),
	}
	at := anchors(m)
	for i := range m.packages {
		files[pageName(m.packages[i].Name)] = packagePage(&m.packages[i], at)
	}
	return files
}

func pageName(pkg string) string {
	if pkg == "" {
		return "globals.md"
	}
	return pkg + ".md"
}
