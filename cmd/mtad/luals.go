package main

import (
	"fmt"

	"github.com/mtad/mtad/plugins/scriptlet/luals"
)

// lualsCommand writes the stubs of the Lua API for editors.
type lualsCommand struct {
	Dir string `arg:"" help:"The directory of the policy scripts. The stubs go to .mtad below it, and .luarc.json beside them."`
}

// Run is called by kong.
func (c *lualsCommand) Run(s *streams) error {
	written, kept, err := luals.Write(c.Dir)
	if err != nil {
		return err
	}
	if kept {
		fmt.Fprintf(s.out, "%s is there already and stays; it should have: \"workspace.library\": [%q], \"runtime.nonstandardSymbol\": [\"!\", \"!=\"]\n",
			luals.Settings, luals.Library)
	}
	_, err = fmt.Fprintf(s.out, "%d files written below %s\n", len(written), c.Dir)
	return err
}
