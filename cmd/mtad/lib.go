package main

import (
	"fmt"
	"io/fs"
	"strings"

	shipped "github.com/mtad/mtad/conf/default"
)

// libCommand shows the embedded Lua library.
type libCommand struct {
	Ls  libLs  `cmd:"" help:"List the sources, as a configuration names them."`
	Cat libCat `cmd:"" help:"Show a source."`
}

type libLs struct{}

// Run is called by kong.
func (libLs) Run(s *streams) error {
	return fs.WalkDir(shipped.Lua(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = fmt.Fprintln(s.out, strings.ReplaceAll(strings.TrimSuffix(path, ".lua"), "/", "."))
		return err
	})
}

type libCat struct {
	Source string `arg:"" help:"Its name, for example msys.boot."`
}

// Run is called by kong.
func (c *libCat) Run(s *streams) error {
	b, err := fs.ReadFile(shipped.Lua(), strings.ReplaceAll(c.Source, ".", "/")+".lua")
	if err != nil {
		return fmt.Errorf("there is no built-in source %q; mtad lib ls lists them", c.Source)
	}
	_, err = s.out.Write(b)
	return err
}
