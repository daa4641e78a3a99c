package main

import (
	"fmt"
	"io/fs"
	"strings"

	shipped "github.com/mtad/mtad/conf/default"
)

// libCommand shows the embedded Lua library and configuration.
type libCommand struct {
	Ls  libLs  `cmd:"" help:"List the Lua sources and the files, as a configuration names them."`
	Cat libCat `cmd:"" help:"Show one."`
}

type libLs struct{}

// Run is called by kong.
func (libLs) Run(s *streams) error {
	show := func(name func(path string) string) fs.WalkDirFunc {
		return func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			_, err = fmt.Fprintln(s.out, name(path))
			return err
		}
	}
	err := fs.WalkDir(shipped.Lua(), ".", show(func(path string) string {
		return strings.ReplaceAll(strings.TrimSuffix(path, ".lua"), "/", ".")
	}))
	if err != nil {
		return err
	}
	return fs.WalkDir(shipped.Etc(), ".", show(func(path string) string { return path }))
}

type libCat struct {
	Source string `arg:"" help:"Its name, for example msys.boot or default_policy.conf."`
}

// Run is called by kong.
func (c *libCat) Run(s *streams) error {
	b, err := fs.ReadFile(shipped.Lua(), strings.ReplaceAll(c.Source, ".", "/")+".lua")
	if err != nil {
		b, err = fs.ReadFile(shipped.Etc(), c.Source)
	}
	if err != nil {
		return fmt.Errorf("there is no built-in source %q; mtad lib ls lists them", c.Source)
	}
	_, err = s.out.Write(b)
	return err
}
