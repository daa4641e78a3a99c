package main

import (
	"fmt"
	"os"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// luacCommand checks scripts as the server reads them.
type luacCommand struct {
	Parse bool     `short:"p" help:"Parse only; there is nothing else to do, so this is always on."`
	Files []string `arg:"" name:"file" help:"Scripts in Momentum's Lua dialect."`
}

// Run is called by kong.
func (c *luacCommand) Run(s *streams) error {
	bad := false
	for _, name := range c.Files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		_, problems := dialect.Compile(name, src, dialect.NewRuntime(dialect.Limits{}))
		for _, p := range problems {
			bad = true
			fmt.Fprintln(s.err, p.String())
		}
	}
	if bad {
		return exitError(1)
	}
	return nil
}
